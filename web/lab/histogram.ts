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

/** Blocks of MatMulNBits hold several weights in a byte: their bytes are no weights. */
export function isWeightTensor(weight: Weight): boolean {
  if (weight.name.endsWith('_blocks') || weight.name.endsWith('_scale') || weight.name.endsWith('_zero_point')) return false;
  return weight.shape.length >= 2 && !(weight.data instanceof BigInt64Array) && !(weight.data instanceof BigUint64Array);
}

/** "conv1.weight_quantized" and "conv1.weight" are the same tensor on the two sides of a comparison. */
export function baseName(name: string): string {
  return name.replace(QUANTIZED, '');
}

/** Of the tensor `${base}${suffix}`, as quantization names scales and zero points. */
const beside = (weights: Weight[], weight: Weight, word: string): Weight | undefined =>
  weights.find((w) => w !== weight && w.name.includes(word) && w.name.startsWith(baseName(weight.name)));

/** Where in its scales element i of a tensor has its own: one for all, one for each index of the first axis, or one for a block along an axis. */
function scalePlace(shape: number[], scale: Weight): (i: number) => number {
  const count = shape.reduce((a, b) => a * b, 1);
  const axis = scale.shape.length === shape.length ? shape.findIndex((dim, k) => dim !== scale.shape[k]) : -1;
  if (axis >= 0 && scale.shape.length > 1) {
    const [dim, blocks] = [shape[axis] ?? 1, scale.shape[axis] ?? 1];
    const after = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const size = blockSize(dim, blocks);
    return (i) => {
      const row = Math.floor(i / after);
      return (Math.floor(row / dim) * blocks + Math.floor((row % dim) / size)) * after + (i % after);
    };
  }
  const per = scale.data.length === shape[0] ? count / shape[0] : count;
  return (i) => (per ? Math.floor(i / per) : 0);
}

/** Blocks are powers of two: the one that cuts `dim` into so many. */
function blockSize(dim: number, blocks: number): number {
  for (let size = 16; size < dim; size *= 2) if (Math.ceil(dim / size) === blocks) return size;
  return dim;
}

function halfFloat(bits: number): number {
  const [exponent, fraction, sign] = [(bits >> 10) & 31, bits & 1023, bits & 0x8000 ? -1 : 1];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
}

function values(weights: Weight[], weight: Weight): Float32Array {
  const raw = weight.data as ArrayLike<number>;
  const out = new Float32Array(raw.length);
  const scale = weight.data instanceof Float32Array ? undefined : beside(weights, weight, 'scale');
  if (!(scale?.data instanceof Float32Array)) {
    for (let i = 0; i < raw.length; i++) out[i] = weight.dtype === 'f16' ? halfFloat(raw[i] as number) : (raw[i] as number);
    return out;
  }
  const zero = beside(weights, weight, 'zero_point')?.data as ArrayLike<number> | undefined;
  const place = scalePlace(weight.shape, scale);
  for (let i = 0; i < raw.length; i++) {
    const at = place(i);
    out[i] = ((raw[i] as number) - (zero?.[at] ?? zero?.[0] ?? 0)) * (scale.data[at] ?? scale.data[0] ?? 1);
  }
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
