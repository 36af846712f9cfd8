/** The Pareto front: points that no other point beats on one axis without losing on the other. */
export type Better = 'smaller' | 'larger';

export function paretoFront<T>(items: readonly T[], x: (item: T) => number, y: (item: T) => number, betterX: Better, betterY: Better): T[] {
  const sx = betterX === 'smaller' ? 1 : -1;
  const sy = betterY === 'smaller' ? 1 : -1;
  const sorted = [...items].sort((a, b) => sx * (x(a) - x(b)) || sy * (y(a) - y(b)));
  const front: T[] = [];
  let best = Number.POSITIVE_INFINITY;
  for (const item of sorted) {
    const value = sy * y(item);
    if (value < best) {
      front.push(item);
      best = value;
    }
  }
  return front;
}
