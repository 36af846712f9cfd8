/** Every style that `pare export` writes runs in ONNX Runtime and gives there what Pare gives: integers bit for bit, the rest within a bound. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import ort from 'onnxruntime-node';
import { largestDifference, modelPath, program } from './lab_for_tests.mjs';
import { npyBytes, onnxModel, readNpy } from './support/onnx_writer.mjs';

const N = 8;
let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-styles-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function pare(...args) {
  const { code, out, err } = await program('native', args);
  assert.equal(code, 0, err);
  return out;
}

/** The same fixed pixels for both: [N,1,28,28]. */
const pixels = Float32Array.from({ length: N * 784 }, (_, i) => ((i * 7919) % 1009) / 1008);

/** Logits of both, of a model's file. */
async function bothRun(file) {
  const input = join(folder, 'image.npy');
  writeFileSync(input, npyBytes({ dtype: 'f32', dims: [N, 1, 28, 28], data: pixels }));
  await pare('infer', file, '--input', `image=${input}`, '--out', join(folder, 'outputs'));
  const here = readNpy(readFileSync(join(folder, 'outputs/logits.npy'))).data;
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const { data: there } = (await session.run({ image: new ort.Tensor('float32', pixels, [N, 1, 28, 28]) })).logits;
  await session.release();
  return { here, there, most: Math.max(...there.map(Math.abs)) };
}

/** A network after some passes, as a file. */
async function made(network, steps) {
  const out = join(folder, network);
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'recipe.json'), JSON.stringify({ seed: 1, steps }));
  const args = ['--recipe', join(out, 'recipe.json'), '--data', 'fashion-mnist', '--limit-test', '10', '--out', out, '--quiet'];
  await pare('run', modelPath(network), ...args);
  return join(out, 'model.onnx');
}

async function exported(file, ...args) {
  const out = join(folder, 'exported.onnx');
  await pare('export', file, '--out', out, ...args);
  return out;
}

const INT8 = ['lenet5', 'lenet300', 'lenet5_caffe', 'resnet8', 'dscnn'];

describe('integer operators', () => {
  for (const network of INT8) {
    for (const activations of ['u8', 's8']) {
      test(`${network}, ${activations}: bit for bit, and the numbers of its QDQ form`, async () => {
        const qdq = await made(network, [{ pass: 'quantize', samples: 64, activations }]);
        const file = await exported(qdq, '--style', 'qoperator', '--opset', '17');
        const { here, there } = await bothRun(file);
        assert.deepEqual(here, there);
        assert.deepEqual((await bothRun(qdq)).here, here);
        assert.ok(statSync(file).size < statSync(qdq).size);
      });
    }
  }
});

describe('opsets', () => {
  for (const network of ['resnet8', 'dscnn', 'lstm_student']) {
    for (const opset of [13, 15, 17, 18, 19, 20, 21]) {
      test(`${network} in opset ${opset}`, async () => {
        const { here, there, most } = await bothRun(await exported(modelPath(network), '--opset', String(opset)));
        assert.ok(largestDifference(here, there) < 1e-5 * Math.max(most, 1), `${largestDifference(here, there)}`);
      });
    }
  }
});

test('sparse initializers are read, and computed as the dense ones', async () => {
  const dense = await made('lenet300', [{ pass: 'prune', amount: 0.9 }]);
  const sparse = await exported(dense, '--sparse');
  assert.ok(statSync(sparse).size < 0.35 * statSync(dense).size);
  const { here, there, most } = await bothRun(sparse);
  assert.ok(largestDifference(here, there) < 1e-5 * most, `${largestDifference(here, there)}`);
  assert.deepEqual((await bothRun(dense)).there, there);
});

/** Weights become f32 in both; ONNX Runtime's sums may run in another order. */
const STORED = ['weights_int8', 'weights_int4', 'nbits_int8', 'nbits_int4'];

describe('weights in blocks', () => {
  for (const network of ['lenet300', 'lenet5', 'resnet8', 'lstm_student']) {
    for (const style of STORED) {
      test(`${network} as ${style}`, async () => {
        const { here, there, most } = await bothRun(await exported(modelPath(network), '--style', style));
        assert.ok(largestDifference(here, there) < 3e-6 * most, `${largestDifference(here, there)} of ${most}`);
      });
    }
  }

  for (const operator of ['dequantize', 'matmul_nbits']) {
    for (const bits of ['int8', 'int4']) {
      for (const block_size of [16, 64, 256]) {
        for (const symmetric of [true, false]) {
          test(`lenet300: ${operator}, ${bits}, blocks of ${block_size}, ${symmetric ? 'symmetric' : 'with zero points'}`, async () => {
            const { here, there, most } = await bothRun(
              await made('lenet300', [{ pass: 'quantize_weights', operator, bits, block_size, symmetric }]),
            );
            assert.ok(largestDifference(here, there) < 3e-6 * most, `${largestDifference(here, there)} of ${most}`);
          });
        }
      }
    }
  }

  test('8 bits with one scale per output channel need opset 13 only', async () => {
    const file = await made('resnet8', [{ pass: 'quantize_weights', block_size: 0 }]);
    assert.equal(JSON.parse(await pare('check', file, '--runtime', 'onnxruntime@1.9', '--json')).runs, true);
    const { here, there, most } = await bothRun(file);
    assert.ok(largestDifference(here, there) < 3e-6 * most);
  });
});

describe('static int8 of products and transposed convolutions: each has its scales on its own axis', () => {
  const f32 = (dims, make) => ({
    dtype: 'f32',
    dims,
    data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => make(i)),
  });
  /** Output channels of very different size: on a wrong axis the small ones would vanish. */
  const sized = (dims, axis) => {
    const after = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
    return f32(dims, (i) => (((i * 37) % 101) / 50 - 1) * 4 ** -(Math.floor(i / after) % dims[axis]));
  };
  const CASES = {
    ConvTranspose: { weight: sized([3, 5, 2, 2], 1), bias: 5, attrs: { kernel_shape: [2, 2], strides: [2, 2] }, y: 5 * 8 * 8 },
    'Gemm transB=1': { weight: sized([6, 48], 0), bias: 6, attrs: { transB: 1 }, flat: true, y: 6 },
    'Gemm transB=0': { weight: sized([48, 6], 1), bias: 6, attrs: { transB: 0 }, flat: true, y: 6 },
    MatMul: { weight: sized([48, 6], 1), attrs: {}, flat: true, y: 6 },
  };

  function write(name, { weight, bias, attrs, flat, y }) {
    const [op] = name.split(' ');
    const nodes = [
      ...(flat ? [{ op: 'Flatten', inputs: ['x'], outputs: ['flat'] }] : []),
      { op, inputs: [flat ? 'flat' : 'x', 'w', ...(bias ? ['b'] : [])], outputs: ['h'], attrs },
      { op: 'Flatten', inputs: ['h'], outputs: ['y'] },
    ];
    const constants = new Map([['w', weight]]);
    if (bias)
      constants.set(
        'b',
        f32([bias], (i) => (i - 2) / 10),
      );
    const inputs = new Map([['x', f32([8, 3, 4, 4], () => 0)]]);
    const outputs = new Map([['y', f32([8, y], () => 0)]]);
    const path = join(folder, 'axis.onnx');
    writeFileSync(path, onnxModel({ nodes, constants, inputs, outputs }));
    return path;
  }

  for (const [name, it] of Object.entries(CASES)) {
    for (const weights of ['s8_per_channel', 's8_per_tensor']) {
      test(`${name}, ${weights}`, async () => {
        const model = write(name, it);
        const x = f32([8, 3, 4, 4], (i) => ((i * 7919) % 1009) / 504 - 1);
        const files = { x: join(folder, 'x.npy'), y: join(folder, 'labels.npy') };
        writeFileSync(files.x, npyBytes(x));
        writeFileSync(files.y, npyBytes({ dtype: 's64', dims: [8], data: BigInt64Array.from({ length: 8 }, (_, i) => BigInt(i % it.y)) }));
        const out = join(folder, 'axis');
        mkdirSync(out, { recursive: true });
        writeFileSync(join(out, 'recipe.json'), JSON.stringify({ steps: [{ pass: 'quantize', weights, batch: 8, samples: 8 }] }));
        await pare('run', model, '--recipe', join(out, 'recipe.json'), '--data', `npy:${files.x},${files.y}`, '--out', out, '--quiet');
        const answers = async (file) => {
          const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
          return (await session.run({ x: new ort.Tensor('float32', x.data, x.dims) })).y.data;
        };
        await pare('infer', join(out, 'model.onnx'), '--input', `x=${files.x}`, '--out', out);
        const here = readNpy(readFileSync(join(out, 'y.npy'))).data;
        const there = await answers(join(out, 'model.onnx'));
        const exact = await answers(model);
        assert.ok(largestDifference(here, there) < 1e-5, `${largestDifference(here, there)}`);
        // The smallest channel by itself: its weights are 4 ** -(channels - 1) of the largest one's.
        const channels = it.bias ?? 6;
        const per = it.y / channels;
        const last = (values) => values.filter((_, i) => Math.floor((i % it.y) / per) === channels - 1);
        const most = Math.max(...last(exact).map((v) => Math.abs(v - (it.bias ? (channels - 3) / 10 : 0))));
        const error = largestDifference(last(exact), last(there)) / most;
        if (weights === 's8_per_channel') assert.ok(error < 0.05, `${error}`);
        else assert.ok(error > 0.05, `${error}: one scale for all cannot be as good`);
      });
    }
  }
});

/** f16 has 11 bits. Pare rounds what each node makes; ONNX Runtime computes several in f32 before it does. */
describe('half precision', () => {
  for (const network of ['lenet300', 'lenet5', 'lenet5_caffe', 'resnet8', 'dscnn', 'lstm_student', 'lstm_teacher']) {
    test(`${network}: half the file, and the answers`, async () => {
      const file = await exported(modelPath(network), '--style', 'f16');
      assert.ok(
        statSync(file).size < 0.6 * statSync(modelPath(network)).size,
        `${statSync(file).size} of ${statSync(modelPath(network)).size}`,
      );
      const { here, there, most } = await bothRun(file);
      assert.ok(largestDifference(here, there) < 5e-3 * most, `${largestDifference(here, there)} of ${most}`);
      const { there: exact } = await bothRun(modelPath(network));
      assert.ok(largestDifference(here, exact) < 1e-2 * most, `${largestDifference(here, exact)} of ${most}`);
    });
  }
});
