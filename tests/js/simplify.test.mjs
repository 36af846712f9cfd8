/** `pare export --style simplified`: chains of shapes, constants, branches and idle nodes go, and ONNX Runtime still gives the same, whatever the open sizes are. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import ort from 'onnxruntime-node';
import { ROOT, largestDifference, program } from './lab_for_tests.mjs';
import { onnxModel } from './support/onnx_writer.mjs';

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-simplify-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** The operators of the simplified file in order, and its bytes; both programs write the same. */
async function simplified(file) {
  const written = [];
  for (const which of ['native', 'wasi']) {
    const out = join(folder, `${which}.onnx`);
    const made = await program(which, ['export', file, '--style', 'simplified', '--out', out]);
    assert.equal(made.code, 0, made.err);
    written.push(readFileSync(out));
  }
  assert.deepEqual(written[0], written[1]);
  const shown = await program('native', ['show', join(folder, 'native.onnx'), '--json']);
  const text = await program('native', ['show', join(folder, 'native.onnx')]);
  return { bytes: written[0], operators: JSON.parse(shown.out).nodes.map(({ op }) => op), shown: text.out };
}

async function answers(bytes, dims) {
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7919) % 1009) / 504 - 1);
  const { y } = await session.run({ x: new ort.Tensor('float32', data, dims) });
  await session.release();
  return y;
}

/** Equal shapes; values equal but for what folding a batch normalisation rounds. */
async function assertSame(file, bytes, shapes) {
  for (const dims of shapes) {
    const [want, have] = [await answers(readFileSync(file), dims), await answers(bytes, dims)];
    assert.deepEqual(have.dims, want.dims);
    assert.ok(largestDifference(have.data, want.data) <= 1e-6, `${dims}: ${largestDifference(have.data, want.data)}`);
  }
}

const golden = (name) => join(ROOT, 'tests/golden/onnx', name);

test('a channel shuffle with an open batch: 55 nodes become the eight that compute', async () => {
  const file = golden('open_shuffle.onnx');
  const { bytes, operators } = await simplified(file);
  assert.deepEqual(operators, ['Conv', 'Relu', 'MaxPool', 'Reshape', 'Transpose', 'Reshape', 'Reshape', 'Gemm']);
  await assertSame(
    file,
    bytes,
    [1, 2, 7].map((n) => [n, 1, 12, 12]),
  );
});

test('self-attention with open batch and length', async () => {
  const file = golden('open_attention.onnx');
  const { bytes, operators, shown } = await simplified(file);
  assert.equal(operators.length, 17);
  assert.match(shown, /\/qkv\/Add_output_0 f32 \[batch,time,48\]/, 'shapes are in the file, with the names of what is open');
  assert.match(shown, /Softmax_output_0 f32 \[batch,2,time,time\]/);
  for (const op of ['Shape', 'Gather', 'Constant', 'Concat', 'Unsqueeze', 'Cast']) assert.ok(!operators.includes(op), op);
  await assertSame(file, bytes, [[1, 5, 16], [3, 5, 16], [2, 9, 16], [4, 1, 16]]); // biome-ignore format: shapes
});

const s64 = (...values) => ({ dtype: 's64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
const f32 = (...values) => ({ dtype: 'f32', dims: [values.length], data: Float32Array.from(values) });

function fileOf(graph) {
  const file = join(folder, 'made.onnx');
  writeFileSync(file, onnxModel(graph));
  return file;
}
const open = { inputs: [['x', { dtype: 'f32', dims: ['n', 'length', 4] }]], opset: 14 };

test('a length that is clipped is not taken for a constant', async () => {
  const file = fileOf({
    ...open,
    nodes: [
      { op: 'Slice', inputs: ['x', 'zero', 'ten', 'one'], outputs: ['cut'] },
      { op: 'Shape', inputs: ['cut'], outputs: ['shape'] },
      { op: 'Gather', inputs: ['shape', 'one'], outputs: ['length'] },
      { op: 'Cast', inputs: ['length'], outputs: ['y'], attrs: { to: 1 } },
    ],
    constants: [['zero', s64(0)], ['one', s64(1)], ['ten', s64(10)]], // biome-ignore format: pairs
    outputs: [['y', { dtype: 'f32', dims: ['k'] }]],
  });
  const { bytes, operators } = await simplified(file);
  assert.deepEqual(operators, ['Slice', 'Shape', 'Gather', 'Cast']);
  await assertSame(file, bytes, [[1, 3, 4], [2, 10, 4], [1, 40, 4]]); // biome-ignore format: shapes
});

test('a branch that a known shape chooses, and nodes that do nothing, go; outputs keep their names', async () => {
  const branch = (op) => ({ graph: { nodes: [{ op, inputs: ['x'], outputs: [`${op}_out`] }], inputs: [], outputs: [[`${op}_out`, {}]] } });
  const file = fileOf({
    ...open,
    nodes: [
      { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
      { op: 'Gather', inputs: ['shape', 'two'], outputs: ['width'] },
      { op: 'Equal', inputs: ['width', 'four'], outputs: ['is_four'] },
      { op: 'If', inputs: ['is_four'], outputs: ['chosen'], attrs: { then_branch: branch('Abs'), else_branch: branch('Neg') } },
      { op: 'Identity', inputs: ['chosen'], outputs: ['same'] },
      { op: 'Transpose', inputs: ['same'], outputs: ['turned'], attrs: { perm: [0, 1, 2] } },
      { op: 'Cast', inputs: ['turned'], outputs: ['cast'], attrs: { to: 1 } },
      { op: 'Add', inputs: ['cast', 'bias'], outputs: ['sum'] },
      { op: 'Exp', inputs: ['sum'], outputs: ['nobody_reads'] },
      { op: 'Identity', inputs: ['sum'], outputs: ['y'] },
    ],
    constants: [['two', s64(2)], ['four', s64(4)], ['bias', f32(1, 2, 3, 4)]], // biome-ignore format: pairs
    outputs: [['y', { dtype: 'f32', dims: ['n', 'length', 4] }]],
  });
  const { bytes, operators } = await simplified(file);
  assert.deepEqual(operators, ['Abs', 'Add']);
  await assertSame(file, bytes, [[1, 3, 4], [2, 2, 4]]); // biome-ignore format: shapes
});

test('random numbers stay drawn, and a large constant that is made of little stays made', async () => {
  const file = fileOf({
    ...open,
    nodes: [
      { op: 'RandomNormal', inputs: [], outputs: ['noise'], attrs: { shape: [4] } },
      { op: 'ConstantOfShape', inputs: ['large'], outputs: ['zeros'] },
      { op: 'ReduceSum', inputs: ['zeros'], outputs: ['sum'], attrs: { keepdims: 0 } },
      { op: 'Sum', inputs: ['x', 'noise', 'sum'], outputs: ['y'] },
    ],
    constants: [['large', s64(1000, 1000)]],
    outputs: [['y', { dtype: 'f32', dims: ['n', 'length', 4] }]],
  });
  const { bytes, operators } = await simplified(file);
  assert.deepEqual(operators, ['RandomNormal', 'ConstantOfShape', 'ReduceSum', 'Sum']);
  assert.ok(bytes.length < 1000, `${bytes.length}`);
});
