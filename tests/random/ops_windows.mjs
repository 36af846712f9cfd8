/** Convolutions and poolings of one, two and three spatial dimensions, and resampling. */

const divisors = (n) => Array.from({ length: n }, (_, i) => i + 1).filter((k) => n % k === 0);

/** Kernel, strides, dilations and one of the forms of padding, for these spatial dims. */
function window(d, spatial, { dilated = true, smallPads = false } = {}) {
  const kernel = spatial.map((size) => d.between(1, Math.min(3, size)));
  const auto = d.chance(0.35) ? d.pick(['SAME_UPPER', 'SAME_LOWER', 'VALID']) : null;
  const canDilate = dilated && !auto?.startsWith('SAME');
  const dilations = spatial.map((size, i) => (canDilate && (kernel[i] - 1) * 2 < size ? d.between(1, 2) : 1));
  const attrs = { kernel_shape: kernel };
  if (d.chance(0.8)) attrs.strides = spatial.map(() => d.between(1, 3));
  if (dilated && d.chance(0.8)) attrs.dilations = dilations;
  if (auto) attrs.auto_pad = auto;
  else if (d.chance(0.7)) attrs.pads = [...kernel, ...kernel].map((k) => d.below(smallPads ? k : 3));
  return attrs;
}

const image = (g) => g.value({ rank: [3, 5], most: 6 });

function conv(g, d) {
  const x = image(g);
  const [, c, ...spatial] = x.dims;
  const attrs = { ...window(d, spatial), group: d.pick(divisors(c)) };
  const out = attrs.group * d.between(1, 4);
  return { inputs: [x, g.weight([out, c / attrs.group, ...attrs.kernel_shape]), d.chance(0.6) ? g.weight([out]) : null], attrs };
}

function convTranspose(g, d) {
  const x = image(g);
  const [, c, ...spatial] = x.dims;
  const group = d.pick(divisors(c));
  const kernel = spatial.map(() => d.between(1, 3));
  const strides = spatial.map(() => d.between(1, 3));
  const attrs = { group, kernel_shape: kernel, strides, dilations: spatial.map(() => d.between(1, 2)) };
  const form = d.below(4);
  if (form === 0) attrs.pads = [...kernel, ...kernel].map((k) => d.below(k));
  if (form === 1) attrs.auto_pad = d.pick(['SAME_UPPER', 'SAME_LOWER', 'VALID']);
  if (form !== 1 && d.chance(0.4)) attrs.output_padding = strides.map((s) => d.below(s));
  const out = d.between(1, 4);
  return { inputs: [x, g.weight([c, out, ...kernel]), d.chance(0.6) ? g.weight([out * group]) : null], attrs };
}

/**
 * With SAME padding strides are at most the kernel: beyond it the pads would be negative, which ONNX Runtime refuses in MaxPool and
 * AveragePool when their sum is, lets shift the windows in LpPool, and takes for none in Conv. Pare takes it for none everywhere.
 */
const pool = (more, options) => (g, d) => {
  const x = image(g);
  const attrs = window(d, x.dims.slice(2), { ...options, smallPads: true });
  if (attrs.auto_pad?.startsWith('SAME') && attrs.strides)
    attrs.strides = attrs.strides.map((stride, i) => Math.min(stride, attrs.kernel_shape[i]));
  if (!attrs.auto_pad) attrs.ceil_mode = d.below(2);
  return { inputs: [x], ...more(g, d, attrs) };
};

const maxPool = pool((_, d, attrs) => ({ attrs, outputs: attrs.auto_pad ? 1 : d.between(1, 2) }), {});
const averagePool = pool((_, d, attrs) => ({ attrs: { ...attrs, count_include_pad: d.below(2) } }), { dilated: false });
const lpPool = pool((_, d, { ceil_mode, ...attrs }) => ({ attrs: { ...attrs, p: d.between(1, 3) } }), { dilated: false });

const overall = (g) => ({ inputs: [image(g)] });

/**
 * Left out, because ONNX's own data or text says otherwise than ONNX Runtime: align_corners with scales (the length is the rounded-down
 * output's in ONNX, the unrounded one's in ONNX Runtime), and scales that give no whole size.
 */
function resize(g, d) {
  const mode = d.pick(['nearest', 'linear', 'cubic']);
  const x = mode === 'cubic' ? g.value({ rank: [4, 4] }) : g.value({ rank: [3, 5] });
  const spatial = x.dims.slice(2);
  const bySizes = d.chance(0.5);
  const coordinates = ['half_pixel', 'pytorch_half_pixel', 'asymmetric', ...(bySizes ? ['align_corners'] : [])];
  const attrs = { mode, coordinate_transformation_mode: d.pick(coordinates) };
  if (mode === 'nearest') attrs.nearest_mode = d.pick(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']);
  if (mode === 'cubic') Object.assign(attrs, { cubic_coeff_a: { float: d.pick([-0.75, -0.5]) }, exclude_outside: d.below(2) });
  if (bySizes) return { inputs: [x, null, null, g.numbers([...x.dims.slice(0, 2), ...spatial.map(() => d.between(1, 9))])], attrs };
  const scales = Float32Array.from([1, 1, ...spatial.map((size) => d.pick([1, 2, 3, ...(size % 2 ? [] : [0.5, 1.5])]))]);
  return { inputs: [x, null, g.constant({ dtype: 'f32', dims: [scales.length], data: scales })], attrs };
}

/** Ends of the grid outside are drawn too: how far a border repeats or reflects. */
function gridSample(g, d) {
  const n = g.opset >= 20 && d.chance(0.3) ? 3 : 2;
  const x = g.f32([d.between(1, 2), d.between(1, 3), ...d.dims(n, 5)]);
  const grid = g.f32([x.dims[0], ...d.dims(n, 4), n], -1.4, 1.4);
  const [linear, cubic] = g.opset >= 20 ? ['linear', 'cubic'] : ['bilinear', 'bicubic'];
  const mode = d.pick(n === 3 ? [linear, 'nearest'] : [linear, 'nearest', cubic]);
  return { inputs: [x, grid], attrs: { mode, padding_mode: d.pick(['zeros', 'border', 'reflection']), align_corners: d.below(2) } };
}

export const WINDOWS = {
  AveragePool: { make: averagePool },
  Conv: { make: conv },
  ConvTranspose: { make: convTranspose },
  GlobalAveragePool: { make: overall },
  GlobalLpPool: { make: (g, d) => ({ ...overall(g, d), attrs: { p: d.between(1, 3) } }) },
  GlobalMaxPool: { moves: true, make: overall },
  GridSample: { since: 16, jumps: true, make: gridSample },
  LpPool: { make: lpPool },
  MaxPool: { jumps: true, make: maxPool },
  Resize: { make: resize },
};
