/** A small fixed run of `npm run random`: Pare and ONNX Runtime say the same of random graphs; and a wrong answer would be seen. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomCases } from '../random/cases.mjs';
import { difference } from '../random/compare.mjs';
import { OPERATORS } from '../random/operators.mjs';
import { EXACT_INTEGERS, moduleRun, nativeRun } from '../random/runtimes.mjs';
import { ROOT } from './lab_for_tests.mjs';
import { ARRAYS, onnxModel } from './support/onnx_writer.mjs';

test('300 random graphs give what ONNX Runtime gives', async (t) => {
  const { totals, operators, disagreements } = await randomCases({ seed: 1, cases: 300 });
  t.diagnostic(JSON.stringify(totals));
  assert.deepEqual(disagreements, []);
  assert.ok(totals.agreed >= 294, `${totals.agreed} of 300 could be compared`);
  assert.equal(totals.quantized, EXACT_INTEGERS ? 15 : 0);
  const never = Object.keys(OPERATORS).filter((op) => !operators[op]?.nodes);
  assert.deepEqual(never, []);
});

test('a seed gives the same cases again', async () => {
  const graphs = async () => {
    const seen = [];
    await randomCases({ seed: 5, first: 3, cases: 4, each: ({ graph }) => seen.push(onnxModel(graph)) });
    return seen;
  };
  assert.deepEqual(await graphs(), await graphs());
});

const vector = (...values) => ({ dtype: 'f32', dims: [values.length], data: Float32Array.from(values) });

test('what differs is told', () => {
  const want = { y: vector(1, 2, Number.NaN) };
  assert.equal(difference({ y: vector(1.0005, 2, Number.NaN) }, want), null);
  assert.match(difference({ y: vector(1, 2.01, Number.NaN) }, want), /y\[1\] of \[3\] is 2\.0\d+, ONNX Runtime has 2/);
  assert.match(difference({ y: vector(1, 2, 3) }, want), /y\[2\]/);
  assert.match(difference({ y: vector(1, 2) }, want), /is \[2\]/);
  assert.match(difference({}, want), /missing/);
  assert.match(difference({ y: { ...want.y, dtype: 's32' } }, want), /is s32/);
  assert.match(difference({ y: vector(1.0005, 2, Number.NaN) }, want, true), /y\[0\]/);
});

const GOLDEN = join(ROOT, 'tests/golden/random');
const readTensors = (tensors) =>
  Object.entries(tensors).map(([name, { dtype, dims, data }]) => {
    const isWide = dtype === 's64' || dtype === 'u64';
    return [name, { dtype, dims, data: ARRAYS[dtype].from(data, isWide ? BigInt : Number) }];
  });

for (const name of readdirSync(GOLDEN).filter((file) => file.endsWith('.json'))) {
  test(`what was found and mended stays so: ${name.replace('.json', '')}`, async () => {
    const facts = JSON.parse(readFileSync(join(GOLDEN, name), 'utf8'));
    const bytes = readFileSync(join(GOLDEN, name.replace('.json', '.onnx')));
    const outputs = new Map(readTensors(facts.outputs));
    const graph = { bytes, inputs: new Map(readTensors(facts.inputs)), outputs };
    for (const run of [moduleRun, nativeRun]) assert.deepEqual((await run(graph)).outputs, Object.fromEntries(outputs));
  });
}
