/** The benchmark's own arithmetic, and that its models are what it says: ONNX Runtime and Pare give the same answers. No speed is asserted. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import ort from 'onnxruntime-node';
import { inputFor, makeModels, modelPath } from '../bench/models.mjs';
import { choose, gmacs, judge, median, percentile, summary, table } from '../bench/numbers.mjs';
import { race } from '../bench/race.mjs';
import { checkAnswers } from '../bench/races.mjs';
import { ROWS } from '../bench/rows.mjs';
import { openLab } from './lab_for_tests.mjs';

describe('the benchmark counts right', () => {
  test('median and percentiles, as NumPy', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.equal(percentile([10, 20, 30, 40, 50], 0.1), 14);
    assert.deepEqual(summary([2, 1, 3]), { median: 2, p10: 1.2, p90: 2.8, best: 1, rounds: 3 });
    assert.equal(gmacs(12.5e6, 1), 12.5);
  });

  const row = { name: 'a-row', title: 'A row', least: 1.5, aim: 3, ours: 'us', peers: ['slow', 'quick', 'absent'] };
  const us = { median: 1, times: [1, 1] };
  const slow = { median: 4, times: [4, 4] };

  test('the ratio is that against the fastest peer, of medians; the spread is of rounds', () => {
    const judged = judge(row, { us, slow, quick: { median: 2, times: [1, 3] }, absent: { error: 'is not here' } });
    assert.equal(judged.ratio, 2);
    assert.equal(judged.peer.id, 'quick');
    assert.deepEqual(judged.spread, [1.2, 2.8]);
    assert.equal(judge(row, { us: { ...us, best: 0.5 }, slow: { ...slow, best: 3 } }).ofBest, 6);
    assert.deepEqual([judged.met, judged.aimed], [true, false]);
    assert.deepEqual(judged.errors, ['absent: is not here']);
    assert.equal(judge(row, { us, slow: { median: 1.4, times: [1.4] } }).met, false);
  });

  test('no result is no ratio, and never a row that is met', () => {
    for (const results of [{ slow }, { us }, { us: { ...us, error: 'it did not learn' }, slow }, {}]) {
      const judged = judge(row, results);
      assert.equal(judged.ratio, null);
      assert.equal(judged.met, null);
      assert.match(table([judged]).at(-1), /no result/);
    }
  });

  test('the table has a line for each row, in columns', () => {
    const lines = table([judge(row, { us, slow }), judge({ ...row, name: 'another', least: 5, aim: 6 }, { us, slow })]);
    assert.equal(lines.length, 3);
    assert.match(lines[1], /^a-row +1\.00 ms +4\.00 ms +slow +4\.00x .* 1\.50x +yes, aim$/);
    assert.match(lines[2], /^another .* 5\.00x +NO$/);
  });

  test('rows are chosen by a part of their name', () => {
    assert.equal(choose(ROWS, []).length, ROWS.length);
    assert.deepEqual(
      choose(ROWS, ['int8-simd128', 'f32-native-mlp']).map(({ name }) => name),
      ['int8-simd128-resnet8', 'f32-native-mlp'],
    );
    assert.throws(() => choose(ROWS, ['int8', 'no-such-row']), /no-such-row/);
    assert.equal(new Set(ROWS.map(({ name }) => name)).size, ROWS.length);
  });

  test('every round times each once, and the first one changes', async () => {
    const order = [];
    const contestant = (id) => ({
      id,
      run(n) {
        order.push(id);
        return 2 * n;
      },
    });
    const times = await race([contestant('a'), contestant('b')], { rounds: 4, sampleMs: 1, warmMs: 1 });
    assert.deepEqual(times, { a: [2, 2, 2, 2], b: [2, 2, 2, 2] });
    assert.deepEqual(order.slice(-8), ['a', 'b', 'b', 'a', 'a', 'b', 'b', 'a']);
  });

  test('a wrong answer is not timed', () => {
    const contestants = [
      { id: 'pare', engine: 'pare', form: 'int8' },
      { id: 'ort', engine: 'ort', form: 'int8' },
    ];
    const opened = (answer) => [
      { id: 'pare', answer, ran: {} },
      { id: 'ort', answer: [1, -2], ran: {} },
    ];
    assert.equal(checkAnswers(contestants, opened([1, -2])).pare.error, undefined);
    for (const wrong of [[1, -2.001], [1], [1, Number.NaN]]) assert.match(checkAnswers(contestants, opened(wrong)).pare.error, /differs/);
  });
});

describe('the benchmark makes models that ONNX Runtime and Pare agree on', () => {
  let lab;
  before(async () => {
    lab = await openLab();
  });

  async function answers(network, form, batch) {
    const { nets } = await makeModels([{ network, form }]);
    const bytes = new Uint8Array(readFileSync(modelPath(network, form)));
    const { dims, data } = inputFor(nets[network], batch);
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const there = (await session.run({ x: new ort.Tensor('float32', data, dims) })).y.data;
    await session.release();
    return { there, here: lab.loadModel(bytes).session({ batch }).run({ x: data }).y };
  }

  const cases = ['resnet8', 'mobilenet_v1', 'lenet5', 'mlp', 'lstm_small'].flatMap((network) =>
    ['f32', 'int8'].map((form) => [network, form]),
  );
  for (const [network, form] of [
    ...cases,
    ['resnet8', 'half_int8'],
    ['conv64', 'sparse90'],
    ['conv64', 'sparse24'],
    ['dense512', 'sparse24_int8'],
  ]) {
    test(`${network}, ${form}`, async () => {
      const { here, there } = await answers(network, form, network.startsWith('lstm') ? 1 : 2);
      const contestants = [
        { id: 'here', engine: 'pare', form },
        { id: 'there', engine: 'ort', form },
      ];
      const { here: checked } = checkAnswers(contestants, [
        { id: 'here', answer: [...here] },
        { id: 'there', answer: [...there] },
      ]);
      assert.equal(checked.error, undefined);
      const spread = Math.max(...there) - Math.min(...there);
      assert.ok(spread > 0.01 && spread < 1000, `answers spread over ${spread}: weights of a sensible size`);
    });
  }
});
