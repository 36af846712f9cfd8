/** What a visitor fetches, gzip-compressed, before the first inference of a network, without the network itself. */
import { gzipSync } from 'node:zlib';
import { describe } from './chromium.mjs';
import { installPeers } from './peers.mjs';

/** The harness's own files, the networks and their inputs. */
const OURS = /\/tests\/bench\/|\/build\/bench\/models\//;

async function bytesOf(chromium, one) {
  const page = await chromium.freshPage();
  const bodies = [];
  page.on('response', (response) => {
    if (!OURS.test(response.url())) bodies.push(response.body());
  });
  try {
    const [{ error }] = await page.evaluate(async (contestant) => (await import('/tests/bench/page.mjs')).open([contestant]), one);
    if (error) return { error };
    const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body, { level: 9 }).length);
    return { median: sizes.reduce((a, b) => a + b, 0), files: sizes.length };
  } finally {
    await page.close();
  }
}

export async function countBytes({ contestants, inputs }, chromium, say) {
  const results = {};
  for (const one of contestants) {
    const fault = one.engine === 'pare' ? null : await installPeers(say);
    results[one.id] = fault ? { error: fault } : await bytesOf(chromium, describe(one, inputs[one.id]));
  }
  return { results, times: {} };
}
