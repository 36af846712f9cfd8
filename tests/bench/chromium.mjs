/** Races in Chromium: pages of one browser, one race at a time. */
import { relative } from 'node:path';
import { CHROMIUM, hasChromium, launch } from '../web/browser.mjs';
import { serve } from '../web/server.mjs';
import { MODELS, modelPath } from './models.mjs';
import { installPeers } from './peers.mjs';
import { ROOT } from './places.mjs';

const address = (path) => `/${relative(ROOT, path)}`;

export async function openChromium() {
  if (!hasChromium) throw new Error(`there is no Chromium at ${CHROMIUM} (apt-get install chromium, or set PARE_CHROMIUM)`);
  const server = await serve(ROOT, '/');
  const browser = await launch();
  /** A fresh page: nothing of the race before is left in it. */
  async function freshPage() {
    const page = await browser.newPage();
    await page.goto(`${server.url}tests/bench/page.html`);
    return page;
  }
  return {
    version: browser.version(),
    url: server.url,
    freshPage,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** A contestant with the addresses of its files, for page.mjs. */
export const describe = (contestant, input) => ({
  ...contestant,
  file: address(modelPath(contestant.network, contestant.form)),
  layers: address(`${MODELS}/${contestant.network}`),
  input: { dims: input.dims, file: address(input.path) },
});

/** Makes a race's contestants ready in a page; `check` sees their answers and names those that may start. */
export async function raceInChromium(chromium, { contestants, inputs }, options, check, say) {
  const peersFault = contestants.some(({ engine }) => engine !== 'pare') ? await installPeers(say) : null;
  const page = await chromium.freshPage();
  try {
    const able = contestants.filter(({ engine }) => engine === 'pare' || !peersFault);
    const opened = await page.evaluate(
      async (all) => {
        window.bench = await import('/tests/bench/page.mjs');
        return window.bench.open(all);
      },
      able.map((contestant) => describe(contestant, inputs[contestant.id])),
    );
    const missing = contestants.filter((one) => !able.includes(one)).map(({ id }) => ({ id, error: peersFault }));
    const results = check([...opened, ...missing]);
    const ids = Object.keys(results).filter((id) => !results[id].error);
    const times = await page.evaluate(([wanted, given]) => window.bench.start(wanted, given), [ids, options]);
    return { results, times };
  } finally {
    await page.close();
  }
}
