/** What people give the page: networks, weights beside them, recipes; broken, strange and far too large ones too. */
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { drop, finished, openPage, points, ready } from './browser.mjs';
import { ALL_THREE, MODELS, ONE_STEP, SHOTS, accuracy, address, close, servedPage, text } from './page_for_tests.mjs';
import { headOfLarge } from '../js/support/large_model.mjs';
import { onnxModel } from '../js/support/onnx_writer.mjs';

const lab = servedPage();

test('a network opened as a file is measured, and takes part like the others', async () => {
  const page = await openPage(lab.browser, address(lab, ALL_THREE));
  await ready(page);
  await page.locator('#file').setInputFiles(join(MODELS, 'dscnn.onnx'));
  await page.locator('pare-model h2', { hasText: 'dscnn' }).waitFor();
  await ready(page);
  assert.ok((await accuracy(page)) > 85);
  await close(page);
});

test('a broken network says what is wrong and where, and the lab goes on', async () => {
  const page = await openPage(lab.browser, address(lab, { seed: 1, steps: [{ pass: 'prune', amount: 0.5 }] }));
  await ready(page);
  const good = readFileSync(join(MODELS, 'lenet5.onnx'));
  await drop(page, [{ name: 'cut.onnx', bytes: good.subarray(0, 1000) }]);
  const problem = page.locator('pare-problems .problem');
  await problem.waitFor();
  const words = await problem.textContent();
  assert.match(words, /cut\.onnx could not be opened/);
  assert.match(words, /Export the network again/);
  assert.ok(words.length > 100, `the cause is named: ${words}`);
  await page.screenshot({ path: join(SHOTS, '1440-light-failed.png') });
  await drop(page, [{ name: 'noise.onnx', bytes: Buffer.from('this is not a network at all, only text that somebody named .onnx') }]);
  await page.locator('pare-problems .problem').nth(1).waitFor();
  await drop(page, [{ name: 'images.gz', bytes: Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]) }]);
  await page.locator('pare-problems .problem', { hasText: 'images.gz' }).waitFor();
  await drop(page, [{ name: 'recipe.json', bytes: Buffer.from('{"seed": 1}') }]);
  await page.locator('pare-problems .problem', { hasText: 'recipe.json' }).waitFor();
  await page.locator('#run').click();
  await finished(page);
  assert.equal(await points(page).count(), 2, 'the open network still runs');
  await close(page);
});

test('a network and its weights dropped together are one; without the weights the page says which file it lacks', async () => {
  const page = await openPage(lab.browser, address(lab, ONE_STEP));
  await ready(page);
  const weights = Float32Array.from({ length: 7840 }, (_, i) => ((i * 37) % 101) / 1000 - 0.05);
  const bytes = onnxModel({
    nodes: [
      { op: 'Flatten', inputs: ['image'], outputs: ['flat'] },
      { op: 'MatMul', inputs: ['flat', 'w'], outputs: ['logits'] },
    ],
    inputs: [['image', { dtype: 'f32', dims: ['n', 1, 28, 28] }]],
    outputs: [['logits', { dtype: 'f32', dims: ['n', 10] }]],
    constants: [['w', { dtype: 'f32', dims: [784, 10], external: { location: 'beside.bin' } }]],
  });
  await drop(page, [{ name: 'parts.onnx', bytes }]);
  await page.locator('pare-problems .problem', { hasText: 'beside.bin' }).waitFor();
  await drop(page, [
    { name: 'beside.bin', bytes: Buffer.from(weights.buffer) },
    { name: 'parts.onnx', bytes },
  ]);
  await page.locator('pare-model h2', { hasText: 'parts' }).waitFor();
  await ready(page);
  assert.ok(Number.isFinite(await accuracy(page)));
  await close(page);
});

test('a network with an operator that is not there opens, says which and where, and what can be done with it', async () => {
  const page = await openPage(lab.browser, address(lab, ONE_STEP));
  await ready(page);
  const bytes = onnxModel({
    nodes: [
      { op: 'Flatten', inputs: ['image'], outputs: ['flat'] },
      { op: 'MatMul', inputs: ['flat', 'w'], outputs: ['h'] },
      { op: 'FancyThing', domain: 'my.ops', inputs: ['h'], outputs: ['logits'] },
    ],
    inputs: [['image', { dtype: 'f32', dims: ['n', 1, 28, 28] }]],
    outputs: [['logits', { dtype: 'f32', dims: ['n', 10] }]],
    constants: [['w', { dtype: 'f32', dims: [784, 10], data: Float32Array.from({ length: 7840 }, (_, i) => Math.sin(i)) }]],
    domains: [['my.ops', 1]],
  });
  await drop(page, [{ name: 'fancy.onnx', bytes }]);
  await page.locator('pare-model h2', { hasText: 'fancy' }).waitFor(); // measured, as far as it can be
  await page.locator('pare-model #limits').waitFor();
  const told = (await page.locator('pare-model p').allTextContents()).join(' ');
  assert.match(told, /cannot run here: .*my\.ops\.FancyThing \(node 'node_2'\)/);
  assert.match(told, /can be done all the same: [^.]*prune weights,[^.]*quantize weights only/);
  assert.match(told, /needs it to run: accuracy, latency, [^.]*train/);
  await page.locator('#run').click();
  await finished(page);
  assert.match(await text(page, 'pare-model dl'), /non-zeros\s*3\.92 k/);
  await close(page);
});

test('200 MB of weights open though the browser does not keep them, and 3 GB are told to be too many', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pare-large-'));
  const large = (megabytes) => {
    const path = join(folder, `large${megabytes}.onnx`);
    const head = headOfLarge(megabytes);
    const file = openSync(path, 'w');
    writeSync(file, head);
    ftruncateSync(file, head.length + megabytes * 2 ** 20);
    closeSync(file);
    return path;
  };
  const page = await openPage(lab.browser, address(lab, ONE_STEP));
  try {
    await ready(page);
    await page.locator('#file').setInputFiles(large(200));
    await page.locator('pare-problems .problem', { hasText: /large200 will be gone .* does not keep files of 210 MB/ }).waitFor();
    await page.locator('pare-model', { hasText: 'large200 is open' }).waitFor();
    await page.locator('#file').setInputFiles(large(3000));
    await page.locator('pare-problems .problem', { hasText: /large3000\.onnx could not be read.*3\.15 GB.*command line/ }).waitFor();
    await page.locator('pare-model', { hasText: 'large200 is open' }).waitFor();
    await close(page);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a dropped recipe is opened, and the address repeats it', async () => {
  const page = await openPage(lab.browser, address(lab, ALL_THREE));
  await ready(page);
  await drop(page, [{ name: 'r.json', bytes: Buffer.from(JSON.stringify({ seed: 9, steps: [{ pass: 'prune', amount: 0.25 }] })) }]);
  await page.locator('.fold', { hasText: '25 %' }).waitFor();
  const again = await openPage(lab.browser, page.url());
  await ready(again);
  assert.match(await text(again, '.fold'), /25 %/);
  assert.equal(await again.locator('.seed input').inputValue(), '9');
  await close(again);
  await close(page);
});
