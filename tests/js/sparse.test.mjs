/** Pruned weights run in sparse kernels, where a module has them, and the answers are the same bytes as without. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { MODULE, ROOT, openLab } from './lab_for_tests.mjs';
import { onnxModel } from './support/onnx_writer.mjs';

const numbers = (n) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * i + 1));
const network = onnxModel({
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['h'], attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
    { op: 'Flatten', inputs: ['h'], outputs: ['k'] },
    { op: 'Gemm', inputs: ['k', 'v'], outputs: ['y'] },
  ],
  inputs: [['x', { dtype: 'f32', dims: ['batch', 8, 16, 16] }]],
  outputs: [['y', { dtype: 'f32', dims: ['batch', 10] }]],
  constants: [
    ['w', { dtype: 'f32', dims: [8, 8, 3, 3], data: numbers(576) }],
    ['v', { dtype: 'f32', dims: [2048, 10], data: numbers(20480) }],
  ],
});
const LEAST = join(ROOT, 'build/npm/pare.wasm'); // what the page starts on

const [full, least] = await Promise.all([MODULE, LEAST].map(openLab));

async function pruned(lab, parameters) {
  const { model, report } = await lab.loadModel(network).run({ seed: 1, steps: [{ pass: 'prune', ...parameters }] });
  const run = (batch) => model.session({ batch }).run({ x: numbers(batch * 2048) }).y;
  const layers = report.steps[1].layers.filter(({ kernel }) => /Conv|Gemm/.test(kernel));
  for (const { macs, effective_macs, nonzeros, parameters } of layers) assert.equal(effective_macs * parameters, macs * nonzeros);
  return { kernels: layers.map(({ kernel }) => kernel), answers: [1, 2, 64].map(run) };
}

for (const [name, parameters, kernels] of [
  ['2:4', { pattern: '2:4' }, ['Conv (sparse)', 'Gemm']],
  ['90 %', { amount: 0.9 }, ['Conv (sparse)', 'Gemm (sparse)']],
  ['10 %', { amount: 0.1 }, ['Conv', 'Gemm']],
])
  test(`${name} of the weights pruned: ${kernels.join(', ')}; the same answers without sparse kernels`, async () => {
    const sparse = await pruned(full, parameters);
    const dense = await pruned(least, parameters);
    assert.deepEqual(sparse.kernels, kernels);
    assert.deepEqual(dense.kernels, ['Conv', 'Gemm']);
    assert.deepEqual(sparse.answers, dense.answers);
  });
