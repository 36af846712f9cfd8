/**
 * Histograms of weights. Integer tensors of a quantized network are shown in the numbers they stand for: q * scale, or (q - zero point) *
 * scale, when a tensor of scales for them is found among the weights; else as the integers they are.
 */
import type { Weight } from '../../wasm/js/types.ts';
import type { Histogram } from './api.ts';

const N_BINS = 80;
/** A few stray weights must not press all others into one bin: this share at each end lies beyond the range. */
const BEYOND = 0.001;
const QUANTIZED = /_(quantized|q|int8)$/;

export function isWeightTensor(weight: Weight): boolean {
  return weight.shape.length >= 2 && !(weight.data instanceof BigInt64Array) && !(weight.data instanceof BigUint64Array);
}

/** "conv1.weight_quantized" and "conv1.weight" are the same tensor on the two sides of a comparison. */
export function baseName(name: string): string {
  return name.replace(QUANTIZED, '');
}

function scalesFor(weights: Weight[], weight: Weight): { scale: Float32Array; axis0: number } | null {
  if (weight.data instanceof Float32Array) return null;
  const base = baseName(weight.name);
  const found = weights.find(
    (w) => w.name !== weight.name && w.data instanceof Float32Array && w.name.includes('scale') && w.name.startsWith(base),
  );
  if (!found) return null;
  return { scale: found.data as Float32Array, axis0: weight.shape[0] ?? 1 };
}

function values(weights: Weight[], weight: Weight): Float32Array {
  const raw = weight.data as ArrayLike<number>;
  const scales = scalesFor(weights, weight);
  const out = new Float32Array(raw.length);
  if (!scales) {
    for (let i = 0; i < raw.length; i++) out[i] = raw[i] as number;
    return out;
  }
  const per = scales.scale.length === scales.axis0 ? raw.length / scales.axis0 : raw.length;
  for (let i = 0; i < raw.length; i++) out[i] = (raw[i] as number) * (scales.scale[Math.floor(i / per)] ?? scales.scale[0] ?? 1);
  return out;
}

function concat(parts: Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function binWeights(weights: Weight[], tensor: string, range: [number, number] | null): Histogram {
  const chosen = weights.filter((w) => (tensor === '' ? isWeightTensor(w) : w.name === tensor || baseName(w.name) === baseName(tensor)));
  const first = chosen[0];
  if (!first) throw Object.assign(new Error(`there is no weight tensor '${tensor}' in this network`), { code: 'BAD_ARGUMENT' });
  const parts = chosen.map((w) => values(weights, w));
  let [minimum, maximum, zeros, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const part of parts) {
    for (const value of part) {
      if (value < minimum) minimum = value;
      if (value > maximum) maximum = value;
      if (value === 0) zeros++;
    }
    count += part.length;
  }
  const sorted = range ? [] : parts.length === 1 && parts[0] ? parts[0].slice().sort() : concat(parts).sort();
  const beyond = Math.floor(sorted.length * BEYOND);
  const middle: [number, number] = [sorted[beyond] ?? minimum, sorted[sorted.length - 1 - beyond] ?? maximum];
  const [low, high] = range ?? (middle[0] < middle[1] ? middle : [minimum - 1, maximum + 1]);
  const bins = new Array<number>(N_BINS).fill(0);
  const perUnit = N_BINS / (high - low);
  for (const part of parts) {
    for (const value of part) {
      if (value === 0) continue;
      const i = Math.min(N_BINS - 1, Math.max(0, Math.floor((value - low) * perUnit)));
      bins[i] = (bins[i] as number) + 1;
    }
  }
  return {
    name: tensor,
    dtype: first.dtype,
    shape: tensor === '' ? [] : first.shape,
    count,
    zeros,
    minimum,
    maximum,
    range: [low, high],
    bins,
  };
}
