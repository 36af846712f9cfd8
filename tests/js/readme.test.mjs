/** Every snippet of the README runs as it stands. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ROOT, allFiles, openLab } from './lab_for_tests.mjs';

const run = promisify(execFile);
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const folder = join(ROOT, 'build/readme');
mkdirSync(folder, { recursive: true });

const snippets = (language) => [...README.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]);

describe('command line', () => {
  const lines = snippets('sh').flatMap((text) => text.trim().split('\n'));
  assert.ok(lines.length >= 7);
  for (const line of lines) {
    test(line, async () => {
      const { stdout } = await run('sh', ['-c', line], { cwd: ROOT, maxBuffer: 1 << 24 });
      assert.notEqual(stdout, '');
    });
  }
  test('what they write is there', () => {
    for (const file of ['trained.onnx', 'int8/model.onnx', 'int8/report.json', 'int8/trace.json'])
      assert.ok(existsSync(join(folder, file)), file);
  });
});

test('the recipe is accepted', async () => {
  const lab = await openLab();
  const model = lab.loadModel(new Uint8Array(readFileSync(join(ROOT, 'examples/models/lenet5.onnx'))));
  const recipe = JSON.parse(snippets('json')[0]);
  const job = lab.startRecipe(model, recipe, { data: lab.loadDataset(allFiles()) });
  assert.equal(job.step(1).finished, false);
  assert.deepEqual(job.report().recipe, recipe);
});

test('the program for Node.js runs', async () => {
  const file = join(folder, 'snippet.mjs');
  writeFileSync(file, snippets('js')[0]);
  const { stdout } = await run(process.execPath, [file], { cwd: ROOT });
  const steps = stdout.trim().split('\n');
  assert.equal(steps.length, 3);
  assert.ok(steps[2].startsWith('train 0.8'), stdout);
});

test('the C program compiles and runs', async () => {
  const [source, program] = [join(folder, 'snippet.c'), join(folder, 'snippet')];
  writeFileSync(source, snippets('c')[0]);
  await run('cc', ['-std=c11', '-Wall', '-Werror', '-Iinclude', source, 'build/native/libpare.a', '-lm', '-lpthread', '-o', program], {
    cwd: ROOT,
  });
  const { stdout } = await run(program, [], { cwd: ROOT });
  assert.match(stdout, /^logits 40 bytes, peak \d+ bytes\n$/);
});
