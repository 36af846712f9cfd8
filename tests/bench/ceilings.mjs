/** The best that the kernels of a build reach on shapes that stay in the nearest cache, by dtype, measured in the same run: GMAC/s. */
import { join } from 'node:path';
import { command } from './peers.mjs';
import { ROOT } from './places.mjs';

const best = (rows, dtype) => Math.max(0, ...rows.filter((row) => row.dtype === dtype).map(({ gmacs }) => gmacs));

async function measure(place, build, chromium) {
  if (place === 'native') return JSON.parse(await command(join(ROOT, 'build/native/bench_kernels'), ['--json', '--ceilings']));
  const page = await (await chromium()).freshPage();
  try {
    return await page.evaluate(async (name) => (await import('/tests/bench/page.mjs')).ceilings(name), build);
  } finally {
    await page.close();
  }
}

/** Each place and build once. A ceiling that cannot be measured leaves the column empty. */
export function ceilingsOf(chromium, say) {
  const known = new Map();
  return async function ceiling(place, build, dtype) {
    const key = `${place} ${build}`;
    if (!known.has(key)) {
      say(`measuring the ceilings of ${build} (${place})`);
      const rows = await measure(place, build, chromium).catch((error) => {
        say(`no ceilings of ${build}: ${error.message}`);
        return [];
      });
      known.set(key, rows);
    }
    return best(known.get(key), dtype) || null;
  };
}
