/** Files that Pare writes run in ONNX Runtime and answer there what they answer here. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { allFiles, classesOf, largestDifference, modelBytes, NETWORKS, openLab } from './lab_for_tests.mjs';
import { ortLogits } from './ort_for_tests.mjs';

const N = 64;
/** Of logits between about -20 and 20: what the order of f32 sums may change. */
const TOLERANCE = 1e-4;

describe('ONNX Runtime', () => {
  let lab;
  let data;
  let pixels;
  before(async () => {
    lab = await openLab('packaged');
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
