/** Which module runs: the relaxed one only where it computes exactly, and never a broken one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLab } from 'pare';
import { Core } from '../../build/npm/core.js';
import { ROOT } from './lab_for_tests.mjs';
import { breakRelaxedDots } from './support/broken_relaxed.mjs';

const read = (name) => new Uint8Array(readFileSync(join(ROOT, 'build/npm', name)));
const plain = read('pare.wasm');
const relaxed = read('pare-relaxed.wasm');
const { broken, n } = breakRelaxedDots(relaxed);
const isThere = WebAssembly.validate(relaxed);

test('plain modules run where they are asked for, alone or with another', async () => {
  const never = () => assert.fail('the relaxed module was fetched');
  for (const options of [{ wasm: plain }, { wasm: plain, relaxed: never, simd: 'simd128' }, { simd: 'simd128' }]) {
    const lab = await createLab(options);
    assert.equal(lab.build, 'wasm-simd');
  }
});

/** Only where the instruction is exact is anything fetched; then the module's own tiles decide. */
test('the relaxed module is fetched where it may run, and runs where it is exact', async () => {
  let fetched = 0;
  const source = async () => {
    fetched++;
    return relaxed;
  };
  const lab = await createLab({ wasm: plain, relaxed: source });
  const forced = await createLab({ wasm: plain, relaxed, simd: 'relaxed' }).catch(({ code }) => code);
  if (!isThere) assert.equal(fetched, 0);
  if (lab.build === 'wasm-relaxed') {
    assert.equal(fetched, 1);
    assert.equal(forced.build, 'wasm-relaxed');
  } else {
    assert.equal(lab.build, 'wasm-simd');
    assert.equal(forced, 'UNSUPPORTED');
  }
});

test('the self-test sees broken tiles, cold and warm, and a broken module never runs', async () => {
  assert.ok(n > 20, `${n} dot products broken`);
  const core = await Core.start(await WebAssembly.compile(broken));
  assert.equal(core.build, 'wasm-relaxed'); // it runs, but for its tiles
  for (let i = 0; i < 50; i++) assert.ok(core.selfTest() > 100);
  await assert.rejects(createLab({ wasm: plain, relaxed: broken, simd: 'relaxed' }), { code: 'UNSUPPORTED' });
  assert.equal((await createLab({ wasm: plain, relaxed: broken })).build, 'wasm-simd');
});

test('bytes that are no module, a fetch that fails and an unknown choice', async () => {
  const failing = () => Promise.reject(new Error('404'));
  for (const bad of [new Uint8Array(8), failing]) {
    await assert.rejects(createLab({ wasm: plain, relaxed: bad, simd: 'relaxed' }), { code: 'UNSUPPORTED' });
    assert.equal((await createLab({ wasm: plain, relaxed: bad })).build, 'wasm-simd');
  }
  await assert.rejects(createLab({ simd: 'avx' }), { code: 'BAD_ARGUMENT' });
});
