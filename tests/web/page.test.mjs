/**
 * The page as a person meets it, in Chromium: pick, look, squeeze, compare, take away. Every test has its own storage. PARE_PICTURE=1 writes
 * examples/page.png anew.
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { AxeBuilder } from '@axe-core/playwright';
import { drop, finished, openPage, points, ready } from './browser.mjs';
import { ALL_THREE, PAGE, ROOT, SHOTS, accuracy, address, close, servedPage, text } from './page_for_tests.mjs';
import { onnxModel } from '../js/support/onnx_writer.mjs';
import { serve } from './server.mjs';

const lab = servedPage();

test('a first visit shows the accuracy of LeNet-5 and one obvious button, without a click', async () => {
  const start = performance.now();
  const page = await openPage(lab.browser, lab.server.url);
  await ready(page);
  console.log(`first accuracy after ${((performance.now() - start) / 1000).toFixed(1)} s`);
  assert.ok((await accuracy(page)) > 85, 'LeNet-5 answers about 90 % right');
  assert.equal(await points(page).count(), 1);
  assert.match(await text(page, '#run'), /Run/);
  assert.equal(await page.locator('pare-recipe .fold').count(), 3);
  await page.screenshot({ path: join(SHOTS, '1440-light-first.png') });
  await close(page);
});

test('a recipe of all three kinds adds a point for each step, and the file shrinks', async () => {
  const page = await openPage(lab.browser, address(lab, ALL_THREE));
  await ready(page);
  const before = await accuracy(page);
  await page.locator('#run').click();
  await finished(page);
  assert.equal(await points(page).count(), 4);
  const labels = await points(page).evaluateAll((all) => all.map((e) => e.getAttribute('aria-label')));
  assert.ok(labels.some((label) => label.startsWith('1.1')) && labels.some((label) => label.startsWith('1.3')), labels.join('\n'));
  assert.match(await text(page, 'pare-model h2'), /1\.3/);
  const size = page.locator('pare-model dl > div', { hasText: 'file size' }).locator('.change');
  const change = Number.parseFloat((await size.textContent()).replace('−', '-'));
  assert.ok(change < -60, `the int8 file is ${change} % of change`);
  assert.ok((await accuracy(page)) > before - 10);
  await close(page);
});

test('a click on a point opens that network, and a pinned pair is compared', async () => {
  const page = await openPage(lab.browser, address(lab, { seed: 1, steps: [{ pass: 'prune', amount: 0.5 }] }));
  await ready(page);
  await page.locator('#run').click();
  await finished(page);
  await page.locator('pare-trade-off [data-id$=":original"]').click({ force: true });
  await page.locator('pare-model h2', { hasText: 'lenet5' }).waitFor();
  await page.locator('#pin').click();
  await page.locator('pare-trade-off [data-id$=":1"]').focus();
  await page.keyboard.press('Enter');
  await page.locator('pare-model h2', { hasText: '1.1' }).waitFor();
  await page.keyboard.press('p');
  await page.keyboard.press('6');
  assert.equal(await page.locator('#compare thead th').count(), 4);
  assert.equal(await page.locator('#compare tbody tr').count(), 8);
  await close(page);
});

test('the axes of the trade-off can be changed, and the table is one key away', async () => {
  const page = await openPage(lab.browser, address(lab, ALL_THREE));
  await ready(page);
  await page.locator('pare-trade-off select').nth(1).selectOption('macs');
  assert.match(await text(page, 'pare-trade-off h2'), /MACs/);
  await points(page).first().focus();
  await page.keyboard.press('t');
  assert.equal(await page.locator('pare-trade-off table tbody tr').count(), 1);
  await close(page);
});

test('cancelling midway keeps what was finished, and a reload finds it', async () => {
  const recipe = { seed: 1, steps: [{ pass: 'prune', amount: 0.5 }, { pass: 'train', epochs: 500 }, { pass: 'quantize' }] };
  const page = await openPage(lab.browser, address(lab, recipe, { train: 6000 }));
  await ready(page);
  await page.locator('#run').click();
  await page.locator('pare-trade-off [data-id$=":1"]').waitFor();
  await page.screenshot({ path: join(SHOTS, '1440-light-running.png') });
  await page.keyboard.press('Escape');
  await finished(page);
  assert.equal(await points(page).count(), 2, 'the original and the pruned network');
  await page.keyboard.press('6');
  assert.match(await text(page, '#runs tr.run'), /cancelled/);
  await page.reload();
  await ready(page);
  assert.equal(await points(page).count(), 2);
  await page.keyboard.press('6');
  assert.match(await text(page, '#runs tr.run'), /cancelled/);
  await page.locator('#runs tr[data-point$=":1"] button').first().click();
  await page.keyboard.press('3');
  await page.getByText('not drawn').first().waitFor();
  await close(page);
});

test('a run that a reload cut off goes on where it was', async (context) => {
  if (process.env.PARE_PAGE_STANDIN) return context.skip('the stand-in keeps no checkpoints');
  const recipe = { seed: 1, steps: [{ pass: 'prune', amount: 0.5 }, { pass: 'train', epochs: 5 }, { pass: 'quantize' }] };
  const page = await openPage(lab.browser, address(lab, recipe, { train: 6000 }));
  await ready(page);
  await page.locator('#run').click();
  await page.locator('pare-trade-off [data-id$=":1"]').waitFor();
  await page.waitForTimeout(200);
  await page.reload();
  await ready(page);
  await page.keyboard.press('6');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.locator('#cancel').waitFor();
  await finished(page);
  assert.equal(await points(page).count(), 4);
  assert.match(await text(page, '#runs tr.run'), /finished/);
  await close(page);
});

test('a run can be paused and goes on', async () => {
  const page = await openPage(lab.browser, address(lab, { seed: 1, steps: [{ pass: 'train', epochs: 40 }] }, { train: 6000 }));
  await ready(page);
  await page.locator('#run').click();
  await page.locator('[role=progressbar]').waitFor();
  await page.locator('#pause').click();
  await page.waitForTimeout(300);
  const at = await page.locator('[role=progressbar]').getAttribute('aria-valuenow');
  await page.waitForTimeout(500);
  assert.equal(await page.locator('[role=progressbar]').getAttribute('aria-valuenow'), at);
  await page.locator('#pause').click();
  await page.waitForFunction((was) => {
    const find = (root) =>
      root.querySelector('[role=progressbar]') ??
      [...root.querySelectorAll('*')].map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
    const bar = find(document);
    return !bar || bar.getAttribute('aria-valuenow') !== was;
  }, at);
  await page.keyboard.press('Escape');
  await finished(page);
  await close(page);
});

test('a saved network runs in ONNX Runtime with the accuracy that the page shows', async (context) => {
  const page = await openPage(lab.browser, address(lab, ALL_THREE));
  await ready(page);
  await page.locator('#run').click();
  await finished(page);
  const shown = await accuracy(page);
  const [saved] = await Promise.all([page.waitForEvent('download'), page.locator('#save-onnx').click()]);
  assert.equal(saved.suggestedFilename(), 'lenet5-1.3.onnx');
  const path = await saved.path();
  const [report] = await Promise.all([page.waitForEvent('download'), page.locator('#save-report').click()]);
  const written = JSON.parse(readFileSync(await report.path(), 'utf8'));
  assert.deepEqual(written.steps.map((step) => step.pass ?? null).slice(1), ['prune', 'train', 'quantize']);
  assert.equal(Math.round(written.steps[3].accuracy * 10_000) / 100, shown);
  if (process.env.PARE_PAGE_STANDIN) return context.skip('the stand-in makes no real file');

  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const idx = (name) => gunzipSync(readFileSync(join(PAGE, 'data/fashion-small', name)));
  const n = written.steps[3].total; // as many as the page measured on
  const pixels = Float32Array.from(idx('t10k-images-idx3-ubyte.gz').subarray(16, 16 + n * 784), (v) => v / 255);
  const labels = idx('t10k-labels-idx1-ubyte.gz').subarray(8, 8 + n);
  const session = await InferenceSession.create(path);
  const { logits } = await session.run({ image: new Tensor('float32', pixels, [n, 1, 28, 28]) });
  let right = 0;
  for (let i = 0; i < n; i++) {
    const row = logits.data.subarray(i * 10, i * 10 + 10);
    if (row.indexOf(Math.max(...row)) === labels[i]) right++;
  }
  assert.ok(Math.abs(right - (shown / 100) * n) <= 2, `ONNX Runtime has ${right} of ${n} right, the page says ${shown} %`);
  await close(page);
});

test('a wrong recipe stops with the step and the parameter named, and the rest stays', async () => {
  const page = await openPage(lab.browser, address(lab, { seed: 1, steps: [{ pass: 'prune', amount: 7 }] }));
  await ready(page);
  await page.locator('#run').click();
  const problem = page.locator('pare-problems .problem');
  await problem.waitFor();
  assert.match(await problem.textContent(), /amount/);
  await finished(page);
  assert.equal(await points(page).count(), 1);
  await close(page);
});

test('the form of a step comes from its declaration, and changes can be undone', async () => {
  const page = await openPage(lab.browser, address(lab, ALL_THREE));
  await ready(page);
  await page.locator('.fold').first().click();
  const slider = page.locator('pare-param input[type=range]').first();
  await slider.fill('0.3');
  assert.match(await text(page, '.fold'), /30 %/);
  await page.locator('h2').first().click();
  await page.keyboard.press('z');
  assert.match(await text(page, '.fold'), /80 %/);
  await page.keyboard.press('Shift+Z');
  assert.match(await text(page, '.fold'), /30 %/);
  await page.locator('.fold').first().focus();
  await page.keyboard.press('Alt+ArrowDown');
  assert.match(await page.locator('.fold').nth(1).textContent(), /30 %/);
  await page.keyboard.press('Delete');
  assert.equal(await page.locator('.fold').count(), 2);
  await page.locator('#add').selectOption('prune');
  assert.equal(await page.locator('.fold').count(), 3);
  await close(page);
});

test('the language switches to Chinese and is remembered', async () => {
  const page = await openPage(lab.browser, address(lab, ALL_THREE));
  await ready(page);
  await page.locator('#language').click();
  assert.equal(await text(page, '#run'), '运行');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  await page.reload();
  await ready(page);
  assert.equal(await text(page, '#run'), '运行');
  await page.screenshot({ path: join(SHOTS, '1440-light-zh.png'), fullPage: true });
  await close(page);
});

test('keys reach every part of the page', async () => {
  const page = await openPage(lab.browser, address(lab, ALL_THREE));
  let chooser;
  page.on('filechooser', (opened) => {
    chooser = opened; // listened for from the start: turning interception on takes a moment
  });
  await ready(page);
  for (const [key, tab] of [
    ['2', 'graph'],
    ['3', 'weights'],
    ['4', 'errors'],
    ['5', 'profile'],
    ['6', 'runs'],
    ['1', 'layers'],
  ]) {
    await page.keyboard.press(key);
    assert.equal(await page.locator(`#tab-${tab}`).getAttribute('aria-selected'), 'true');
  }
  await page.keyboard.press('?');
  await page.locator('dialog[open]').waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('dialog[open]').count(), 0);
  await page.keyboard.press('o');
  for (let i = 0; i < 100 && !chooser; i++) await page.waitForTimeout(100);
  assert.ok(chooser?.isMultiple(), 'o opens files');
  await page.keyboard.press('r');
  await points(page).nth(1).waitFor();
  await finished(page);
  await close(page);
});

test('the graph is drawn, walked by keys, narrows the other tabs, and marks what a run changed', async () => {
  const page = await openPage(
    lab.browser,
    address(lab, { seed: 1, steps: [{ pass: 'prune_channels', amount: 0.3 }] }, { model: 'resnet8' }),
  );
  await ready(page);
  await page.keyboard.press('2');
  const graph = page.locator('pare-graph');
  await graph.locator('.node').first().waitFor();
  assert.match(await graph.locator('.node').first().getAttribute('aria-label'), /^input image: 1 × 1 × 28 × 28/);
  await graph.locator('.node').first().focus();
  await page.keyboard.press('ArrowDown');
  const words = await graph.locator('.node:focus').getAttribute('aria-label');
  assert.match(words, /^Conv \S+ · 1 × 16 × 28 × 28 · weights 16 × 1 × 3 × 3; 16 · 640 B · 113 k MAC/);
  await page.keyboard.press('Enter');
  await page.locator('.filter').waitFor();
  assert.equal(await graph.locator('.node.chosen').count(), 1);
  await page.keyboard.press('t');
  assert.equal(await graph.locator('tbody tr').count(), 22);
  await page.keyboard.press('Escape');
  await page.locator('#run').click();
  await finished(page);
  await page.locator('pare-graph').nth(1).locator('.node.changed').first().waitFor();
  const changed = await page.locator('pare-graph').nth(1).locator('.node.changed').first().getAttribute('aria-label');
  assert.match(changed, /changed: .*1 × 16 × 28 × 28 → 1 × \d+ × 28 × 28/);
  await page.screenshot({ path: join(SHOTS, '1440-light-graph.png'), fullPage: true });
  await close(page);
});

test('what the first core leaves out follows: a network with other operators runs, and every pass is offered', async () => {
  const page = await openPage(lab.browser, address(lab, { seed: 1, steps: [{ pass: 'half' }] }, { model: 'lstm_student' }));
  const fetched = [];
  page.on('request', (request) => fetched.push(request.url().split('/').pop()));
  await ready(page);
  assert.ok((await accuracy(page)) > 70, 'a network with Expand and ConstantOfShape, which pare.wasm has not');
  await page.locator('pare-recipe option[value="quantize_weights"]').waitFor({ state: 'attached' });
  await page.locator('#run').click();
  await finished(page);
  assert.equal(await points(page).count(), 2);
  assert.ok(fetched.includes('pare-wide.wasm') || fetched.includes('pare-relaxed-wide.wasm'), fetched.join(' '));
  await close(page);
});

test('of a network of 1,000 operators only what is in view is in the page', async () => {
  const value = { dtype: 'f32', dims: [1, 4] };
  const names = Array.from({ length: 1001 }, (_, i) => `v${i}`);
  const nodes = names.slice(1).map((name, i) => ({ op: i % 2 ? 'Relu' : 'Neg', inputs: [names[i]], outputs: [name] }));
  const bytes = onnxModel({ nodes, inputs: new Map([['v0', value]]), outputs: new Map([['v1000', value]]), constants: new Map() });
  const page = await openPage(lab.browser, address(lab, { seed: 1, steps: [{ pass: 'prune', amount: 0.5 }] }));
  await ready(page);
  await drop(page, [{ name: 'long.onnx', bytes }]);
  await page.keyboard.press('2');
  await page.locator('pare-graph h2', { hasText: 'long' }).waitFor();
  const shown = page.locator('pare-graph .node');
  await shown.first().waitFor({ timeout: 30_000 });
  const few = await shown.count();
  assert.ok(few > 3 && few < 40, `${few} boxes`);
  await page.locator('pare-graph').getByText('All', { exact: true }).click();
  assert.equal(await shown.count(), 1002, 'all of it, without text');
  assert.equal(await page.locator('pare-graph text').count(), 0);
  await close(page);
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing to object to (${colorScheme})`, async () => {
    const page = await openPage(lab.browser, address(lab, { seed: 1, steps: [{ pass: 'prune', amount: 0.5 }] }), {
      colorScheme,
      reducedMotion: 'reduce',
    });
    await ready(page);
    await page.locator('#run').click();
    await finished(page);
    await page.locator('.fold').first().click();
    for (const key of ['1', '2', '3', '4', '5', '6']) {
      await page.keyboard.press(key);
      await page.waitForTimeout(300);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.flatMap((v) => v.nodes.map((n) => `tab ${key}: ${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`));
      assert.deepEqual(found, []);
    }
    await close(page);
  });
}

test('the page answers while a recipe runs', async () => {
  const page = await openPage(lab.browser, address(lab, { seed: 1, steps: [{ pass: 'train', epochs: 200 }] }, { train: 6000 }));
  await ready(page);
  await page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask' });
  });
  await page.locator('#run').click();
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press(String(1 + i));
    await page.waitForTimeout(300);
  }
  // A timer of 20 ms that waits for its turn: on a page that hangs it would come seconds late.
  const late = await page.evaluate(async () => {
    let worst = 0;
    for (let i = 0; i < 40; i++) {
      const start = performance.now();
      await new Promise((done) => setTimeout(done, 20));
      worst = Math.max(worst, performance.now() - start - 20);
    }
    return worst;
  });
  const tasks = await page.evaluate(() => window.longTasks);
  console.log(
    `while training: latest timer ${late.toFixed(0)} ms late; long tasks (ms): ${tasks.map((d) => d.toFixed(0)).join(' ') || 'none'}`,
  );
  assert.ok(late < 1000, 'the page hung');
  await page.keyboard.press('Escape');
  await finished(page);
  await close(page);
});

test('answers that changed are shown with both answers', async () => {
  const page = await openPage(lab.browser, address(lab, { seed: 1, steps: [{ pass: 'prune', amount: 0.95, scope: 'global' }] }));
  await ready(page);
  await page.locator('#run').click();
  await finished(page);
  await page.keyboard.press('4');
  await page.locator('pare-errors li').first().waitFor({ timeout: 60_000 });
  assert.equal(await page.locator('pare-confusion').count(), 2);
  await page.getByText('of 400 answers changed').waitFor();
  await close(page);
});

test('after the first visit the page works without the server', async () => {
  const alone = await serve(PAGE, '/pare/');
  const page = await openPage(lab.browser, alone.url);
  await ready(page);
  await page.getByText('works offline').waitFor({ timeout: 60_000 });
  await page.waitForTimeout(500);
  await alone.close();
  await page.reload();
  await ready(page);
  assert.ok((await accuracy(page)) > 85);
  await page.context().close();
});

/** Several runs, so that the trade-off has something to show. */
const SEVERAL = [
  [{ pass: 'prune', amount: 0.9 }, { pass: 'train', epochs: 1, learning_rate: 0.02 }, { pass: 'quantize' }],
  [{ pass: 'prune_channels', amount: 0.5 }, { pass: 'train', epochs: 3, learning_rate: 0.02 }, { pass: 'quantize' }],
  [{ pass: 'quantize' }],
];

test('the picture for the README, and one of every width and state', async () => {
  for (const [width, height] of [
    [1440, 900],
    [1024, 768],
    [390, 844],
  ]) {
    for (const colorScheme of ['light', 'dark']) {
      const [first, ...more] = width === 1440 && !process.env.PARE_PAGE_STANDIN ? SEVERAL : [ALL_THREE.steps];
      const page = await openPage(lab.browser, address(lab, { seed: 1, steps: first }, { test: 2000, train: 6000 }), {
        viewport: { width, height },
        colorScheme,
      });
      await ready(page);
      await page.locator('#run').click();
      await finished(page);
      for (const steps of more.reverse()) {
        await drop(page, [{ name: 'recipe.json', bytes: Buffer.from(JSON.stringify({ seed: 1, steps })) }]);
        await page
          .locator('.fold')
          .nth(steps.length - 1)
          .waitFor();
        await page.keyboard.press('r');
        await page.locator('#cancel').waitFor();
        await finished(page);
      }
      await page.waitForTimeout(300);
      const name = join(SHOTS, `${width}-${colorScheme}-finished.png`);
      await page.screenshot({ path: name, fullPage: width < 500 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `at ${width} px the page is ${wide} px wide`);
      if (width === 1440 && colorScheme === 'light' && process.env.PARE_PICTURE) copyFileSync(name, join(ROOT, 'examples/page.png'));
      await close(page);
    }
  }
});

test('the single file opens from the file system and runs a recipe', async (context) => {
  const file = process.env.PARE_SINGLE ?? join(ROOT, 'build/single/pare.html');
  if (process.env.PARE_PAGE && !process.env.PARE_SINGLE) return context.skip('another build of the page is being tested');
  assert.ok(existsSync(file), `no ${file}: npm run build makes it`);
  const hash = new URLSearchParams({ test: 400, recipe: JSON.stringify({ seed: 1, steps: [{ pass: 'prune', amount: 0.5 }] }) });
  const page = await openPage(lab.browser, `${pathToFileURL(file)}#${hash}`);
  await ready(page);
  assert.ok((await accuracy(page)) > 85);
  await page.locator('#run').click();
  await finished(page);
  assert.equal(await points(page).count(), 2);
  await close(page);
});
