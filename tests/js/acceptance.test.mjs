/** What compression must achieve on real networks and all of Fashion-MNIST, by the recipes in examples/recipes. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DATA, ROOT, modelPath, program } from './lab_for_tests.mjs';

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-acceptance-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Steps of the report. `seed` takes the place of the recipe's own. */
async function run(network, recipe, seed, ...more) {
  const [out, file] = [join(folder, `${network}-${recipe}`), join(folder, 'recipe.json')];
  const wanted = JSON.parse(readFileSync(join(ROOT, 'examples/recipes', `${recipe}.json`), 'utf8'));
  writeFileSync(file, JSON.stringify({ ...wanted, seed: seed ?? wanted.seed }));
  const args = ['run', modelPath(network), '--recipe', file, '--data', `fashion-mnist:${DATA}`, '--out', out, '--quiet', ...more];
  const { code, err } = await program('native', args);
  assert.equal(code, 0, err);
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
  assert.equal(report.recipe.seed, seed ?? wanted.seed);
  assert.equal(report.steps[0].total, 10_000);
  assert.equal(statSync(join(out, 'model.onnx')).size, report.steps.at(-1).file_bytes);
  return report.steps;
}

test('lenet5_caffe without 90 % of its weights, fine-tuned, stays within 0.5 points', async (t) => {
  const steps = await run('lenet5_caffe', 'lenet5_caffe_pruned');
  t.diagnostic(steps.map((s) => `${s.name} ${s.right} of 10,000, ${s.nonzeros} non-zeros`).join('; '));
  const [before, , tuned] = steps;
  assert.ok(tuned.accuracy >= before.accuracy - 0.005, `${tuned.accuracy}`);
  assert.ok(tuned.nonzeros <= 0.102 * before.nonzeros);
  assert.equal(tuned.nonzeros, steps[1].nonzeros, 'pruned weights stay zero');
});

test('lenet5_caffe without half its channels, fine-tuned: parameters, file and measured latency fall', async (t) => {
  const steps = await run('lenet5_caffe', 'lenet5_caffe_channels');
  const [before, , tuned] = steps;
  t.diagnostic(
    steps.map((s) => `${s.name} ${s.right} of 10,000, ${s.parameters} parameters, ${s.file_bytes} B, ${s.latency_ms} ms`).join('; '),
  );
  assert.equal(before.parameters, 431_080);
  assert.equal(tuned.parameters, 109_295);
  assert.ok(tuned.file_bytes < 0.26 * before.file_bytes);
  assert.ok(tuned.macs < 0.3 * before.macs);
  assert.ok(tuned.accuracy > 0.88, `${tuned.accuracy}`);
});

test('lenet5_caffe in int8 stays within 0.3 points and its file is at most 27 % of the f32 one', async (t) => {
  const [before, int8] = await run('lenet5_caffe', 'int8');
  t.diagnostic(`${before.right} and ${int8.right} of 10,000; ${before.file_bytes} and ${int8.file_bytes} B`);
  assert.ok(int8.accuracy >= before.accuracy - 0.003, `${int8.accuracy}`);
  assert.ok(int8.file_bytes <= 0.27 * before.file_bytes);
});

test('lstm_student with a teacher beats the same training without one, on three seeds', async (t) => {
  for (const seed of [1, 2, 3]) {
    const teacher = ['--model', `teacher=${modelPath('lstm_teacher')}`];
    const alone = (await run('lstm_student', 'lstm_student_alone', seed)).at(-1);
    const taught = (await run('lstm_student', 'lstm_student_distilled', seed, ...teacher)).at(-1);
    t.diagnostic(`seed ${seed}: alone ${alone.right}, with the teacher ${taught.right} of 10,000`);
    assert.ok(taught.right > alone.right);
  }
});
