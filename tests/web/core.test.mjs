/** The core in Chromium: the same answers and, after training, the same weights as in the other builds. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DATA, NETWORKS, ROOT, facts, modelPath } from '../js/lab_for_tests.mjs';
import { breakRelaxedDots } from '../js/support/broken_relaxed.mjs';
import { launch } from './browser.mjs';
import { serve } from './server.mjs';

const RECIPE = join(ROOT, 'examples/recipes/lenet5_train.json');
const SETS = ['train', 't10k'].flatMap((part) => [`${part}-images-idx3-ubyte.gz`, `${part}-labels-idx1-ubyte.gz`]);

let folder, server, browser, page;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pare-core-'));
  cpSync(join(ROOT, 'build/npm'), join(folder, 'npm'), { recursive: true });
  mkdirSync(join(folder, 'files'));
  for (const name of SETS) cpSync(join(DATA, name), join(folder, 'files', name));
  for (const network of NETWORKS) cpSync(modelPath(network), join(folder, 'files', `${network}.onnx`));
  writeFileSync(join(folder, 'npm/broken.wasm'), breakRelaxedDots(readFileSync(join(ROOT, 'build/npm/pare-relaxed.wasm'))).broken);
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>core</title>');
  server = await serve(folder, '/');
  browser = await launch();
  page = await browser.newPage();
  await page.goto(server.url);
  await page.evaluate(async (names) => {
    const { createLab } = await import('/npm/browser.js');
    const bytes = async (name) => new Uint8Array(await (await fetch(`/files/${name}`)).arrayBuffer());
    const lab = await createLab();
    const files = await Promise.all(names.map(async (name) => ({ name, bytes: await bytes(name) })));
    Object.assign(window, { bytes, lab, fashion: lab.loadDataset(files) });
  }, SETS);
});
after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const network of NETWORKS) {
  test(`${network} gives PyTorch's right answers and first logits in Chromium`, async () => {
    const expected = facts(network);
    const found = await page.evaluate(async (name) => {
      const { bytes, lab, fashion } = window;
      const model = lab.loadModel(await bytes(`${name}.onnx`));
      const { right, total } = await model.evaluate(fashion);
      const { logits } = model.session().run({ image: fashion.samples('test', 0, 1).pixels });
      return { right, total, logits: [...logits], build: lab.build };
    }, network);
    assert.match(found.build, /^wasm-(simd|relaxed)$/);
    assert.equal(found.total, 10_000);
    assert.ok(Math.abs(found.right - expected.test_right_of_10000) <= 2, `${found.right}`);
    const worst = Math.max(...found.logits.map((logit, i) => Math.abs(logit - expected.first_logits[i])));
    assert.ok(worst <= 1e-4, `first logits differ by ${worst}`);
  });
}

/** What the native program makes of the recipe; the Node tests leave it in build/hash.json. */
function nativeHash() {
  const kept = join(ROOT, 'build/hash.json');
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')).weights_sha256;
  const args = [
    'run',
    modelPath('lenet5'),
    '--recipe',
    RECIPE,
    '--data',
    `fashion-mnist:${DATA}`,
    '--out',
    join(folder, 'native'),
    '--quiet',
  ];
  const { status, stderr } = spawnSync(join(ROOT, 'build/native/pare'), args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(readFileSync(join(folder, 'native/report.json'), 'utf8')).weights_sha256;
}

test('LeNet-5 trained for five epochs in Chromium: at least 88.5 %, with the weights of the native build', async (t) => {
  const found = await page.evaluate(
    async (recipe) => {
      const { bytes, lab, fashion } = window;
      const model = lab.loadModel(await bytes('lenet5.onnx'));
      const { report } = await model.run(recipe, { data: fashion });
      const last = report.steps.at(-1);
      return { hash: report.weights_sha256, accuracy: last.accuracy, seconds: last.seconds };
    },
    JSON.parse(readFileSync(RECIPE, 'utf8')),
  );
  t.diagnostic(`accuracy ${found.accuracy}, ${found.seconds.toFixed(1)} s`);
  assert.ok(found.accuracy >= 0.885, `${found.accuracy}`);
  assert.equal(found.hash, nativeHash());
});

/** Where relaxed SIMD is exact it runs by itself; elsewhere, and with broken tiles, the plain module runs. */
test('the module with relaxed SIMD runs in Chromium only where it proves exact', async () => {
  const found = await page.evaluate(async () => {
    const { createLab } = await import('/npm/browser.js');
    const code = (error) => error.code;
    const wasm = '/npm/pare-wide.wasm';
    const auto = await createLab();
    const forced = await createLab({ simd: 'relaxed' }).catch(code);
    const broken = await createLab({ wasm, relaxed: '/npm/broken.wasm', simd: 'relaxed' }).catch(code);
    const kept = await createLab({ wasm, relaxed: '/npm/broken.wasm' });
    const plain = await createLab({ simd: 'simd128' });
    return { auto: auto.build, forced: forced.build ?? forced, broken, kept: kept.build, plain: plain.build };
  });
  assert.equal(found.plain, 'wasm-simd');
  assert.equal(found.broken, 'UNSUPPORTED');
  assert.equal(found.kept, 'wasm-simd');
  if (found.auto === 'wasm-relaxed') assert.equal(found.forced, 'wasm-relaxed');
  else assert.deepEqual([found.auto, found.forced], ['wasm-simd', 'UNSUPPORTED']);
});
