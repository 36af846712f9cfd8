/** Operators that move elements about or tell shapes. */
import { count } from './draw.mjs';

const ANY = ['f32', 'f32', 's32', 's64', 'bool', 'u8', 's8', 'f64'];
const axisOf = (d, rank) => d.between(-rank, rank - 1);
const flat = (axis, rank) => (axis < 0 ? axis + rank : axis);

function concat(g, d) {
  const x = g.value({ types: ANY });
  const axis = axisOf(d, x.dims.length);
  const others = d.list(d.between(0, 3), () => {
    const dims = [...x.dims];
    dims[flat(axis, dims.length)] = d.between(1, 4);
    return g.leaf(d.tensor(x.dtype, dims));
  });
  return { inputs: d.shuffled([x, ...others]), attrs: { axis } };
}

/** The dims in another grouping; a 0 keeps a dimension, a -1 is worked out. */
function reshape(g, d) {
  const x = g.value({ types: ANY, rank: [0, 4] });
  const factors = d.shuffled(x.dims);
  const to = [];
  for (const f of factors) {
    if (to.length && d.chance(0.4)) to[to.length - 1] *= f;
    else to.push(f);
  }
  if (to.length && d.chance(0.4)) to[d.below(to.length)] = -1;
  if (to.length && to[0] === x.dims[0] && d.chance(0.5)) to[0] = 0;
  return { inputs: [x, g.numbers(to)] };
}

function slice(g, d) {
  const x = g.value({ types: ANY });
  const rank = x.dims.length;
  const axes = d.shuffled(d.list(rank, (i) => i)).slice(0, d.between(1, rank));
  const steps = axes.map(() => d.pick([1, 1, 2, 3, -1, -2]));
  const starts = axes.map((a) => d.between(-x.dims[a], x.dims[a] + 1));
  const ends = axes.map((a) => d.pick([d.between(-x.dims[a] - 1, x.dims[a] + 1), 1000, -1000]));
  const inputs = [x, g.numbers(starts), g.numbers(ends), g.numbers(axes.map((a) => (d.chance(0.3) ? a - rank : a))), g.numbers(steps)];
  return { inputs };
}

function split(g, d) {
  const x = g.value({ types: ANY });
  const rank = x.dims.length;
  const axis = axisOf(d, rank);
  const size = x.dims[flat(axis, rank)];
  const outputs = d.between(1, Math.min(size, 3));
  if (g.opset >= 18 && d.chance(0.5)) return { inputs: [x], outputs, attrs: { axis, num_outputs: outputs } };
  const parts = d.list(outputs, () => 1);
  for (let i = outputs; i < size; i++) parts[d.below(outputs)]++;
  return { inputs: [x, g.numbers(parts)], outputs, attrs: { axis } };
}

function squeeze(g, d) {
  const x = g.value({ types: ANY, fits: (dims) => dims.includes(1), most: 2 });
  const ones = x.dims.flatMap((size, i) => (size === 1 ? [i] : []));
  if (!ones.length) return null;
  const axes = d.shuffled(ones).slice(0, d.between(1, ones.length));
  return { inputs: d.chance(0.3) ? [x] : [x, g.numbers(axes.map((a) => (d.chance(0.3) ? a - x.dims.length : a)))] };
}

function unsqueeze(g, d) {
  const x = g.value({ types: ANY, rank: [0, 3] });
  const extra = d.between(1, 2);
  const rank = x.dims.length + extra;
  const axes = d.shuffled(d.list(rank, (i) => i)).slice(0, extra);
  return { inputs: [x, g.numbers(axes.map((a) => (d.chance(0.3) ? a - rank : a)))] };
}

const transpose = (g, d) => {
  const x = g.value({ types: ANY, rank: [1, 5] });
  return { inputs: [x], attrs: d.chance(0.85) ? { perm: d.shuffled(x.dims.map((_, i) => i)) } : {} };
};

const expand = (g, d) => {
  const x = g.value({ types: ANY, rank: [0, 3] });
  const dims = x.dims.map((size) => (size === 1 ? d.between(1, 4) : d.chance(0.3) ? 1 : size));
  return { inputs: [x, g.numbers([...d.dims(d.below(2), 3), ...dims])] };
};

const tile = (g, d) => {
  const x = g.value({ types: ANY, rank: [1, 3] });
  return { inputs: [x, g.numbers(x.dims.map(() => d.between(1, 3)))] };
};

function pad(g, d) {
  const x = g.value({ types: ['f32', 'f32', 's32', 's64', 'u8', 's8'] });
  const mode = d.pick(['constant', 'constant', 'reflect', 'edge']);
  const pads = [...x.dims, ...x.dims].map((size) => {
    const most = mode === 'reflect' ? size - 1 : 2;
    return d.between(mode === 'constant' && size > 2 ? -1 : 0, Math.min(most, 2));
  });
  const value = mode === 'constant' && d.chance(0.6) ? [g.constant(d.tensor(x.dtype, [], 0, 3))] : [];
  return { inputs: [x, g.numbers(pads), ...value], attrs: { mode } };
}

const flatten = (g, d) => {
  const x = g.value({ types: ANY });
  return { inputs: [x], attrs: { axis: d.between(-x.dims.length, x.dims.length) } };
};

const depthToSpace = (g, d) => {
  const b = d.between(2, 3);
  const x = g.value({ rank: [4, 4], most: 9, fits: ([, c]) => c % (b * b) === 0 });
  if (x.dims[1] % (b * b)) return null;
  return { inputs: [x], attrs: { blocksize: b, mode: d.pick(['DCR', 'CRD']) } };
};

const spaceToDepth = (g) => {
  const x = g.value({ rank: [4, 4], fits: ([, , h, w]) => h % 2 === 0 && w % 2 === 0 });
  return { inputs: [x], attrs: { blocksize: 2 } };
};

const shape = (g, d) => {
  const x = g.value({ types: ANY, rank: [0, 4] });
  const ends = g.opset >= 15 && d.chance(0.5) ? { start: d.between(-4, 3), end: d.between(-3, 4) } : {};
  return { inputs: [x], attrs: ends };
};

const trilu = (g, d) => {
  const x = g.value({ types: ['f32', 's64'], rank: [2, 4] });
  const k = g.constant({ dtype: 's64', dims: [], data: BigInt64Array.of(BigInt(d.between(-3, 3))) });
  return { inputs: d.chance(0.7) ? [x, k] : [x], attrs: { upper: d.below(2) } };
};

const range = (g, d) => {
  const dtype = d.pick(['f32', 's32', 's64']);
  const step = d.pick([1, 2, 3, -1, -2]);
  const start = d.between(-3, 3);
  return { inputs: [start, start + step * d.between(1, 5) - Math.sign(step) * d.below(2), step].map((v) => scalar(g, d, dtype, v)) };
};
const scalar = (g, d, dtype, value) => g.constant({ ...d.numbers([value], dtype), dims: [] });

const eyeLike = (g, d) => ({ inputs: [g.value({ types: ['f32', 's32'], rank: [2, 2] })], attrs: { k: d.between(-3, 3) } });

const centerCropPad = (g, d) => {
  const x = g.value({ types: ['f32', 's32'], rank: [1, 4] });
  return { inputs: [x, g.numbers(d.dims(x.dims.length, 7))] };
};

const constantOfShape = (g, d) => ({ inputs: [g.numbers(d.dims(d.between(1, 3)))] });

const reverse = (g, d) => {
  const x = g.value({ types: ['f32', 's32'], rank: [2, 4] });
  const time = d.below(2);
  const lengths = d.list(x.dims[1 - time], () => d.between(1, x.dims[time]));
  return { inputs: [x, g.numbers(lengths)], attrs: { time_axis: time, batch_axis: 1 - time } };
};

const size = (g) => ({ inputs: [g.value({ types: ANY, rank: [0, 4], fits: (dims) => count(dims) > 0 })] });

export const SHAPES = {
  CenterCropPad: { since: 18, moves: true, make: centerCropPad },
  Concat: { moves: true, make: concat },
  ConstantOfShape: { moves: true, make: constantOfShape },
  DepthToSpace: { moves: true, make: depthToSpace },
  Expand: { moves: true, make: expand },
  EyeLike: { moves: true, make: eyeLike },
  Flatten: { moves: true, make: flatten },
  Pad: { moves: true, make: pad },
  Range: { moves: true, make: range },
  Reshape: { moves: true, make: reshape },
  ReverseSequence: { moves: true, make: reverse },
  Shape: { make: shape },
  Size: { make: size },
  Slice: { moves: true, make: slice },
  SpaceToDepth: { moves: true, make: spaceToDepth },
  Split: { moves: true, make: split },
  Squeeze: { moves: true, make: squeeze },
  Tile: { moves: true, make: tile },
  Transpose: { moves: true, make: transpose },
  Trilu: { since: 14, moves: true, make: trilu },
  Unsqueeze: { moves: true, make: unsqueeze },
};
