/**
 * Training gives the same weights, byte for byte, in every build: natively, as a WASI command under Node, and in the module that npm and the
 * page carry. The long run also writes build/hash.json, which the browser's test compares with.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DATA, ROOT, allFiles, modelBytes, modelPath, openLab, program } from './lab_for_tests.mjs';

const RECIPE = join(ROOT, 'examples/recipes/lenet5_train.json');
const data = `fashion-mnist:${DATA}`;

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-hash-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** The report of `pare run`; `where` is native or wasi. */
async function run(where, network, recipeFile, ...more) {
  const out = join(folder, `${network}-${where}`);
  const args = ['run', modelPath(network), '--recipe', recipeFile, '--data', data, '--out', out, '--quiet', ...more];
  const { code, err } = await program(where, args);
  assert.equal(code, 0, err);
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  assert.equal(report.pare.build, where === 'wasi' ? 'wasm-simd' : where);
  return report;
}

describe('one short training on 2,000 images gives the same weights natively, under WASI and in the npm module', () => {
  const recipes = {
    lenet5: [{ pass: 'init' }, { pass: 'train', epochs: 1 }],
    lenet300: [{ pass: 'init' }, { pass: 'train', epochs: 1, optimizer: 'adamw', learning_rate: 0.001 }],
    lstm_student: [{ pass: 'init' }, { pass: 'train', epochs: 1, learning_rate: 0.1 }],
    resnet8: [
      { pass: 'prune_channels', amount: 0.25 },
      { pass: 'train', epochs: 1, learning_rate: 0.01 },
    ],
    dscnn: [{ pass: 'prune', amount: 0.5 }, { pass: 'train', epochs: 1, learning_rate: 0.01 }, { pass: 'quantize' }],
  };
  for (const [network, steps] of Object.entries(recipes)) {
    test(`${network}: ${steps.map(({ pass }) => pass).join(', ')}`, async (t) => {
      const [limitTrain, limitTest] = [network === 'resnet8' ? 500 : 2000, 200];
      const recipe = { seed: 5, steps };
      const file = join(folder, `${network}.json`);
      writeFileSync(file, JSON.stringify(recipe));
      const limits = ['--limit-train', `${limitTrain}`, '--limit-test', `${limitTest}`];
      const native = await run('native', network, file, ...limits);
      const wasi = await run('wasi', network, file, ...limits);
      const lab = await openLab();
      const files = lab.loadDataset(allFiles());
      const model = lab.loadModel(modelBytes(network));
      const { report: packaged } = await model.run(recipe, { data: files, limitTrain, limitTest });
      assert.notEqual(native.weights_sha256, model.weightsSha256(), 'it learned something');
      for (const report of [wasi, packaged]) {
        assert.equal(report.weights_sha256, native.weights_sha256, report.pare.build);
        assert.deepEqual(
          report.steps.map(({ right, loss }) => [right, loss]),
          native.steps.map(({ right, loss }) => [right, loss]),
        );
      }
      t.diagnostic(`${native.weights_sha256.slice(0, 16)} right ${native.steps.map(({ right }) => right).join(' ')} of ${limitTest}`);
    });
  }
});

test('LeNet-5 trained for five epochs on all 60,000 images: at least 88.5 % natively and under WASI, with the same weights', async (t) => {
  const [native, wasi] = await Promise.all(['native', 'wasi'].map((where) => run(where, 'lenet5', RECIPE)));
  const accuracies = [native, wasi].map((report) => report.steps.at(-1).accuracy);
  t.diagnostic(
    `accuracy ${accuracies.join(' and ')}; training ${[native, wasi].map((r) => r.steps.at(-1).seconds.toFixed(1)).join(' and ')} s`,
  );
  assert.ok(accuracies[0] >= 0.885, `${accuracies[0]}`);
  assert.equal(accuracies[1], accuracies[0]);
  assert.equal(wasi.weights_sha256, native.weights_sha256);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const found = { weights_sha256: native.weights_sha256, accuracy: accuracies[0] };
  writeFileSync(join(ROOT, 'build/hash.json'), `${JSON.stringify(found)}\n`);
});
