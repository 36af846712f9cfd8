/** Reductions, softmax forms and norms. */

const axisOf = (d, dims) => d.between(-dims.length, dims.length - 1);
const someAxes = (d, rank) => d.shuffled(d.list(rank, (i) => (d.chance(0.5) ? i : i - rank))).slice(0, d.between(1, rank));

/** Axes are an attribute before opset 18 (ReduceSum: 13), an input since. */
const reduce =
  ({ types = ['f32'], low, high, asInput = 18 } = {}) =>
  (g, d) => {
    const x = g.value({ types, low, high, rank: [1, 4] });
    const attrs = { keepdims: d.below(2) };
    const axes = d.chance(0.8) ? someAxes(d, x.dims.length) : null;
    if (!axes) return { inputs: [x], attrs };
    if (g.opset < asInput) return { inputs: [x], attrs: { ...attrs, axes } };
    return { inputs: [x, g.numbers(axes)], attrs };
  };

/** Whole numbers are small ones of their own: a product that leaves its type wraps round in Pare, and is any number in ONNX Runtime. */
function product(g, d) {
  const type = d.pick(['f32', 's32', 's64']);
  if (type === 'f32') return reduce()(g, d);
  const x = g.leaf(d.tensor(type, d.dims(d.between(1, 4), 2), -2, 3));
  const axes = d.chance(0.8) ? someAxes(d, x.dims.length) : null;
  const attrs = { keepdims: d.below(2) };
  if (!axes) return { inputs: [x], attrs };
  return g.opset < 18 ? { inputs: [x], attrs: { ...attrs, axes } } : { inputs: [x, g.numbers(axes)], attrs };
}

const alongAxis = (g, d) => {
  const x = g.value({ rank: [1, 4] });
  return { inputs: [x], attrs: d.chance(0.8) ? { axis: axisOf(d, x.dims) } : {} };
};

const argument = (g, d) => {
  const x = g.value({ types: ['f32', 'f32', 's32'], rank: [1, 4] });
  return { inputs: [x], attrs: { axis: axisOf(d, x.dims), keepdims: d.below(2), select_last_index: d.below(2) } };
};

function cumSum(g, d) {
  const x = g.value({ types: ['f32', 's32', 's64'], rank: [1, 4] });
  const axis = g.constant({ dtype: 's64', dims: [], data: BigInt64Array.of(BigInt(axisOf(d, x.dims))) });
  return { inputs: [x, axis], attrs: { exclusive: d.below(2), reverse: d.below(2) } };
}

const EPSILON = (d) => ({ epsilon: { float: d.pick([1e-5, 1e-3, 0.1]) } });

function batchNorm(g, d) {
  const x = g.value({ rank: [2, 5] });
  const c = [x.dims[1]];
  const positive = g.leaf(d.tensor('f32', c, 0.2, 2), true);
  return { inputs: [x, g.weight(c), g.weight(c), g.weight(c), positive], attrs: EPSILON(d) };
}

/**
 * A plane or row of one element, or of equal ones, is left out (no whole numbers, two elements at least): there the result is rounding
 * errors divided by the epsilon's root, and ONNX Runtime's MeanVarianceNormalization, which has no epsilon, gives NaN.
 */
function instanceNorm(g, d) {
  const x = g.f32([...d.dims(2, 4), ...d.list(d.between(1, 3), () => d.between(2, 5))], -1, 0.9);
  return { inputs: [x, g.weight([x.dims[1]]), g.weight([x.dims[1]])], attrs: EPSILON(d) };
}

function groupNorm(g, d) {
  const groups = d.between(1, 3);
  const x = g.f32([d.between(1, 2), groups * d.between(1, 3), ...d.list(d.between(1, 3), () => d.between(2, 4))], -1, 0.9);
  const c = [x.dims[1]];
  return { inputs: [x, g.weight(c), g.weight(c)], attrs: { num_groups: groups, ...EPSILON(d) } };
}

function layerNorm(g, d) {
  const x = g.f32(
    d.list(d.between(1, 4), () => d.between(2, 6)),
    -1,
    0.9,
  );
  const axis = axisOf(d, x.dims);
  const dims = x.dims.slice(axis < 0 ? axis + x.dims.length : axis);
  return { inputs: [x, g.weight(dims), d.chance(0.7) ? g.weight(dims) : null], attrs: { axis, ...EPSILON(d) } };
}

function lrn(g, d) {
  const x = g.value({ rank: [4, 4] });
  const attrs = { size: d.pick([1, 3, 5]), alpha: { float: d.real(0.0001, 0.5) }, beta: { float: d.real(0.3, 1) } };
  return { inputs: [x], attrs: { ...attrs, bias: { float: d.real(0.5, 2) } } };
}

const lpNorm = (g, d) => {
  const x = g.f32(d.dims(d.between(1, 3)), 0.1, 2);
  return { inputs: [x], attrs: { axis: axisOf(d, x.dims), p: d.between(1, 2) } };
};

const meanVariance = (g, d) => {
  const x = g.f32(
    d.list(4, () => d.between(2, 5)),
    -1,
    0.9,
  );
  return {
    inputs: [x],
    attrs: {
      axes: d.pick([
        [0, 2, 3],
        [2, 3],
        [1, 2, 3],
      ]),
    },
  };
};

const ORDERED = { types: ['f32', 'f32', 's32', 's64', 's8', 'u8'] };
const POSITIVE = { low: 0.1, high: 3 };

export const REDUCTIONS = {
  ArgMax: { jumps: true, make: argument },
  ArgMin: { jumps: true, make: argument },
  BatchNormalization: { make: batchNorm },
  CumSum: { make: cumSum },
  GroupNormalization: { since: 21, make: groupNorm },
  Hardmax: { jumps: true, make: alongAxis },
  InstanceNormalization: { make: instanceNorm },
  LRN: { make: lrn },
  LayerNormalization: { since: 17, make: layerNorm },
  LogSoftmax: { make: alongAxis },
  LpNormalization: { make: lpNorm },
  MeanVarianceNormalization: { make: meanVariance },
  ReduceL1: { make: reduce({ types: ['f32', 's32'] }) },
  ReduceL2: { make: reduce() },
  ReduceLogSum: { make: reduce(POSITIVE) },
  ReduceLogSumExp: { make: reduce() },
  ReduceMax: { moves: true, make: reduce(ORDERED) },
  ReduceMean: { make: reduce({ types: ['f32', 'f32', 's32'] }) },
  ReduceMin: { moves: true, make: reduce(ORDERED) },
  ReduceProd: { make: product },
  ReduceSum: { make: reduce({ types: ['f32', 's32', 's64', 'f64'], asInput: 13 }) },
  ReduceSumSquare: { make: reduce({ types: ['f32', 's32'] }) },
  Softmax: { make: alongAxis },
};
