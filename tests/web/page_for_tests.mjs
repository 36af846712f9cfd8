/** What tests of the page share: the page served from a sub-path, a browser, addresses, and what is read off. PARE_PAGE names another build. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CHROMIUM, hasChromium, launch } from './browser.mjs';
import { serve } from './server.mjs';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const PAGE = process.env.PARE_PAGE ?? join(ROOT, 'web/dist');
export const SHOTS = join(ROOT, 'build/screenshots');
export const MODELS = join(ROOT, 'examples/models');
export const ONE_STEP = { seed: 1, steps: [{ pass: 'prune', amount: 0.5 }] };
export const ALL_THREE = {
  seed: 1,
  steps: [{ pass: 'prune', amount: 0.8, scope: 'global' }, { pass: 'train', epochs: 1 }, { pass: 'quantize' }],
};

/** { server, browser } while the tests of a file run. */
export function servedPage() {
  const lab = {};
  before(async () => {
    assert.ok(hasChromium, `no Chromium at ${CHROMIUM}: set PARE_CHROMIUM`);
    assert.ok(existsSync(join(PAGE, 'index.html')), `no page at ${PAGE}: npm run build makes it`);
    mkdirSync(SHOTS, { recursive: true });
    lab.server = await serve(PAGE);
    lab.browser = await launch();
  });
  after(async () => {
    await lab.browser?.close();
    await lab.server?.close();
  });
  return lab;
}

export const address = (lab, recipe, { test = 400, train = 640, model = 'lenet5' } = {}) =>
  `${lab.server.url}#${new URLSearchParams({ model, data: 'fashion-small', test, train, recipe: JSON.stringify(recipe) })}`;

export const text = async (page, selector) => (await page.locator(selector).first().textContent()).replace(/\s+/g, ' ').trim();
export const accuracy = async (page) => Number.parseFloat(await text(page, 'pare-model dl .big .value'));

export async function close(page, expected = []) {
  const trouble = page.trouble.filter((line) => !expected.some((pattern) => pattern.test(line)));
  await page.context().close();
  assert.deepEqual(trouble, []);
}
