/** The example for Node.js runs as it stands, and what it writes runs in ONNX Runtime. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { DATA, ROOT, classesOf, modelPath, openLab, testFiles } from './lab_for_tests.mjs';
import { ortLogits } from './ort_for_tests.mjs';

const run = promisify(execFile);
const EXAMPLE = join(ROOT, 'examples/node/compress.mjs');

test('compress.mjs makes LeNet-5 smaller, and it still answers well', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pare-example-'));
  try {
    const out = join(folder, 'small.onnx');
    const { stdout } = await run(process.execPath, [EXAMPLE, modelPath('lenet5'), DATA, out, '1000']);
    const lines = stdout.trim().split('\n');
    assert.equal(lines.length, 5, stdout);
    const percent = lines.map((line) => Number(/: ([\d.]+) % right/.exec(line)[1]));
    assert.equal(percent[0], percent[1], 'the original of the report is the model that was evaluated');
    assert.ok(percent[4] > 80, stdout);
    const small = new Uint8Array(readFileSync(out));
    assert.ok(small.length < 0.4 * readFileSync(modelPath('lenet5')).length, `${small.length} bytes`);
    const lab = await openLab();
    const { pixels, labels } = lab.loadDataset(testFiles()).samples('test', 0, 1000);
    const right = classesOf(await ortLogits(small, pixels, 1000), 10).filter((answer, i) => answer === labels[i]).length;
    assert.ok(Math.abs(right / 10 - percent[4]) <= 0.5, `ONNX Runtime ${right / 10} %, here ${percent[4]} %`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('compress.mjs without arguments says how it is used', async () => {
  await assert.rejects(run(process.execPath, [EXAMPLE]), (error) => error.code === 2 && error.stderr.startsWith('usage:'));
});
