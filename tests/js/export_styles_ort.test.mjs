/** Every style that `pare export` writes runs in ONNX Runtime and gives there what Pare gives: integers bit for bit, the rest within a bound. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import ort from 'onnxruntime-node';
import { largestDifference, modelPath, program } from './lab_for_tests.mjs';
import { npyBytes, readNpy } from './support/onnx_writer.mjs';

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
