/** Boxes, transforms, losses and what else networks end or begin with. */
import { count } from './draw.mjs';

/** Boxes with corners in order, from 0 to `most`. */
function boxes(d, dims, most) {
  const data = new Float32Array(count(dims) * 4);
  for (let i = 0; i < data.length; i += 4) {
    const [x, y] = [d.real(0, most * 0.6), d.real(0, most * 0.6)];
    data.set([x, y, x + d.real(most * 0.1, most * 0.4), y + d.real(most * 0.1, most * 0.4)], i);
  }
  return { dtype: 'f32', dims: [...dims, 4], data };
}

/** Averages only: of its maxima ONNX Runtime says in a warning that they are wrong. */
function roiAlign(g, d) {
  const x = g.f32([d.between(1, 2), d.between(1, 3), d.between(4, 8), d.between(4, 8)]);
  const n = d.between(1, 3);
  const images = g.leaf(d.numbers(d.list(n, () => d.below(x.dims[0]))));
  const attrs = {
    mode: 'avg',
    output_height: d.between(1, 3),
    output_width: d.between(1, 3),
    sampling_ratio: d.below(3),
    spatial_scale: { float: d.pick([1, 0.5]) },
    coordinate_transformation_mode: d.pick(['half_pixel', 'output_half_pixel']),
  };
  return { inputs: [x, g.leaf(boxes(d, [n], 9)), images], attrs };
}

function suppression(g, d) {
  const [batch, n, classes] = [d.between(1, 2), d.between(1, 7), d.between(1, 3)];
  const one = (value, dtype = 'f32') =>
    g.constant(dtype === 'f32' ? { dtype, dims: [1], data: Float32Array.of(value) } : d.numbers([value]));
  const inputs = [g.leaf(boxes(d, [batch, n], 1)), g.f32([batch, classes, n], 0, 1), one(d.between(1, 4), 's64')];
  return { inputs: [...inputs, one(d.real(0.1, 0.7)), one(d.real(0, 0.5))], attrs: { center_point_box: d.below(2) } };
}

const det = (g, d) => {
  const n = d.between(1, 4);
  return { inputs: [g.f32([...d.dims(d.below(2), 3), n, n])] };
};

function dft(g, d) {
  const x = g.f32([d.between(1, 2), d.between(1, 6), d.between(1, 4), d.between(1, 2)]);
  const axis = d.between(1, 2);
  const inverse = d.below(2);
  const onesided = !inverse && x.dims[3] === 1 ? d.below(2) : 0;
  return { inputs: [x], attrs: { axis, inverse, onesided } };
}

const window = (g, d) => ({
  inputs: [g.constant({ ...d.numbers([d.between(2, 9)], 's64'), dims: [] })],
  attrs: { periodic: d.below(2) },
});

function col2im(g, d) {
  const [image, block] = [
    [d.between(3, 6), d.between(3, 6)],
    [d.between(1, 3), d.between(1, 3)],
  ];
  const blocks = image.map((size, i) => size - block[i] + 1);
  const x = g.f32([d.between(1, 2), d.between(1, 2) * count(block), count(blocks)]);
  return { inputs: [x, g.numbers(image), g.numbers(block)] };
}

/** Scores [N,C,...] and classes [N,...], weights of classes at times. */
function lossInputs(g, d) {
  const scores = g.f32([d.between(1, 4), d.between(2, 5), ...d.dims(d.below(3), 3)]);
  const [n, c, ...rest] = scores.dims;
  const target = g.leaf(d.tensor(d.pick(['s64', 's32']), [n, ...rest], 0, c - 1));
  const inputs = [scores, target, ...(d.chance(0.5) ? [g.leaf(d.tensor('f32', [c], 0.2, 1))] : [])];
  const attrs = { reduction: d.pick(['none', 'sum', 'mean']) };
  if (d.chance(0.3)) attrs.ignore_index = n * count(rest) > 3 ? d.below(c) : -1;
  return { inputs, attrs };
}

const quantize = (g, d) => {
  const dtype = d.pick(['u8', 's8']);
  const x = g.value({ rank: [0, 4] });
  return { inputs: [x, g.constant(d.tensor('f32', [], 0.01, 0.05)), g.constant(d.tensor(dtype, [], -3, 9))] };
};

const dequantize = (g, d) => {
  const x = g.value({ types: ['u8', 's8'], rank: [1, 4] });
  const axis = d.below(x.dims.length);
  const dims = d.chance(0.5) ? [x.dims[axis]] : [];
  return { inputs: [x, g.constant(d.tensor('f32', dims, 0.01, 0.05)), g.constant(d.tensor(x.dtype, dims, -3, 9))], attrs: { axis } };
};

const castLike = (g, d) => {
  const x = g.value({ types: ['f32', 's32', 's64', 'u8'], low: 0, high: 100 });
  return { inputs: [x, g.constant(d.tensor(d.pick(['f32', 's32', 's64', 'bool', 'f64']), [1]))] };
};

/** ONNX Runtime's own operators, which its optimizer and its transformer tools write. */
const microsoft = (draw) => ({
  make: (g, d) => ({ domain: 'com.microsoft', ...draw(g, d) }),
});

const skipNorm = (g, d) => {
  const x = g.f32([d.between(1, 3), d.between(1, 4), d.between(2, 6)], -1, 0.9);
  const width = [x.dims[2]];
  const inputs = [x, g.f32(x.dims, -1, 0.9), g.weight(width), ...(d.chance(0.6) ? [g.weight(width)] : [])];
  return { op: 'SkipLayerNormalization', inputs, attrs: { epsilon: { float: 1e-5 } } };
};

const withBias = (op) => (g, d) => {
  const x = g.value({ rank: [1, 4] });
  return { op, inputs: [x, g.weight([x.dims.at(-1)])].slice(0, op === 'FastGelu' && d.chance(0.3) ? 1 : 2) };
};

export const DETECTION = {
  BiasGelu: microsoft(withBias('BiasGelu')),
  BlackmanWindow: { since: 17, make: window },
  CastLike: { since: 15, jumps: true, make: castLike },
  Col2Im: { since: 18, make: col2im },
  DFT: { since: 17, make: dft },
  DequantizeLinear: { make: dequantize },
  Det: { make: det },
  Dropout: { moves: true, make: (g) => ({ inputs: [g.value()] }) },
  DynamicQuantizeLinear: { jumps: true, make: (g) => ({ inputs: [g.value({ rank: [1, 4] })], outputs: 3 }) },
  FastGelu: microsoft(withBias('FastGelu')),
  HammingWindow: { since: 17, make: window },
  HannWindow: { since: 17, make: window },
  MicrosoftGelu: microsoft((g) => ({ op: 'Gelu', inputs: [g.value()] })),
  NegativeLogLikelihoodLoss: { make: lossInputs },
  NonMaxSuppression: { jumps: true, make: suppression },
  QuantizeLinear: { jumps: true, make: quantize },
  RoiAlign: { since: 16, make: roiAlign },
  SkipLayerNormalization: microsoft(skipNorm),
  SoftmaxCrossEntropyLoss: { make: lossInputs },
};
