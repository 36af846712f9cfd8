/** A network with an operator that is not there: it loads, tells where and what is left to do, and that works, in both modules and both programs. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PROGRAMS, ROOT, openLab, program } from './lab_for_tests.mjs';
import { onnxModel } from './support/onnx_writer.mjs';

const FOLDER = join(ROOT, 'build/unsupported');
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
after(() => rmSync(FOLDER, { recursive: true, force: true }));

const weights = (n) => Float32Array.from({ length: n }, (_, i) => Math.sin(i + 1));
const bytes = onnxModel({
  nodes: [
    { op: 'Gemm', inputs: ['x', 'w'], outputs: ['h'] },
    { op: 'Frobnicate', domain: 'com.example', inputs: ['h'], outputs: ['k'], attrs: { turns: 3 } },
    { op: 'Gemm', inputs: ['k', 'v'], outputs: ['y'] },
  ],
  inputs: [['x', { dtype: 'f32', dims: [1, 64] }]],
  outputs: [['y', { dtype: 'f32', dims: [1, 10] }]],
  constants: [
    ['w', { dtype: 'f32', dims: [64, 32], data: weights(64 * 32) }],
    ['v', { dtype: 'f32', dims: [32, 10], data: weights(320) }],
  ],
});
const MISSING = [{ op: 'Frobnicate', domain: 'com.example', node: 'node_1' }];

function describes(info) {
  assert.equal(info.runs, false);
  assert.match(info.problem, /com\.example\.Frobnicate \(node 'node_1'\)/);
  assert.deepEqual(info.unsupported, MISSING);
  assert.equal(info.parameters, 64 * 32 + 320);
  assert.deepEqual(
    info.layers.map(({ shape }) => shape),
    [null, null, [1, 10]],
  );
  for (const pass of ['prune', 'quantize_dynamic', 'export']) assert.ok(info.possible.includes(pass), pass);
  for (const pass of ['train', 'distill', 'quantize', 'prune_channels']) assert.ok(info.impossible.includes(pass), pass);
}

const prune = { seed: 1, steps: [{ pass: 'prune', amount: 0.5 }] };
const quantize = { seed: 1, steps: [{ pass: 'quantize_dynamic' }] };

test('shown, pruned, quantized, saved; not run', async () => {
  const lab = await openLab();
  const model = lab.loadModel(bytes);
  describes(model.info());
  assert.throws(() => model.session(), { code: 'UNSUPPORTED', message: /Frobnicate/ });
  const pruned = await model.run(prune);
  assert.equal(pruned.report.steps.length, 2);
  assert.equal(pruned.report.steps[1].nonzeros, (64 * 32 + 320) / 2);
  assert.equal(pruned.report.steps[1].accuracy, null);
  const small = (await model.run(quantize)).model.save();
  assert.ok(small.length < 0.5 * bytes.length, `${small.length} of ${bytes.length} bytes`);
  assert.deepEqual(lab.loadModel(small).info().unsupported, MISSING);
  await assert.rejects(model.run({ steps: [{ pass: 'prune_channels', amount: 0.5 }] }), { code: 'UNSUPPORTED', message: /Frobnicate/ });
});

for (const name of Object.keys(PROGRAMS)) {
  test(`${name} program: says what is left, and does it`, async () => {
    const path = join(FOLDER, 'm.onnx');
    const recipe = join(FOLDER, 'prune.json');
    writeFileSync(path, bytes);
    writeFileSync(recipe, JSON.stringify(prune));
    describes(JSON.parse((await program(name, ['info', path, '--json'])).out));
    const { out } = await program(name, ['info', path]);
    assert.match(out, /com\.example\.Frobnicate is not there: node 'node_1'/);
    const run = await program(name, ['run', path, '--recipe', recipe, '--out', join(FOLDER, name)]);
    assert.equal(run.code, 0, run.err);
    const report = JSON.parse(readFileSync(join(FOLDER, name, 'report.json'), 'utf8'));
    assert.equal(report.steps[1].nonzeros, (64 * 32 + 320) / 2);
  });
}
