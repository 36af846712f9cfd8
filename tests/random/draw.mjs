/** Random draws that depend on the seed and the case alone (xorshift32), so that each case can be made again. */
import { ARRAYS } from '../js/support/onnx_writer.mjs';

export const count = (dims) => dims.reduce((a, b) => a * b, 1);
export const INTEGERS = ['u8', 's8', 's16', 'u16', 's32', 'u32', 's64', 'u64'];
const isWide = (dtype) => dtype === 's64' || dtype === 'u64';

export class Draw {
  #state;

  constructor(seed, index) {
    this.#state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77)) | 1;
    for (let i = 0; i < 8; i++) this.below(2);
  }

  /** 0 to n - 1. */
  below(n) {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return Math.floor(((this.#state >>> 0) * n) / 2 ** 32);
  }

  between = (low, high) => low + this.below(high - low + 1);
  chance = (share) => this.below(1 << 20) < share * (1 << 20);
  pick = (list) => list[this.below(list.length)];
  real = (low, high) => Math.fround(low + (this.below(1 << 24) / (1 << 24)) * (high - low));
  list = (length, make) => Array.from({ length }, (_, i) => make(i));
  dims = (rank, most = 5) => this.list(rank, () => this.between(1, most));

  shuffled(list) {
    const rest = [...list];
    return list.map(() => rest.splice(this.below(rest.length), 1)[0]);
  }

  /** Shape that broadcasts with `dims`: leading dimensions gone, others 1. */
  broadcast(dims) {
    return dims.slice(this.chance(0.3) ? this.below(dims.length + 1) : 0).map((d) => (this.chance(0.3) ? 1 : d));
  }

  /** { dtype, dims, data }; floats from low to high, at times whole numbers, so that equal ones occur. */
  tensor(dtype, dims, low = -2, high = 2) {
    const whole = this.chance(0.25) && high - low >= 2;
    const one = () => {
      if (dtype === 'bool') return this.below(2);
      if (dtype === 'f32' || dtype === 'f64') return whole ? this.between(Math.ceil(low), Math.floor(high)) : this.real(low, high);
      return this.between(dtype[0] === 'u' ? Math.max(0, Math.ceil(low)) : Math.ceil(low), Math.floor(high));
    };
    const data = ARRAYS[dtype].from({ length: count(dims) }, isWide(dtype) ? () => BigInt(one()) : one);
    return { dtype, dims, data };
  }

  /** Whole numbers given one by one. */
  numbers(values, dtype = 's64') {
    return { dtype, dims: [values.length], data: ARRAYS[dtype].from(isWide(dtype) ? values.map(BigInt) : values) };
  }
}
