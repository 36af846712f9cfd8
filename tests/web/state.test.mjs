/** The page's own logic, without a browser: recipes and their address, the Pareto front, file kinds, numbers in words, layers side by side. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const recipes = await load('state/recipe.ts');
const { paretoFront } = await load('state/pareto.ts');
const { chooseModel, sniff } = await load('state/sniff.ts');
const format = await load('state/format.ts');
const layers = await load('state/layers.ts');
const { binWeights } = await load('lab/histogram.ts');
const { keyOf } = await load('lab/key.ts');

test('of a network and its weights, dropped together, the network is the one that begins as ONNX does', () => {
  const file = (name, ...bytes) => ({ name, bytes: Uint8Array.from(bytes) });
  const weights = file('weights.bin', 0, 0, 128, 63);
  const lucky = file('more.onnx_data', 8, 2, 0, 0);
  const model = file('net.onnx', 8, 7, 18, 4);
  assert.deepEqual(chooseModel([weights, lucky, model]), { model, weights: [weights, lucky] });
  assert.deepEqual(chooseModel([weights, file('net', 8, 7)]).model.name, 'net');
  assert.deepEqual(chooseModel([weights]), { model: weights, weights: [] }, 'alone, the core says what is wrong with it');
  assert.deepEqual(chooseModel([]), { model: null, weights: [] });
});

test('undo and redo walk the recipe, and a dragged slider is one change', () => {
  const history = new recipes.RecipeHistory({ steps: [] });
  history.push({ steps: [{ pass: 'a' }] }, '', 0);
  history.push({ steps: [{ pass: 'a', x: 1 }] }, '0.x', 1000);
  history.push({ steps: [{ pass: 'a', x: 2 }] }, '0.x', 1100);
  assert.equal(history.current.steps[0].x, 2);
  history.undo();
  assert.deepEqual(history.current.steps, [{ pass: 'a' }]);
  history.undo();
  assert.deepEqual(history.current.steps, []);
  assert.equal(history.canUndo, false);
  history.redo();
  history.redo();
  assert.equal(history.current.steps[0].x, 2);
  history.undo();
  history.push({ steps: [{ pass: 'b' }] });
  assert.equal(history.canRedo, false);
});

test('a parameter set to its default leaves the recipe', () => {
  const pass = { name: 'p', params: [{ name: 'x', default: 3 }] };
  const recipe = { seed: 1, steps: [{ pass: 'p' }] };
  const changed = recipes.withParam(recipe, 0, pass, 'x', 4);
  assert.deepEqual(changed.steps, [{ pass: 'p', x: 4 }]);
  assert.deepEqual(recipes.withParam(changed, 0, pass, 'x', 3).steps, [{ pass: 'p' }]);
  assert.deepEqual(recipe.steps, [{ pass: 'p' }], 'the old recipe is untouched');
});

test('a recipe survives its trip through the address', () => {
  const recipe = { seed: 7, steps: [{ pass: 'prune', amount: 0.5, layers: ['a & b', '层'] }] };
  const hash = recipes.writeAddress({ recipe, model: 'lenet5', data: 'fashion', test: 100, train: 0 });
  assert.deepEqual(recipes.readAddress(hash), { recipe, model: 'lenet5', data: 'fashion', test: 100, train: 0 });
  assert.equal(recipes.readAddress('#recipe=%7Bnonsense').recipe, null);
  assert.equal(recipes.readAddress('#recipe={"steps":[1]}').recipe, null);
  assert.equal(recipes.readAddress('#test=-5').test, 0);
});

test('the Pareto front keeps what nothing beats', () => {
  const items = [
    [1, 5],
    [2, 7],
    [3, 6],
    [4, 9],
    [4, 8],
    [1, 4],
  ];
  const front = paretoFront(
    items,
    (i) => i[0],
    (i) => i[1],
    'smaller',
    'larger',
  );
  assert.deepEqual(front, [
    [1, 5],
    [2, 7],
    [4, 9],
  ]);
});

test('the bytes decide what a file is', () => {
  assert.equal(sniff(Uint8Array.of(0x1f, 0x8b, 8)), 'data');
  assert.equal(sniff(Uint8Array.of(0, 0, 8, 3, 0)), 'data');
  assert.equal(sniff(Uint8Array.of(0x93, 0x4e, 0x55, 0x4d)), 'data');
  assert.equal(sniff(new TextEncoder().encode(' {"steps": []}')), 'recipe');
  assert.equal(sniff(Uint8Array.of(8, 7, 0x12)), 'model');
});

test('numbers carry their unit', () => {
  assert.equal(format.bytes(460_123), '460 kB');
  assert.equal(format.bytes(999), '999 B');
  assert.equal(format.count(2_300_000), '2.3 M');
  assert.equal(format.percent(0.9066, 2), '90.66 %');
  assert.equal(format.milliseconds(0.0804), '80.4 µs');
  assert.equal(format.change(27, 100), '−73 %');
  assert.equal(format.points(0.9, 0.91), '−1 pts');
  assert.equal(format.bytes(null), '–');
});

test('layers stand side by side by name, and one that went away keeps its place', () => {
  const layer = (name) => ({ name });
  const pairs = layers.pairLayers([layer('a'), layer('bn'), layer('c')], [layer('a'), layer('c')]);
  assert.deepEqual(
    pairs.map((p) => [p.name, p.before !== undefined, p.after !== undefined]),
    [
      ['a', true, true],
      ['bn', true, false],
      ['c', true, true],
    ],
  );
});

test('times add up by operator, slowest first', () => {
  const found = layers.timeByOperator([
    { op: 'Relu', time_ms: 1 },
    { op: 'Conv', time_ms: 3 },
    { op: 'Relu', time_ms: 1 },
    { op: 'Flatten', time_ms: null },
  ]);
  assert.deepEqual(found, [
    { operator: 'Conv', count: 1, ms: 3 },
    { operator: 'Relu', count: 2, ms: 2 },
  ]);
});

test('a histogram takes blocks and their zero points for the weights they stand for, and half floats for their values', () => {
  const scale = { name: 'w_scale', dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 10, 100, 1000) };
  const zero = { name: 'w_zero_point', dtype: 'u4', shape: [2, 2], data: Uint8Array.of(1, 0, 0, 2) };
  const row = (first, second) => [...Array(16).fill(first), ...Array(4).fill(second)];
  const w = { name: 'w_quantized', dtype: 'u4', shape: [2, 20], data: Uint8Array.of(...row(3, 1), ...row(0, 5)) };
  const blocks = binWeights([w, scale, zero], 'w_quantized', null);
  assert.deepEqual([blocks.minimum, blocks.maximum, blocks.zeros, blocks.count], [0, 3000, 16, 40]);
  const half = { name: 'h', dtype: 'f16', shape: [2, 2], data: Uint16Array.of(0x3c00, 0xc000, 0, 1) };
  const plain = binWeights([half], 'h', null);
  assert.deepEqual([plain.minimum, plain.maximum, plain.zeros], [-2, 1, 1]);
});

test('a histogram counts zeros apart and scales integers back', () => {
  const weights = [
    { name: 'w_quantized', dtype: 's8', shape: [2, 2], data: Int8Array.of(0, 10, -10, 20) },
    { name: 'w_scale', dtype: 'f32', shape: [2], data: Float32Array.of(0.1, 0.2) },
  ];
  const found = binWeights(weights, 'w', null);
  assert.equal(found.zeros, 1);
  assert.equal(
    found.bins.reduce((a, b) => a + b),
    3,
  );
  assert.ok(Math.abs(found.minimum + 2) < 1e-6 && Math.abs(found.maximum - 4) < 1e-6);
  assert.throws(() => binWeights(weights, 'missing', null), /missing/);
});

test('a key names content', () => {
  const a = keyOf(Uint8Array.of(1, 2, 3));
  assert.equal(a, keyOf(Uint8Array.of(1, 2, 3)));
  assert.notEqual(a, keyOf(Uint8Array.of(1, 2, 4)));
  assert.notEqual(a, keyOf(Uint8Array.of(1, 3, 2)));
  assert.equal(a, keyOf(Uint8Array.of(1), Uint8Array.of(2, 3)));
});
