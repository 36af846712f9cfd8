/** Layers of two networks beside each other: by name where a name is in both, else where they stand. */
import type { LayerReport } from '../../wasm/js/types.ts';

export interface LayerPair {
  name: string;
  before: LayerReport | undefined;
  after: LayerReport | undefined;
}

export function pairLayers(before: readonly LayerReport[], after: readonly LayerReport[]): LayerPair[] {
  const old = new Map(before.map((l) => [l.name, l]));
  const pairs: LayerPair[] = after.map((l) => {
    const match = old.get(l.name);
    old.delete(l.name);
    return { name: l.name, before: match, after: l };
  });
  // A layer that went away keeps the place it had.
  before.forEach((l, i) => {
    if (old.has(l.name)) pairs.splice(Math.min(i, pairs.length), 0, { name: l.name, before: l, after: undefined });
  });
  return pairs;
}

export interface OperatorTime {
  operator: string;
  count: number;
  ms: number;
}

export function timeByOperator(layers: readonly LayerReport[]): OperatorTime[] {
  const found = new Map<string, OperatorTime>();
  for (const layer of layers) {
    if (layer.time_ms === null || layer.time_ms === undefined) continue;
    const entry = found.get(layer.op) ?? { operator: layer.op, count: 0, ms: 0 };
    entry.count++;
    entry.ms += layer.time_ms;
    found.set(layer.op, entry);
  }
  return [...found.values()].sort((a, b) => b.ms - a.ms);
}

/** A trace that chrome://tracing and Perfetto read; layers laid end to end by their median times. */
export function chromeTrace(layers: readonly LayerReport[]): string {
  let at = 0;
  const traceEvents = layers.flatMap((layer) => {
    if (!layer.time_ms) return [];
    const event = {
      name: layer.name,
      cat: layer.op,
      ph: 'X',
      ts: at,
      dur: layer.time_ms * 1000,
      pid: 1,
      tid: 1,
      args: { op: layer.op, kernel: layer.kernel, macs: layer.macs },
    };
    at += layer.time_ms * 1000;
    return [event];
  });
  return JSON.stringify({ displayTimeUnit: 'ms', traceEvents });
}
