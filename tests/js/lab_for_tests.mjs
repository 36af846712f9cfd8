/** What the tests of the Node interface share: the module, the bundled networks, Fashion-MNIST, the two programs. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLab } from 'pare';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const NETWORKS = ['lenet5', 'lenet300', 'lenet5_caffe', 'resnet8', 'dscnn', 'lstm_teacher', 'lstm_student'];

/** The module that npm and the page carry, with every operator and pass; and as it was linked, before wasm-opt. */
export const MODULE = join(ROOT, 'build/npm/pare-wide.wasm');
export const LINKED = join(ROOT, 'build/wasm-simd/pare-wide.wasm');
export const PROGRAMS = {
  native: [join(ROOT, 'build/native/pare')],
  wasi: [process.execPath, join(ROOT, 'wasm/cli/pare.mjs')],
};

export const openLab = (wasm = MODULE) => createLab({ wasm });

export const modelPath = (network) => join(ROOT, 'examples/models', `${network}.onnx`);
export const modelBytes = (network) => new Uint8Array(readFileSync(modelPath(network)));
export const facts = (network) => JSON.parse(readFileSync(join(ROOT, 'examples/models', `${network}.json`), 'utf8'));

/** The folder of the four IDX files, found as the core finds it. */
export const DATA = [process.env.PARE_DATA, '/usr/share/datasets/fashion-mnist', join(ROOT, 'examples/data')].find(
  (folder) => folder && existsSync(join(folder, 't10k-labels-idx1-ubyte.gz')),
);

function dataFiles(...prefixes) {
  return prefixes
    .flatMap((prefix) => [`${prefix}-images-idx3-ubyte.gz`, `${prefix}-labels-idx1-ubyte.gz`])
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(DATA, name))) }));
}
export const testFiles = () => dataFiles('t10k');
export const allFiles = () => dataFiles('train', 't10k');

/** Runs a program to its end; what it wrote, and its exit code. */
export function program(name, args, options = {}) {
  const [file, ...first] = PROGRAMS[name];
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (said.err += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...said }));
  });
}

export function largestDifference(a, b) {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/** The place of the largest of each row of `width`. */
export function classesOf(rows, width) {
  const classes = [];
  for (let row = 0; row < rows.length; row += width) {
    let best = 0;
    for (let i = 1; i < width; i++) if (rows[row + i] > rows[row + best]) best = i;
    classes.push(best);
  }
  return classes;
}
