/** How far two runtimes' outputs are apart. */

/** Largest difference over the largest value of `want`; Infinity when they cannot be compared. */
export function relativeDifference(have, want) {
  if (have.length !== want.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  let scale = 0;
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(have[i] - want[i]);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    most = Math.max(most, difference);
    scale = Math.max(scale, Math.abs(want[i]));
  }
  return most / Math.max(scale, 1e-30);
}

/** Numbers in [0, 1) that are the same everywhere (a linear congruence, Numerical Recipes' constants). */
export function uniform(count, seed) {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  });
}
