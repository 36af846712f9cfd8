/** A pool gives the bytes that one lab gives, for any number of workers; it can be cancelled, and survives what goes wrong in a worker. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { createPool } from 'pare/pool';
import { MODULE, modelBytes, openLab, testFiles } from './lab_for_tests.mjs';

const files = testFiles();
const RECIPES = [0.2, 0.5, 0.8].map((amount) => ({ seed: 1, steps: [{ pass: 'prune', amount }] }));
const threads = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;

describe('a pool of workers', () => {
  let lab, data, pools;
  before(async () => {
    lab = await openLab();
    data = lab.loadDataset(files);
    pools = await Promise.all([1, 2, 3].map((workers) => createPool({ workers, wasm: MODULE })));
  });
  after(() => Promise.all(pools.map((pool) => pool.close())));

  for (const [network, limit] of [
    ['lenet5', 0],
    ['lstm_student', 1500],
  ]) {
    test(`evaluates ${network} as one lab does, to the last bit, with 1, 2 and 3 workers`, async () => {
      const model = lab.loadModel(modelBytes(network));
      const expected = await model.evaluate(data, { limit, answers: true });
      for (const pool of pools) {
        const seen = [];
        const options = { limit, answers: true, onProgress: ({ done, total }) => seen.push([done, total]) };
        assert.deepEqual(await pool.evaluate(model, files, options), expected);
        const total = limit || 10_000;
        assert.ok(
          seen.every(([done, of], i) => of === total && done >= (seen[i - 1]?.[0] ?? 0)),
          'progress grows',
        );
        assert.deepEqual(seen.at(-1), [total, total]);
      }
    });
  }

  test('takes generated sets, and models as bytes', async () => {
    const bytes = modelBytes('lstm_student');
    const sequence = lab.generateDataset('sequence');
    const expected = await lab
      .loadModel(bytes)
      .evaluate(sequence)
      .catch(({ message }) => message);
    const found = await pools[1].evaluate(bytes, 'sequence').catch(({ message }) => message);
    assert.deepEqual(found, expected);
  });

  test('sweeps over recipes as one lab does, in their order', async () => {
    const model = lab.loadModel(modelBytes('lenet300'));
    const ended = [];
    const seen = [];
    const options = { data: files, limitTest: 200, onRun: (i) => ended.push(i), onProgress: ({ done, total }) => seen.push([done, total]) };
    const runs = await pools[1].sweep(model, RECIPES, options);
    assert.deepEqual(ended.sort(), [0, 1, 2]);
    assert.deepEqual(seen.at(-1), [3, 3]);
    for (const [i, recipe] of RECIPES.entries()) {
      const { model: alone, report } = await model.run(recipe, { data, limitTest: 200 });
      assert.equal(runs[i].recipe, recipe);
      assert.equal(runs[i].report.weights_sha256, report.weights_sha256);
      assert.equal(runs[i].report.steps[1].right, report.steps[1].right);
      assert.deepEqual(runs[i].model, alone.save());
    }
  });

  test('a run of a sweep that fails says why, and the others go on', async () => {
    const recipes = [RECIPES[0], { steps: [{ pass: 'prune', amount: 7 }] }, RECIPES[1]];
    const runs = await pools[1].sweep(modelBytes('lenet300'), recipes);
    assert.deepEqual(
      runs.map(({ error }) => error?.code ?? null),
      [null, 'BAD_RECIPE', null],
    );
    assert.match(runs[1].error.message, /amount/);
    assert.ok(runs[2].model.length > 1000);
  });

  test('an error in a worker is the error of the call, with its code and cause, and the pool goes on', async () => {
    for (const pool of pools) {
      await assert.rejects(pool.evaluate(modelBytes('lenet5'), 'spirals'), {
        name: 'PareError',
        code: 'BAD_DATA',
        message: /spirals|sample/,
      });
      await assert.rejects(pool.evaluate(new Uint8Array([1, 2, 3]), files), { name: 'PareError', code: 'BAD_MODEL' });
      const { total } = await pool.evaluate(modelBytes('lenet5'), files, { limit: 600 });
      assert.equal(total, 600);
    }
  });

  test('a signal cancels what is running and what waits', async () => {
    const controller = new AbortController();
    const options = { signal: controller.signal, onProgress: () => controller.abort() };
    await assert.rejects(pools[1].evaluate(modelBytes('resnet8'), files, options), { name: 'AbortError' });
    await assert.rejects(pools[1].sweep(modelBytes('lenet5'), RECIPES, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    const { total } = await pools[1].evaluate(modelBytes('lenet5'), files, { limit: 600 });
    assert.equal(total, 600);
  });

  test('a number of workers that is none is refused', async () => {
    for (const workers of [0, -1, 1.5, 65]) await assert.rejects(createPool({ workers, wasm: MODULE }), { code: 'BAD_ARGUMENT' });
  });
});

/** A worker that ends at its second task. */
const CRASHING = `
  const { parentPort } = require('node:worker_threads');
  import(${JSON.stringify(new URL('../../build/npm/pool_serve.js', import.meta.url).href)}).then(({ servePool }) => {
    const receive = servePool((message) => parentPort.postMessage(message));
    let tasks = 0;
    parentPort.on('message', (message) => {
      if (message.kind === 'task' && ++tasks === 2) process.exit(3);
      receive(message);
    });
  });`;

test('a worker that dies is an error with its cause; another takes its place, and none is left behind', async () => {
  const before_ = threads();
  let made = 0;
  const worker = () => {
    made += 1;
    return new Worker(CRASHING, { eval: true });
  };
  const pool = await createPool({ workers: 2, wasm: MODULE, worker });
  assert.equal(made, 2);
  assert.ok(threads() > before_, 'a worker is seen');
  await assert.rejects(pool.evaluate(modelBytes('lenet5'), files), (error) => {
    assert.match(error.message, /a worker of the pool stopped: it ended with code 3/);
    assert.match(error.cause.message, /code 3/);
    return true;
  });
  await pool.close();
  assert.ok(made >= 3, `${made} workers were started`);
  await assert.rejects(pool.evaluate(modelBytes('lenet5'), files), /the pool was closed/);
  assert.equal(threads(), before_);
});

test('closing a pool ends what is under way', async () => {
  const before_ = threads();
  const pool = await createPool({ workers: 2, wasm: MODULE });
  const evaluation = assert.rejects(pool.evaluate(modelBytes('resnet8'), files), /the pool was closed/);
  await new Promise((done) => setTimeout(done, 50));
  await pool.close();
  await evaluation;
  assert.equal(threads(), before_);
});

test('workers that cannot start are an error, and no worker is left', async () => {
  const before_ = threads();
  const worker = () => new Worker('throw new Error("no such thing")', { eval: true });
  await assert.rejects(createPool({ workers: 2, wasm: MODULE, worker }), /a worker of the pool stopped: no such thing/);
  assert.equal(threads(), before_);
});
