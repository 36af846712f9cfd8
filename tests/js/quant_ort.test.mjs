/**
 * Integer operators against ONNX Runtime, bit for bit, over random cases; and the exported int8 networks, run by both.
 * Before VNNI, x86 processors sum pairs of 8-bit products in 16 bits, and ONNX Runtime's results saturate there: without it weights stay small.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import ort from 'onnxruntime-node';
import { npyBytes, onnxModel, readNpy } from './support/onnx_writer.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PARE = process.env.PARE_PROGRAM ?? join(ROOT, 'build/native/pare');
const FASHION = '/usr/share/datasets/fashion-mnist';
const cpu = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
const MOST_WEIGHT = /avx512_vnni|avx_vnni/.test(cpu) || process.arch !== 'x64' ? 127 : 64;
const ORT_TYPES = { f32: 'float32', u8: 'uint8', s8: 'int8', s32: 'int32' };

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-quant-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function pare(...args) {
  const done = spawnSync(PARE, args, { encoding: 'utf8', timeout: 600_000 });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout;
}

/** A small generator of its own (xorshift32), so that cases are always the same. */
let state = 1;
const seed = (value) => {
  state = value;
};
function below(n) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
}
const pick = (...items) => items[below(items.length)];
const real = (low, high) => Math.fround(low + (below(1 << 24) / (1 << 24)) * (high - low));
const count = (dims) => dims.reduce((a, b) => a * b, 1);

const LIMITS = { u8: [0, 255], s8: [-128, 127] };
/** Random integers with many extremes. */
function integers(dtype, dims, most = 255) {
  const [low, high] = LIMITS[dtype].map((v) => Math.max(-most - (most === 127 ? 1 : 0), Math.min(most, v)));
  const data = new (dtype === 'u8' ? Uint8Array : Int8Array)(count(dims));
  for (let i = 0; i < data.length; i++) data[i] = below(6) === 0 ? pick(low, high) : low + below(high - low + 1);
  return { dtype, dims, data };
}
const zeros = (dtype, dims) => ({ dtype, dims, data: new (dtype === 'u8' ? Uint8Array : Int8Array)(count(dims)) });
const f32 = (dims, make) => ({ dtype: 'f32', dims, data: Float32Array.from({ length: count(dims) }, make) });
const s32 = (dims, make) => ({ dtype: 's32', dims, data: Int32Array.from({ length: count(dims) }, make) });
const scalar = (value) => f32([], () => value);
const zeroPoint = (dtype) => integers(dtype, []);

/** Many cases in one model: each is a node with inputs (graph inputs), constants, and the type and dims of its outputs. */
class Cases {
  nodes = [];
  inputs = new Map();
  outputs = new Map();
  constants = new Map();

  /** operands: [kind, tensor] with kind 'in' or 'const', or null for one that is left out. */
  add(op, operands, outputs, attrs = {}, domain = '') {
    const i = this.nodes.length;
    const inputs = operands.map((operand, k) => {
      if (!operand) return '';
      const [kind, tensor] = operand;
      (kind === 'in' ? this.inputs : this.constants).set(`v${i}_${k}`, tensor);
      return `v${i}_${k}`;
    });
    const names = outputs.map((output, k) => {
      this.outputs.set(`y${i}_${k}`, output);
      return `y${i}_${k}`;
    });
    this.nodes.push({ op, domain, inputs, outputs: names, attrs });
  }

  /** Runs both; fails at the first output whose bytes differ. */
  async compare(name) {
    const bytes = onnxModel(this);
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, bytes);
    const args = [];
    const feeds = {};
    for (const [input, tensor] of this.inputs) {
      const file = join(folder, `${name}-${input}.npy`);
      writeFileSync(file, npyBytes(tensor));
      args.push('--input', `${input}=${file}`);
      feeds[input] = new ort.Tensor(ORT_TYPES[tensor.dtype], tensor.data, tensor.dims);
    }
    pare('infer', path, ...args, '--out', join(folder, name));
    const session = await ort.InferenceSession.create(path, { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 });
    const expected = await session.run(feeds);
    for (const output of this.outputs.keys()) {
      const have = readNpy(readFileSync(join(folder, name, `${output}.npy`)));
      const want = expected[output];
      const node = this.nodes[Number(/\d+/.exec(output)[0])];
      const what = `${name}: ${output} of ${node.op} ${JSON.stringify(node.attrs)}`;
      assert.deepEqual(have.dims, [...want.dims], what);
      for (let k = 0; k < want.data.length; k++) {
        if (!Object.is(have.data[k], want.data[k]))
          assert.fail(`${what}: element ${k} is ${have.data[k]}, ONNX Runtime has ${want.data[k]}`);
      }
    }
    return this.nodes.length;
  }
}

/** Operands of a quantized activation or weight: tensor, scale, zero point. */
function convCase(cases, integer) {
  const type = pick('u8', 's8');
  const weightType = type === 'u8' ? pick('s8', 's8', 'u8') : 's8';
  const depthwise = below(4) === 0;
  const groups = depthwise ? 2 + below(6) : pick(1, 1, 2, 3);
  const perGroup = depthwise ? 1 : 1 + below(6);
  const out = groups * (depthwise ? 1 : 1 + below(9));
  const kernel = [1 + below(4), 1 + below(4)];
  const strides = [1 + below(3), 1 + below(3)];
  const dilations = [1 + below(2), 1 + below(2)];
  const pads = kernel.concat(kernel).map((k) => below(k));
  const size = [0, 1].map((i) => (kernel[i] - 1) * dilations[i] + 1 + below(14));
  const batch = 1 + below(2);
  const x = integers(type, [batch, groups * perGroup, ...size]);
  const w = integers(weightType, [out, perGroup, ...kernel], weightType === 's8' ? MOST_WEIGHT : 255);
  const spatial = [0, 1].map((i) => Math.floor((size[i] + pads[i] + pads[i + 2] - (kernel[i] - 1) * dilations[i] - 1) / strides[i]) + 1);
  const attrs = { group: groups, kernel_shape: kernel, strides, dilations, pads };
  const yDims = [batch, out, ...spatial];
  if (integer) {
    cases.add(
      'ConvInteger',
      [
        ['in', x],
        ['const', w],
        ['const', zeroPoint(type)],
        ['const', zeros(weightType, [])],
      ],
      [{ dtype: 's32', dims: yDims }],
      attrs,
    );
    return;
  }
  const perChannel = weightType === 's8' && below(2) === 0;
  const sum = Math.sqrt(perGroup * kernel[0] * kernel[1]) * 0.02;
  const operands = [
    ['in', x],
    ['const', scalar(real(0.005, 0.02))],
    ['const', zeroPoint(type)],
    ['const', w],
    ['const', perChannel ? f32([out], () => real(0.005, 0.02)) : scalar(real(0.005, 0.02))],
    ['const', perChannel ? zeros(weightType, [out]) : weightType === 's8' ? zeros('s8', []) : zeroPoint('u8')],
    ['const', scalar(real(sum * 0.2, sum))],
    ['const', zeroPoint(type)],
  ];
  if (below(2)) operands.push(['const', s32([out], () => below(20000) - 10000)]);
  cases.add('QLinearConv', operands, [{ dtype: type, dims: yDims }], attrs);
}

function matrixCase(cases, op) {
  const type = pick('u8', 's8');
  const weightType = op !== 'MatMulInteger' && type === 's8' ? 's8' : pick('u8', 's8'); // ONNX Runtime has no s8 by u8 elsewhere
  const [m, k, n] = [1 + below(20), 1 + below(70), 1 + below(40)];
  const lead = op === 'QGemm' ? [] : pick([], [], [1 + below(3)]);
  const batched = lead.length > 0 && op !== 'MatMulIntegerToFloat' && below(3) === 0;
  const a = integers(type, [...lead, m, k]);
  const b = integers(weightType, [...(batched ? lead : []), k, n], weightType === 's8' ? MOST_WEIGHT : 255);
  const perColumn = !batched && below(2) === 0;
  const bZero = perColumn ? integers(weightType, [n], weightType === 's8' ? MOST_WEIGHT : 255) : zeroPoint(weightType);
  const aScale = scalar(real(0.005, 0.02));
  const bScale = perColumn ? f32([n], () => real(0.005, 0.02)) : scalar(real(0.005, 0.02));
  const ySum = Math.sqrt(k) * 0.02;
  const side = pick('in', 'const');
  const dims = [...lead, m, n];
  const yZero = zeroPoint(type);
  const quantized = [
    ['const', scalar(real(ySum * 0.3, ySum))],
    ['const', yZero],
  ];
  if (op === 'MatMulInteger') {
    cases.add(
      op,
      [
        ['in', a],
        [side, b],
        ['const', zeroPoint(type)],
        ['const', bZero],
      ],
      [{ dtype: 's32', dims }],
    );
  } else if (op === 'QLinearMatMul') {
    cases.add(
      op,
      [['in', a], ['const', aScale], ['const', zeroPoint(type)], [side, b], ['const', bScale], ['const', bZero], ...quantized],
      [{ dtype: type, dims }],
    );
  } else if (op === 'MatMulIntegerToFloat') {
    cases.add(
      op,
      [
        ['in', a],
        [side, b],
        ['const', aScale],
        ['const', bScale],
        ['const', zeroPoint(type)],
        ['const', bZero],
      ],
      [{ dtype: 'f32', dims }],
      {},
      'com.microsoft',
    );
  } else {
    const transB = below(2);
    const stored = transB ? integers(weightType, [n, k], weightType === 's8' ? MOST_WEIGHT : 255) : b;
    const zero = perColumn ? zeros(weightType, [n]) : bZero;
    const operands = [
      ['in', a],
      ['const', aScale],
      ['const', zeroPoint(type)],
      ['const', stored],
      ['const', bScale],
      ['const', zero],
    ];
    operands.push(below(3) ? ['const', s32([n], () => below(20000) - 10000)] : null);
    const toBytes = below(2) === 0;
    if (toBytes) operands.push(...quantized);
    cases.add(op, operands, [{ dtype: toBytes ? type : 'f32', dims }], { transB, alpha: { float: 1 } }, 'com.microsoft');
  }
}

/** Values with many halves of the scale, and some far outside. */
const awkward = (dims, scale) =>
  f32(dims, () =>
    below(3) ? Math.fround((below(800) - 400) * 0.5 * scale) : below(20) ? real(-300 * scale, 300 * scale) : pick(1e30, -1e30, 0, -0),
  );

/** 60 cases, 12 to a model. */
async function many(name, start, make) {
  seed(start);
  for (let part = 0; part < 5; part++) {
    const cases = new Cases();
    for (let i = 0; i < 12; i++) make(cases);
    assert.equal(await cases.compare(`${name}-${part}`), 12);
  }
}

test('QLinearConv equals ONNX Runtime bit for bit', async () => {
  await many('QLinearConv', 11, (cases) => convCase(cases, false));
  await many('QLinearConv2', 12, (cases) => convCase(cases, false));
});
test('ConvInteger equals ONNX Runtime bit for bit', () =>
  many('ConvInteger', 13, (cases) => {
    // ONNX Runtime has this operator for u8 inputs only
    const before = cases.nodes.length;
    while (cases.nodes.length === before) {
      const trial = new Cases();
      convCase(trial, true);
      const [x] = trial.inputs.values();
      const [w, xZero, wZero] = trial.constants.values();
      if (x.dtype === 'u8')
        cases.add(
          'ConvInteger',
          [
            ['in', x],
            ['const', w],
            ['const', xZero],
            ['const', wZero],
          ],
          [...trial.outputs.values()],
          trial.nodes[0].attrs,
        );
    }
  }));
for (const [i, op] of ['QLinearMatMul', 'MatMulInteger', 'MatMulIntegerToFloat', 'QGemm'].entries()) {
  test(`${op} equals ONNX Runtime bit for bit`, () => many(op, 21 + i, (cases) => matrixCase(cases, op)));
}

test('DynamicQuantizeLinear equals ONNX Runtime bit for bit', () =>
  many('DynamicQuantizeLinear', 31, (cases) => {
    const dims = pick([1 + below(100)], [1 + below(5), 1 + below(30)]);
    const kind = below(6);
    const scale = real(0.001, 3);
    const x = f32(dims, () =>
      kind === 0 ? 0 : kind === 1 ? real(0, scale) : kind === 2 ? real(-scale, 0) : (below(511) - 255) * scale * 0.5,
    );
    cases.add(
      'DynamicQuantizeLinear',
      [['in', x]],
      [
        { dtype: 'u8', dims },
        { dtype: 'f32', dims: [] },
        { dtype: 'u8', dims: [] },
      ],
    );
  }));

test('QuantizeLinear and DequantizeLinear equal ONNX Runtime bit for bit', () =>
  many('QuantizeLinear', 32, (cases) => {
    const type = pick('u8', 's8');
    const dims = [1 + below(3), 1 + below(5), 1 + below(20)];
    const axis = below(3);
    const whole = below(2) === 0;
    const scale = whole ? scalar(real(0.001, 2)) : f32([dims[axis]], () => real(0.001, 2));
    const zero = whole ? zeroPoint(type) : integers(type, [dims[axis]]);
    const attrs = whole ? {} : { axis };
    if (below(2))
      cases.add(
        'QuantizeLinear',
        [
          ['in', awkward(dims, scale.data[0])],
          ['const', scale],
          ['const', zero],
        ],
        [{ dtype: type, dims }],
        attrs,
      );
    else
      cases.add(
        'DequantizeLinear',
        [
          ['in', integers(type, dims)],
          ['const', scale],
          ['const', zero],
        ],
        [{ dtype: 'f32', dims }],
        attrs,
      );
  }));

/** Tensor, scale and zero point as graph input and constants. */
const quantized = (type, dims, low, high) => [
  ['in', integers(type, dims)],
  ['const', scalar(real(low, high))],
  ['const', zeroPoint(type)],
];
const outputOf = (type, low, high) => [
  ['const', scalar(real(low, high))],
  ['const', zeroPoint(type)],
];

test('QLinearMul and QLinearAdd with broadcasting equal ONNX Runtime bit for bit', () =>
  many('QLinearMul', 34, (cases) => {
    const type = pick('u8', 's8');
    const dims = [1 + below(2), 1 + below(9), 1 + below(8), 1 + below(8)];
    const other = pick(dims, [dims[0], dims[1], 1, 1], [1, dims[1], 1, 1], [dims[3]], [1], [dims[2], 1]);
    const [a, b] = pick([dims, other], [other, dims]);
    const product = below(3) > 0;
    const operands = [...quantized(type, a, 0.01, 0.05), ...quantized(type, b, 0.01, 0.05)];
    const scale = product ? [0.01, 0.1] : [0.02, 0.1];
    cases.add(
      product ? 'QLinearMul' : 'QLinearAdd',
      [...operands, ...outputOf(type, ...scale)],
      [{ dtype: type, dims }],
      {},
      'com.microsoft',
    );
  }));

test('QLinearAveragePool equals ONNX Runtime bit for bit', () =>
  many('QLinearAveragePool', 35, (cases) => {
    const type = pick('u8', 's8');
    const kernel = [1 + below(4), 1 + below(4)];
    const strides = [1 + below(3), 1 + below(3)];
    const pads = kernel.concat(kernel).map((k) => below(k));
    const size = [0, 1].map((i) => kernel[i] + below(10));
    const padded = below(2);
    const up = padded ? 0 : below(2);
    const spatial = [0, 1].map((i) => (size[i] + pads[i] + pads[i + 2] - kernel[i]) / strides[i]);
    const last = (i) =>
      Math.floor(spatial[i]) + 1 + (up && spatial[i] % 1 && (Math.floor(spatial[i]) + 1) * strides[i] < size[i] + pads[i] ? 1 : 0);
    const dims = [1 + below(2), 1 + below(5)];
    const same = below(4) === 0; // equal scales: many means stand half-way between two integers
    const x = quantized(type, [...dims, ...size], 0.01, 0.05);
    const y = same ? x.slice(1) : outputOf(type, 0.005, 0.05);
    const attrs = { kernel_shape: kernel, strides, pads, count_include_pad: padded, ceil_mode: up };
    cases.add('QLinearAveragePool', [...x, ...y], [{ dtype: type, dims: [...dims, last(0), last(1)] }], attrs, 'com.microsoft');
  }));

test('QLinearConcat equals ONNX Runtime bit for bit', () =>
  many('QLinearConcat', 36, (cases) => {
    const type = pick('u8', 's8');
    const dims = [1 + below(3), 1 + below(4), 1 + below(5), 1 + below(6)].slice(0, 2 + below(3));
    const axis = below(dims.length);
    const output = outputOf(type, 0.01, 0.05);
    const operands = [...output];
    const n = 1 + below(4);
    let length = 0;
    for (let i = 0; i < n; i++) {
      const own = dims.with(axis, 1 + below(4));
      length += own[axis];
      const x = quantized(type, own, 0.01, 0.05);
      operands.push(...(below(3) ? x : [x[0], ...output]));
    }
    cases.add(
      'QLinearConcat',
      operands,
      [{ dtype: type, dims: dims.with(axis, length) }],
      { axis: pick(axis, axis - dims.length) },
      'com.microsoft',
    );
  }));

test('QLinearSigmoid and QLinearLeakyRelu equal ONNX Runtime bit for bit', () =>
  many('QLinearSigmoid', 37, (cases) => {
    const type = pick('u8', 's8');
    const dims = [1 + below(3), 300];
    const leaky = below(2) === 0;
    const x = quantized(type, dims, 0.01, 0.1);
    const y = leaky
      ? outputOf(type, 0.01, 0.1)
      : [
          ['const', scalar(real(0.003, 0.01))],
          ['const', zeroPoint(type)],
        ];
    const attrs = leaky ? { alpha: { float: real(-0.5, 1.5) } } : {};
    cases.add(leaky ? 'QLinearLeakyRelu' : 'QLinearSigmoid', [...x, ...y], [{ dtype: type, dims }], attrs, 'com.microsoft');
  }));

test('QLinearAdd and QLinearGlobalAveragePool equal ONNX Runtime bit for bit', () =>
  many('QLinearAdd', 33, (cases) => {
    const type = pick('u8', 's8');
    const dims = [1 + below(2), 1 + below(4), 1 + below(8), 1 + below(8)];
    if (below(2)) {
      const operands = [];
      for (let i = 0; i < 2; i++)
        operands.push(['in', integers(type, dims)], ['const', scalar(real(0.01, 0.05))], ['const', zeroPoint(type)]);
      cases.add(
        'QLinearAdd',
        [...operands, ['const', scalar(real(0.02, 0.1))], ['const', zeroPoint(type)]],
        [{ dtype: type, dims }],
        {},
        'com.microsoft',
      );
    } else {
      const operands = [
        ['in', integers(type, dims)],
        ['const', scalar(real(0.01, 0.05))],
        ['const', zeroPoint(type)],
        ['const', scalar(real(0.005, 0.05))],
        ['const', zeroPoint(type)],
      ];
      cases.add('QLinearGlobalAveragePool', operands, [{ dtype: type, dims: [dims[0], dims[1], 1, 1] }], {}, 'com.microsoft');
    }
  }));

// ---- whole networks --------------------------------------------------------------------------------------------------

/** The 10,000 test images as the networks take them. */
function testImages() {
  const raw = gunzipSync(readFileSync(join(FASHION, 't10k-images-idx3-ubyte.gz'))).subarray(16);
  return { dtype: 'f32', dims: [10000, 1, 28, 28], data: Float32Array.from(raw, (v) => Math.fround(v / 255)) };
}

const answersOf = (logits) =>
  Array.from({ length: logits.length / 10 }, (_, i) => {
    let best = 0;
    for (let c = 1; c < 10; c++) if (logits[i * 10 + c] > logits[i * 10 + best]) best = c;
    return best;
  });

let images;
async function bothAnswer(name, recipe) {
  images ??= testImages();
  const out = join(folder, `net-${name}-${recipe.steps[0].pass}`);
  const recipeFile = join(folder, 'recipe.json');
  const imageFile = join(folder, 'image.npy');
  writeFileSync(recipeFile, JSON.stringify(recipe));
  if (!existsSync(imageFile)) writeFileSync(imageFile, npyBytes(images));
  pare(
    'run',
    join(ROOT, 'examples/models', `${name}.onnx`),
    '--recipe',
    recipeFile,
    '--data',
    'fashion-mnist',
    '--limit-test',
    '100',
    '--out',
    out,
  );
  const model = join(out, 'model.onnx');
  pare('infer', model, '--input', `image=${imageFile}`, '--out', out);
  const have = readNpy(readFileSync(join(out, 'logits.npy'))).data;
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const want = (await session.run({ image: new ort.Tensor('float32', images.data, images.dims) })).logits.data;
  const [a, b] = [answersOf(have), answersOf(want)];
  const labels = gunzipSync(readFileSync(join(FASHION, 't10k-labels-idx1-ubyte.gz'))).subarray(8);
  const recorded = JSON.parse(readFileSync(join(ROOT, 'examples/models', `${name}.json`), 'utf8')).test_right_of_10000;
  const right = a.filter((answer, i) => answer === labels[i]).length;
  assert.ok(right >= recorded - 30, `${right} of 10000 are right, in f32 ${recorded}`);
  return { agree: a.filter((answer, i) => answer === b[i]).length, bytes: readFileSync(model).length };
}

for (const name of ['lenet5', 'lenet5_caffe', 'lenet300', 'resnet8', 'dscnn']) {
  for (const activations of ['u8', 's8']) {
    if (activations === 's8' && name !== 'lenet5_caffe') continue;
    test(`${name} in int8 with ${activations} activations answers as ONNX Runtime does`, async (t) => {
      const { agree, bytes } = await bothAnswer(name, { seed: 1, steps: [{ pass: 'quantize', activations }] });
      t.diagnostic(`${agree} of 10000 answers agree; ${bytes} bytes`);
      assert.ok(agree >= 9980, `${agree} of 10000 agree`);
      if (name === 'lenet5_caffe') assert.ok(bytes <= 0.27 * 1725561, `${bytes} bytes`);
    });
  }
}

for (const name of ['lenet300', 'lstm_student']) {
  test(`${name} quantized dynamically answers as ONNX Runtime does`, async (t) => {
    const { agree } = await bothAnswer(name, { seed: 1, steps: [{ pass: 'quantize_dynamic' }] });
    t.diagnostic(`${agree} of 10000 answers agree`);
    assert.ok(agree >= 9980, `${agree} of 10000 agree`);
  });
}
