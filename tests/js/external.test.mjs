/** Weights in files of their own (ONNX external data): given to the interface, found beside the model by both programs; and how much memory a large model takes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PROGRAMS, ROOT, openLab, program } from './lab_for_tests.mjs';
import { headOfLarge } from './support/large_model.mjs';
import { onnxModel } from './support/onnx_writer.mjs';

const FOLDER = join(ROOT, 'build/external');
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
after(() => rmSync(FOLDER, { recursive: true, force: true }));

const numbers = Float32Array.of(9, 1, 2, 3, 4, 9);
const weights = new Uint8Array(numbers.buffer);

/** y = x + w [4], with w in another file. */
function modelWith(location) {
  const dims = [4];
  const x = { dtype: 'f32', dims };
  return onnxModel({
    nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: [['x', x]],
    outputs: [['y', x]],
    constants: [['w', { dtype: 'f32', dims, external: { location, offset: 4 } }]],
  });
}

test('a model and its files, given together', async () => {
  const lab = await openLab();
  const model = lab.loadModel(modelWith('sub/w.bin'), { externalData: { 'w.bin': weights } });
  const { y } = model.session().run({ x: Float32Array.of(10, 20, 30, 40) });
  assert.deepEqual([...y], [11, 22, 33, 44]);
  assert.deepEqual([...lab.loadModel(model.save()).weights()[0].data], [1, 2, 3, 4], 'saved as one file');
  assert.throws(() => lab.loadModel(modelWith('w.bin')), {
    code: 'UNSUPPORTED',
    message: /'w': its data is in another file \('w.bin'\)/,
  });
  const short = { externalData: { 'w.bin': weights.slice(0, 12) } };
  assert.throws(() => lab.loadModel(modelWith('w.bin'), short), { code: 'BAD_MODEL', message: /too short/ });
});

test('what no memory can hold is refused with its size', async () => {
  const lab = await openLab();
  const huge = { length: 3 * 2 ** 30 };
  assert.throws(() => lab.loadModel(huge), { code: 'OUT_OF_MEMORY', message: /3221225472 bytes: it is too large/ });
});

for (const name of Object.keys(PROGRAMS)) {
  test(`${name} program: reads the folder of the model, and nothing else`, async () => {
    const path = join(FOLDER, 'm.onnx');
    writeFileSync(join(FOLDER, 'w.bin'), weights);
    writeFileSync(path, modelWith('w.bin'));
    const { code, out, err } = await program(name, ['info', path, '--json']);
    assert.equal(code, 0, err);
    assert.equal(JSON.parse(out).parameters, 4);
    rmSync(join(FOLDER, 'link.bin'), { force: true });
    symlinkSync('/etc/hostname', join(FOLDER, 'link.bin'));
    for (const [location, why] of [
      ['../m.onnx', /only files of the model's own folder/],
      ['/etc/hostname', /only files of the model's own folder/],
      ['link.bin', /is a link/],
      ['missing.bin', /cannot be opened/],
    ]) {
      writeFileSync(path, modelWith(location));
      const refused = await program(name, ['info', path]);
      assert.notEqual(refused.code, 0);
      assert.match(refused.err, why, location);
    }
  });
}

/** Writes `n` rows of a megabyte, without holding them. */
function writeMegabytes(path, n, head = Buffer.alloc(0)) {
  const file = openSync(path, 'w');
  const megabyte = Buffer.alloc(2 ** 20, 0x3c);
  writeSync(file, head);
  for (let i = 0; i < n; i++) writeSync(file, megabyte);
  closeSync(file);
}

/** The most memory that the native program held at once, in bytes. */
function peakOf(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAMS.native[0], args, { stdio: 'ignore' });
    let peak = 0;
    const look = () => {
      try {
        const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
        peak = Math.max(peak, Number(kilobytes ?? 0) * 1024);
      } catch {} // it has ended
    };
    const timer = setInterval(look, 2);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      if (code === 0) resolve(peak);
      else reject(new Error(`exit code ${code}`));
    });
  });
}

const LARGE = 500;

test('500 MB of weights beside the model load in at most 1.2 times their size', { skip: process.platform !== 'linux' }, async () => {
  const path = join(FOLDER, 'large.onnx');
  writeMegabytes(join(FOLDER, 'large.bin'), LARGE);
  const dims = [LARGE, 2 ** 18];
  const rows = onnxModel({
    nodes: [{ op: 'Gather', inputs: ['w', 'i'], outputs: ['y'] }],
    inputs: [['i', { dtype: 's64', dims: [1] }]],
    outputs: [['y', { dtype: 'f32', dims: [1, 2 ** 18] }]],
    constants: [['w', { dtype: 'f32', dims, external: { location: 'large.bin', offset: 0 } }]],
  });
  writeFileSync(path, rows);
  const peak = await peakOf(['info', path]);
  console.log(`external data: ${(peak / LARGE / 2 ** 20).toFixed(3)} of the weights' size`);
  assert.ok(peak > LARGE * 2 ** 20 && peak <= 1.2 * LARGE * 2 ** 20, `${peak} bytes`);
});

test('500 MB of weights inside the model load in at most 1.2 times their size', { skip: process.platform !== 'linux' }, async () => {
  const path = join(FOLDER, 'inside.onnx');
  const size = LARGE * 2 ** 20;
  writeMegabytes(path, LARGE, headOfLarge(LARGE));
  const peak = await peakOf(['info', path]);
  console.log(`weights inside: ${(peak / LARGE / 2 ** 20).toFixed(3)} of their size`);
  assert.ok(peak > size && peak <= 1.2 * size, `${peak} bytes`);
});
