/** Two workers of a pool against one, evaluating the 10,000 test images of Fashion-MNIST, in Chromium or in Node. Needs two processors. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { modelPath } from './models.mjs';
import { ROOT } from './places.mjs';
import { race, timed } from './race.mjs';
import { dataForPage } from './training.mjs';

const TEST_SET = dataForPage().filter((address) => address.includes('t10k'));

async function nodePool({ workers, network, form }) {
  const { createPool } = await import('pare/pool');
  const pool = await createPool({ workers });
  const model = new Uint8Array(readFileSync(modelPath(network, form)));
  const files = TEST_SET.map((address) => ({ name: address, bytes: new Uint8Array(readFileSync(ROOT + address)) }));
  const once = () => pool.evaluate(model, files);
  return { answer: await once(), run: timed(once), close: () => pool.close() };
}

async function pagePool(page, { id, workers, network, form }) {
  const wanted = { id, workers, file: modelPath(network, form).slice(ROOT.length), data: TEST_SET };
  const answer = await page.evaluate(async (one) => {
    window.bench = await import('/tests/bench/page.mjs');
    return window.bench.openPool(one);
  }, wanted);
  const run = (n) => page.evaluate(([one, times]) => window.bench.runPool(one, times), [id, n]);
  return { answer, run, close: () => page.evaluate((one) => window.bench.closePool(one), id) };
}

export async function raceWorkers({ place, contestants }, options, chromium) {
  if (availableParallelism() < 2) throw new Error('it needs two processors, and this process may use one (taskset?)');
  const page = place === 'chromium' ? await (await chromium()).freshPage() : null;
  const field = [];
  try {
    for (const one of contestants) field.push({ id: one.id, ...(await (page ? pagePool(page, one) : nodePool(one))) });
    const results = Object.fromEntries(field.map(({ id }) => [id, { ran: {} }]));
    if (!field.every(({ answer }) => isDeepStrictEqual(answer, field[0].answer)))
      throw new Error('the answers depend on the number of workers');
    return { results, times: await race(field, { ...options, sampleMs: 1 }) };
  } finally {
    for (const { close } of field) await close();
    await page?.close();
  }
}
