/** The peers: npm packages of their own lock file, installed into build/bench/peers, and what PyTorch there is. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BENCH, ROOT } from './places.mjs';

const SOURCE = join(ROOT, 'tests/bench/peers');
const PEERS = join(BENCH, 'peers');
export const PYTHON = '/usr/bin/python3';

/** Runs a program to its end; resolves to what it wrote, rejects with its last words. */
export function command(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${program}: ${err.trim().split('\n').slice(-3).join(' ')}`)),
    );
  });
}

async function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(SOURCE, 'package-lock.json')))
    .digest('hex');
  const stamp = join(PEERS, 'node_modules/.stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  mkdirSync(PEERS, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(SOURCE, name), join(PEERS, name));
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  await command('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], { cwd: PEERS, env });
  writeFileSync(stamp, lock);
}

/** null when they are there, or why they are not; asked once. */
let state;
export function installPeers(say) {
  if (!state) {
    say('installing the peers (onnxruntime-web, TensorFlow.js) into build/bench/peers');
    const explain = (error) => `it could not be installed: ${error.message}`;
    state = install().then(() => null, explain);
  }
  return state;
}
