/**
 * Interleaved timing, in the page and in Node alike. A contestant has `id` and `run(n)`, which does n pieces of work and gives (or resolves to) the
 * ms that they took. Every round times each once, beginning with another one each time, so that a busy spell of the machine hits all alike.
 */
export const DEFAULTS = { rounds: 15, sampleMs: 25, warmMs: 1000 };

/** Long enough for engines to reach their optimizing tier (onnxruntime-web: 0.6 s); then how many pieces make a sample. */
async function warmUp({ run }, { sampleMs, warmMs }) {
  let n = 1;
  let spent = 0;
  for (;;) {
    const ms = await run(n);
    spent += ms;
    if (spent >= warmMs) return Math.max(1, Math.ceil((sampleMs * n) / Math.max(ms, 0.001)));
    if (ms < sampleMs) n *= 2;
  }
}

/** id -> times (ms per piece), one for each round. */
export async function race(contestants, options = {}) {
  const settings = { ...DEFAULTS, ...options };
  const counts = [];
  for (const contestant of contestants) counts.push(await warmUp(contestant, settings));
  const times = Object.fromEntries(contestants.map(({ id }) => [id, []]));
  for (let round = 0; round < settings.rounds; round++) {
    for (let k = 0; k < contestants.length; k++) {
      const i = (round + k) % contestants.length;
      times[contestants[i].id].push((await contestants[i].run(counts[i])) / counts[i]);
    }
  }
  return times;
}

/** A contestant's `run` from one piece of work. */
export function timed(once) {
  return async (n) => {
    const start = performance.now();
    for (let i = 0; i < n; i++) await once();
    return performance.now() - start;
  };
}

/** The same for work that is not asynchronous: no promise stands between two pieces. */
export function timedSync(once) {
  return (n) => {
    const start = performance.now();
    for (let i = 0; i < n; i++) once();
    return performance.now() - start;
  };
}
