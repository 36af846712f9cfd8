/** Files that Pare writes run in ONNX Runtime and answer there what they answer here. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { allFiles, classesOf, facts, largestDifference, modelBytes, NETWORKS, openLab } from './lab_for_tests.mjs';
import { ortLogits } from './ort_for_tests.mjs';

const N = 64;
/** Of logits between about -20 and 20: what the order of f32 sums may change. */
const TOLERANCE = 1e-4;

describe('ONNX Runtime', () => {
  let lab;
  let data;
  let pixels;
  before(async () => {
    lab = await openLab();
    data = lab.loadDataset(allFiles());
    ({ pixels } = data.samples('test', 100, N));
  });

  async function agree(t, model) {
    const here = model.session({ batch: N }).run({ image: pixels }).logits;
    const there = await ortLogits(model.save(), pixels, N);
    const difference = largestDifference(here, there);
    t.diagnostic(`largest difference ${difference.toExponential(2)}`);
    assert.ok(difference < TOLERANCE, `${difference}`);
    assert.deepEqual(classesOf(here, 10), classesOf(there, 10));
  }

  for (const network of NETWORKS) {
    test(`runs ${network} as Pare saves it`, (t) => agree(t, lab.loadModel(modelBytes(network))));
  }

  for (const network of ['lenet5', 'lenet300', 'lenet5_caffe', 'resnet8', 'dscnn']) {
    test(`runs ${network} with half of its channels taken out`, async (t) => {
      const model = lab.loadModel(modelBytes(network));
      const { model: thin, report } = await model.run({ steps: [{ pass: 'prune_channels', amount: 0.5 }] });
      const [before_, after_] = report.steps;
      assert.ok(after_.parameters < 0.6 * before_.parameters, `${after_.parameters} of ${before_.parameters}`);
      assert.ok(after_.macs < 0.6 * before_.macs, `${after_.macs} of ${before_.macs}`);
      await agree(t, thin);
    });
  }

  test('runs a network that was pruned and trained on', async (t) => {
    const recipe = {
      seed: 1,
      steps: [
        { pass: 'prune', amount: 0.8 },
        { pass: 'train', epochs: 1 },
      ],
    };
    const { model } = await lab.loadModel(modelBytes('resnet8')).run(recipe, { data, limitTrain: 256, limitTest: 100 });
    await agree(t, model);
  });
});

/** Pass and network; of 10,000 answers so many must be ONNX Runtime's. Scales of dynamic quantization depend on what else is in the batch. */
const QUANTIZED = [
  ['quantize', 'lenet5', 9980],
  ['quantize', 'lenet300', 9980],
  ['quantize', 'lenet5_caffe', 9980],
  ['quantize', 'resnet8', 9980],
  ['quantize', 'dscnn', 9980],
  ['quantize_dynamic', 'lenet300', 9950],
  ['quantize_dynamic', 'lstm_teacher', 9950],
  ['quantize_dynamic', 'lstm_student', 9950],
];

describe('ONNX Runtime answers as the npm module does on all 10,000 test images', () => {
  let lab;
  let data;
  let pixels;
  before(async () => {
    lab = await openLab();
    data = lab.loadDataset(allFiles());
    ({ pixels } = data.samples('test', 0, 10_000));
  });

  for (const [pass, network, least] of QUANTIZED) {
    test(`${pass} of ${network}`, async (t) => {
      const original = modelBytes(network);
      const { model } = await lab.loadModel(original).run({ seed: 1, steps: [{ pass }] }, { data, limitTest: 10 });
      const file = model.save();
      const { answers, right, total } = await model.evaluate(data, { answers: true });
      const there = classesOf(await ortLogits(file, pixels, total), 10);
      const agree = answers.filter((answer, i) => answer === there[i]).length;
      const known = facts(network).test_right_of_10000;
      t.diagnostic(`${agree} of ${total} agree; ${right} right, f32 ${known}; ${file.length} bytes, f32 ${original.length}`);
      assert.equal(total, 10_000);
      assert.ok(agree >= least, `${agree} agree`);
      assert.ok(Math.abs(right - known) <= 50, `${right} right, f32 ${known}`);
      if (network === 'lenet5_caffe' && pass === 'quantize') {
        assert.ok(right >= known - 30, `${right} right, f32 ${known}`);
        assert.ok(file.length <= 0.27 * original.length, `${file.length} of ${original.length} bytes`);
      }
    });
  }
});
