/** Gathering, scattering, ordering and selecting. */
import { ARRAYS } from '../js/support/onnx_writer.mjs';
import { count } from './draw.mjs';

const ANY = ['f32', 'f32', 's32', 's64', 'u8', 'bool'];
const axisOf = (d, rank) => d.between(-rank, rank - 1);
const flat = (axis, rank) => (axis < 0 ? axis + rank : axis);
const REDUCE = ['none', 'add', 'mul', 'max', 'min'];

/** Indices below `size`, some counted from the end. */
function indices(g, d, dims, size, dtype = d.pick(['s64', 's64', 's32'])) {
  const data = d.list(count(dims), () => d.between(-size, size - 1));
  return g.leaf({ ...d.numbers(data, dtype), dims });
}

const gather = (g, d) => {
  const x = g.value({ types: ANY });
  const axis = axisOf(d, x.dims.length);
  return { inputs: [x, indices(g, d, d.dims(d.between(0, 2), 4), x.dims[flat(axis, x.dims.length)])], attrs: { axis } };
};

const gatherElements = (g, d) => {
  const x = g.value({ types: ANY });
  const axis = axisOf(d, x.dims.length);
  const dims = x.dims.map((size) => d.between(1, size));
  dims[flat(axis, dims.length)] = d.between(1, 5);
  return { inputs: [x, indices(g, d, dims, x.dims[flat(axis, dims.length)])], attrs: { axis } };
};

/** Tuples of indices into the dims that follow the batch dims; `distinct`: no tuple twice. */
function tuples(d, dims, n, distinct) {
  const seen = new Set();
  const out = [];
  for (let i = 0; i < n; i++) {
    const tuple = dims.map((size) => d.below(size));
    if (distinct && seen.has(String(tuple))) continue;
    seen.add(String(tuple));
    out.push(...tuple.map((v, k) => (d.chance(0.3) ? v - dims[k] : v)));
  }
  return out;
}

const gatherNd = (g, d) => {
  const x = g.value({ types: ANY, rank: [1, 4] });
  const batch = d.below(x.dims.length);
  const into = x.dims.slice(batch, batch + d.between(1, x.dims.length - batch));
  const n = d.between(1, 3);
  const lead = x.dims.slice(0, batch);
  const data = tuples(d, into, count(lead) * n, false);
  const index = g.leaf({ ...d.numbers(data), dims: [...lead, n, into.length] });
  return { inputs: [x, index], attrs: batch ? { batch_dims: batch } : {} };
};

const scatterNd = (g, d) => {
  const x = g.value({ types: ['f32', 'f32', 's32', 's64'] });
  const depth = d.between(1, x.dims.length);
  const reduction = g.opset >= 18 ? d.pick(REDUCE) : 'none';
  const data = tuples(d, x.dims.slice(0, depth), d.between(1, 4), reduction === 'none');
  const n = data.length / depth;
  const updates = g.leaf(d.tensor(x.dtype, [n, ...x.dims.slice(depth)]));
  const attrs = reduction === 'none' ? {} : { reduction };
  return { inputs: [x, g.leaf({ ...d.numbers(data), dims: [n, depth] }), updates], attrs };
};

/** Without a reduction no element may be written twice: along the axis the indices of a row are a permutation. */
const scatterElements = (g, d) => {
  const x = g.value({ types: ['f32', 'f32', 's32', 's64'], rank: [1, 3] });
  const rank = x.dims.length;
  const axis = d.below(rank);
  const dims = x.dims.map((size) => d.between(1, size));
  const inner = count(dims.slice(axis + 1));
  const data = new Array(count(dims));
  for (let row = 0; row < count(dims) / dims[axis]; row++) {
    const order = d.shuffled(d.list(x.dims[axis], (i) => i));
    const start = Math.floor(row / inner) * inner * dims[axis] + (row % inner);
    for (let i = 0; i < dims[axis]; i++) data[start + i * inner] = d.chance(0.3) ? order[i] - x.dims[axis] : order[i];
  }
  const reduction = g.opset >= 18 ? d.pick(REDUCE) : 'none';
  const attrs = { axis: d.chance(0.5) ? axis : axis - rank, ...(reduction === 'none' ? {} : { reduction }) };
  return { inputs: [x, g.leaf({ ...d.numbers(data), dims }), g.leaf(d.tensor(x.dtype, dims))], attrs };
};

/** Unsorted results may stand in any order, so only the sorted form is drawn. */
const topK = (g, d) => {
  const x = g.value({ types: ['f32', 'f32', 's32', 's64'], rank: [1, 4] });
  const axis = axisOf(d, x.dims.length);
  const k = g.numbers([d.between(1, x.dims[flat(axis, x.dims.length)])]);
  return { inputs: [x, k], outputs: 2, attrs: { axis, largest: d.below(2), sorted: 1 } };
};

const oneHot = (g, d) => {
  const depth = d.between(2, 5);
  const at = g.leaf(d.tensor('s64', d.dims(d.between(1, 2)), -depth, depth - 1));
  const values = g.constant(d.tensor('f32', [2]));
  const size = g.constant({ dtype: 's64', dims: [], data: ARRAYS.s64.of(BigInt(depth)) });
  return { inputs: [at, size, values], attrs: { axis: axisOf(d, at.dims.length + 1) } };
};

const nonZero = (g) => ({ inputs: [g.value({ types: ['f32', 's32', 'bool'], rank: [1, 3] })] });

const compress = (g, d) => {
  const x = g.value({ types: ANY, rank: [1, 3] });
  const axis = d.chance(0.7) ? axisOf(d, x.dims.length) : null;
  const most = axis === null ? count(x.dims) : x.dims[flat(axis, x.dims.length)];
  const mask = g.leaf(d.tensor('bool', [d.between(1, most)]));
  return { inputs: [x, mask], attrs: axis === null ? {} : { axis } };
};

const unique = (g, d) => {
  const x = g.value({ types: ['f32', 's64'], rank: [1, 3] });
  const attrs = { sorted: d.below(2), ...(d.chance(0.5) ? { axis: axisOf(d, x.dims.length) } : {}) };
  return { inputs: [x], outputs: 4, attrs };
};

export const INDEXING = {
  Compress: { moves: true, make: compress },
  Gather: { moves: true, make: gather },
  GatherElements: { moves: true, make: gatherElements },
  GatherND: { moves: true, make: gatherNd },
  NonZero: { jumps: true, make: nonZero },
  OneHot: { moves: true, make: oneHot },
  ScatterElements: { make: scatterElements },
  ScatterND: { make: scatterNd },
  TopK: { jumps: true, make: topK },
  Unique: { jumps: true, make: unique },
};
