/** Pools in Chromium: module workers, and workers from a blob as in a page of one file, give what one lab gives. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { build } from 'esbuild';
import { DATA, ROOT, modelPath } from '../js/lab_for_tests.mjs';
import { launch } from './browser.mjs';
import { serve } from './server.mjs';

const SET = ['t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz'];

let folder, server, browser, page;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pare-pool-'));
  cpSync(join(ROOT, 'build/npm'), join(folder, 'npm'), { recursive: true });
  for (const name of SET) cpSync(join(DATA, name), join(folder, name));
  for (const network of ['lenet5', 'resnet8']) cpSync(modelPath(network), join(folder, `${network}.onnx`));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>pool</title>');
  const entry = join(ROOT, 'build/npm/pool_worker.js');
  await build({ entryPoints: [entry], outfile: join(folder, 'one.js'), bundle: true, format: 'iife', logLevel: 'error' });
  server = await serve(folder, '/');
  browser = await launch();
  page = await browser.newPage();
  await page.goto(server.url);
  await page.evaluate(async (names) => {
    const bytes = async (name) => new Uint8Array(await (await fetch(`/${name}`)).arrayBuffer());
    const { createLab } = await import('/npm/browser.js');
    const { createPool } = await import('/npm/pool_browser.js');
    const files = await Promise.all(names.map(async (name) => ({ name, bytes: await bytes(name) })));
    const text = await (await fetch('/one.js')).text();
    const blob = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
    const lab = await createLab();
    const alone = await lab.loadModel(await bytes('lenet5.onnx')).evaluate(lab.loadDataset(files), { answers: true });
    const started = { module: {}, blob: { worker: () => new Worker(blob) } };
    Object.assign(window, { bytes, createPool, files, alone, started });
  }, SET);
});
after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const kind of ['module', 'blob']) {
  test(`two workers (${kind}) evaluate as one lab does, to the last bit`, async () => {
    const { alone, together, workers } = await page.evaluate(async (kind) => {
      const { bytes, createPool, files, alone, started } = window;
      const pool = await createPool({ workers: 2, ...started[kind] });
      try {
        return { alone, together: await pool.evaluate(await bytes('lenet5.onnx'), files, { answers: true }), workers: pool.workers };
      } finally {
        await pool.close();
      }
    }, kind);
    assert.equal(workers, 2);
    assert.equal(together.total, 10_000);
    assert.deepEqual(together, alone);
  });
}

test('a pool is cancelled, says what went wrong in a worker, and goes on', async () => {
  const said = await page.evaluate(async () => {
    const { bytes, createPool, files } = window;
    const pool = await createPool({ workers: 2 });
    const model = await bytes('lenet5.onnx');
    const fault = (promise) => promise.then(String, ({ name, code, message }) => ({ name, code, message }));
    const controller = new AbortController();
    const cancelled = await fault(
      pool.evaluate(await bytes('resnet8.onnx'), files, { signal: controller.signal, onProgress: () => controller.abort() }),
    );
    const unfit = await fault(pool.evaluate(model, 'spirals'));
    const [run] = await pool.sweep(model, [{ steps: [{ pass: 'prune', amount: 0.5 }] }], { data: files, limitTest: 100 });
    const { total } = await pool.evaluate(model, files, { limit: 600 });
    await pool.close();
    return { cancelled, unfit, total, steps: run.report.steps.length, closed: await fault(pool.evaluate(model, files)) };
  });
  assert.equal(said.cancelled.name, 'AbortError');
  assert.equal(said.unfit.code, 'BAD_DATA');
  assert.equal(said.total, 600);
  assert.equal(said.steps, 2);
  assert.match(said.closed.message, /closed/);
});

test('a worker that cannot start is an error with its cause', async () => {
  const message = await page.evaluate(async () => {
    const broken = URL.createObjectURL(new Blob(['throw new Error("no such thing")'], { type: 'text/javascript' }));
    return window.createPool({ workers: 2, worker: () => new Worker(broken) }).then(String, ({ message }) => message);
  });
  assert.match(message, /a worker of the pool stopped: .*no such thing/);
});
