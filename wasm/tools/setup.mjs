/**
 * Installs what is missing, and nothing twice: `setup.mjs build` (what the builds need) or `setup.mjs test` (and what
 * the tests need). Debian packages come from apt-get, as root or through sudo; elsewhere it says what to get, and how.
 * It runs on a fresh clone, so it uses Node built-ins only.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, isMain, must, tries, which } from './run.mjs';

const has = (path) => () => existsSync(path);
const runs = (program) => () => which(program) !== null;

/** The one list: package, for which group, how to see that it is there (by file, so that other systems' copies count). */
const NEEDS = [
  { package: 'gcc', group: 'build', there: runs('cc') },
  { package: 'libc6-dev', group: 'build', there: has('/usr/include/stdio.h') },
  { package: 'cmake', group: 'build', there: runs('cmake') },
  { package: 'ninja-build', group: 'build', there: runs('ninja') },
  { package: 'clang-19', group: 'build', there: runs('clang-19') },
  { package: 'lld-19', group: 'build', there: runs('wasm-ld-19') },
  { package: 'wasi-libc', group: 'build', there: has('/usr/lib/wasm32-wasi/libc.a') },
  {
    package: 'libclang-rt-19-dev-wasm32',
    group: 'build',
    there: has('/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a'),
  },
  { package: 'libjsmn-dev', group: 'build', there: has('/usr/include/jsmn.h') },
  { package: 'libstb-dev', group: 'build', there: has('/usr/include/stb/stb_image.h') },
  { package: 'libsimde-dev', group: 'build', there: has('/usr/include/simde/wasm/simd128.h') },
  { package: 'libcmocka-dev', group: 'build', there: has('/usr/include/cmocka.h') },
  {
    package: 'dataset-fashion-mnist',
    group: 'build',
    there: has('/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz'),
  },
  { package: 'chromium', group: 'test', there: has('/usr/bin/chromium') },
  { package: 'libonnx-testdata', group: 'test', there: has('/usr/share/libonnx-testdata/data/node') },
  { package: 'clang', group: 'test', there: runs('clang') },
  { package: 'clang-format', group: 'test', there: runs('clang-format') },
  { package: 'clang-tidy', group: 'test', there: runs('clang-tidy') },
  { package: 'pkg-config', group: 'test', there: runs('pkg-config') },
];

const missing = (group) => NEEDS.filter((need) => (group === 'test' || need.group === 'build') && !need.there());

/** What stands before apt-get: nothing for root, sudo where it asks no password, null where neither works. */
function privilege() {
  if (process.getuid?.() === 0) return [];
  const sudo = which('sudo');
  if (sudo && spawnSync(sudo, ['-n', 'true'], { stdio: 'ignore' }).status === 0) return [sudo, '-n'];
  return null;
}

function explain(needs, why) {
  const names = needs.map((need) => need.package).join(' ');
  console.error(`\nPare needs these, and they are missing: ${names}`);
  console.error(why);
  console.error('On Debian 12, as root:');
  console.error(`  apt-get update && apt-get install --no-install-recommends ${names}`);
  console.error('Elsewhere: the same programs and headers from your system, at the same places.');
  process.exit(1);
}

function installPackages(group) {
  const needs = missing(group);
  if (needs.length === 0) return;
  const before = privilege();
  if (!existsSync('/etc/debian_version') || !which('apt-get')) explain(needs, 'This system is not Debian, so nothing was installed.');
  if (before === null) explain(needs, 'Installing them needs root (or sudo without a password), so nothing was installed.');
  const names = needs.map((need) => need.package);
  console.log(`installing Debian packages: ${names.join(' ')}`);
  const env = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', '-o', 'DPkg::Lock::Timeout=600', '-o', 'Acquire::Retries=3'];
  const [program, ...args] = [...before, ...env];
  if (!tries(program, [...args, 'update'])) console.error('apt-get update failed; trying with the package lists that are there');
  if (!tries(program, [...args, 'install', '--no-install-recommends', ...names]))
    explain(needs, 'apt-get could not install them (its message is above).');
  const still = missing(group);
  if (still.length > 0) explain(still, 'apt-get ended well, but these were not found where they should be.');
}

function installNodeModules() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    console.error(`Pare needs Node.js 20 or later; this is ${process.versions.node}.`);
    process.exit(1);
  }
  if (major === 20 && minor < 19) console.error(`note: the page's build wants Node.js 20.19 or later; this is ${process.versions.node}.`);
  const stamp = join(ROOT, 'node_modules/.pare-setup');
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === lock) return;
  if (!which('npm')) {
    console.error('Pare needs npm on PATH.');
    process.exit(1);
  }
  console.log('installing npm packages');
  // onnxruntime-node is only asked to check exported models on the CPU; without this it would fetch GPU libraries.
  must('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { ONNXRUNTIME_NODE_INSTALL: 'skip' });
  writeFileSync(stamp, lock);
}

export function setup(group) {
  installPackages(group);
  installNodeModules();
}

if (isMain(import.meta.url)) {
  const group = process.argv[2] ?? 'build';
  if (group !== 'build' && group !== 'test') {
    console.error('usage: setup.mjs [build|test]');
    process.exit(2);
  }
  setup(group);
  console.log('everything that is needed is there');
}
