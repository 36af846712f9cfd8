/**
 * The networks of the benchmark, with seeded random weights: layers as plain data, from which models.mjs writes ONNX and page.mjs builds the same
 * network in TensorFlow.js. Shapes are [C, H, W] without the batch; weights as ONNX has them.
 */

/** Uniform numbers in [0, 1) from a seed (mulberry32, Tommy Ettinger). */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** `n` normal numbers of this deviation (Box and Muller). */
export function normal(n, deviation, seed) {
  const next = uniform(seed);
  return Float32Array.from({ length: n }, () => deviation * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()));
}

export const product = (dims) => dims.reduce((a, b) => a * b, 1);

/** Lists layers as they are asked for. Every method takes and gives names of values; their shapes are kept here. */
class Network {
  constructor(name, input) {
    Object.assign(this, { name, input, layers: [], weights: {}, shapes: { x: input }, macs: 0, seed: 1 });
  }

  add(op, inputs, shape, more = {}) {
    const output = `${op}${this.layers.length}`;
    this.layers.push({ op, inputs, output, shape, ...more });
    this.shapes[output] = shape;
    return output;
  }

  /** He's scale, so that activations keep their size and int8 has something to round; times `gain`. */
  weight(name, dims, fan, gain = 1) {
    this.weights[name] = { dims, data: normal(product(dims), gain * Math.sqrt(2 / fan), this.seed++) };
    return name;
  }

  conv(x, out, { kernel = 3, stride = 1, pad = (kernel - 1) >> 1, groups = 1, act = null, gain = 1, bn = false } = {}) {
    const [c, h, w] = this.shapes[x];
    const size = (n) => Math.floor((n + 2 * pad - kernel) / stride) + 1;
    const shape = [out, size(h), size(w)];
    const name = `conv${this.layers.length}`;
    const dims = [out, c / groups, kernel, kernel];
    this.macs += product(shape) * product(dims.slice(1));
    const weight = this.weight(`${name}.weight`, dims, product(dims.slice(1)), gain);
    const bias = this.weight(`${name}.bias`, [out], 200);
    return this.add('conv', [x], shape, { weight, bias, kernel, stride, pad, groups, act, bn });
  }

  dense(x, out, { act = null, gain = 1 } = {}) {
    const fan = product(this.shapes[x]);
    const name = `dense${this.layers.length}`;
    this.macs += fan * out;
    const weight = this.weight(`${name}.weight`, [out, fan], fan, gain);
    return this.add('dense', [x], [out], { weight, bias: this.weight(`${name}.bias`, [out], 200), act });
  }

  sum(a, b, act = null) {
    return this.add('add', [a, b], this.shapes[a], { act });
  }

  maxPool(x) {
    const [c, h, w] = this.shapes[x];
    return this.add('maxpool', [x], [c, h >> 1, w >> 1]);
  }

  globalPool(x) {
    return this.add('globalpool', [x], [this.shapes[x][0], 1, 1]);
  }

  flatten(x) {
    return this.add('flatten', [x], [product(this.shapes[x])]);
  }

  /** The last state of an LSTM over an input [steps, batch, width]. */
  lstm(x, hidden) {
    const [steps, width] = this.shapes[x];
    const name = `lstm${this.layers.length}`;
    this.macs += steps * 4 * hidden * (width + hidden);
    const weight = this.weight(`${name}.W`, [1, 4 * hidden, width], width + hidden);
    const recurrent = this.weight(`${name}.R`, [1, 4 * hidden, hidden], width + hidden);
    return this.add('lstm', [x], [hidden], { weight, recurrent, bias: this.weight(`${name}.B`, [1, 8 * hidden], 200), hidden });
  }
}

function resnet(net, blocks, { bn = false } = {}) {
  let x = net.conv('x', 16, { act: 'relu', bn });
  for (const [i, width] of [16, 32, 64].entries()) {
    for (let k = 0; k < blocks; k++) {
      const stride = k === 0 && i > 0 ? 2 : 1;
      const inner = net.conv(x, width, { stride, act: 'relu', bn });
      const outer = net.conv(inner, width, { gain: 0.5, bn });
      const by = stride === 1 ? x : net.conv(x, width, { kernel: 1, stride, pad: 0, gain: 0.7, bn });
      x = net.sum(outer, by, 'relu');
    }
  }
  net.dense(net.flatten(net.globalPool(x)), 10);
}

function mobilenetV1(net) {
  const widths = [16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256];
  const strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1];
  let x = net.conv('x', 8, { stride: 2, act: 'relu' });
  for (const [i, width] of widths.entries()) {
    const before = net.shapes[x][0];
    x = net.conv(x, before, { stride: strides[i], groups: before, act: 'relu' });
    x = net.conv(x, width, { kernel: 1, act: 'relu' });
  }
  net.dense(net.flatten(net.globalPool(x)), 2);
}

function mobilenetV2(net) {
  let x = net.conv('x', 32, { stride: 2, act: 'relu6' });
  const stages = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ];
  for (const [expand, width, repeats, first] of stages) {
    for (let k = 0; k < repeats; k++) {
      const before = net.shapes[x][0];
      const stride = k === 0 ? first : 1;
      const wide = expand === 1 ? x : net.conv(x, before * expand, { kernel: 1, act: 'relu6' });
      const deep = net.conv(wide, before * expand, { stride, groups: before * expand, act: 'relu6' });
      const thin = net.conv(deep, width, { kernel: 1, gain: 0.5 });
      x = stride === 1 && before === width ? net.sum(thin, x) : thin;
    }
  }
  x = net.conv(x, 1280, { kernel: 1, act: 'relu6' });
  net.dense(net.flatten(net.globalPool(x)), 1000);
}

function mlp(net) {
  let x = 'x';
  for (const width of [512, 512]) x = net.dense(x, width, { act: 'relu' });
  net.dense(x, 10);
}

function lenet5(net) {
  let x = net.maxPool(net.conv('x', 6, { kernel: 5, act: 'relu' }));
  x = net.flatten(net.maxPool(net.conv(x, 16, { kernel: 5, pad: 0, act: 'relu' })));
  for (const width of [120, 84]) x = net.dense(x, width, { act: 'relu' });
  net.dense(x, 10);
}

const lstm = (hidden) => (net) => net.dense(net.lstm('x', hidden), 10);
/** One layer alone, for sparse kernels against dense ones. */
const oneConv = (net) => net.dense(net.flatten(net.globalPool(net.conv('x', 64))), 10);
const oneDense = (net) => net.dense(net.dense('x', 512), 10);

/** name: [input without the batch, what builds it] */
const NETWORKS = {
  resnet8: [[3, 32, 32], (net) => resnet(net, 1)],
  resnet20: [[3, 32, 32], (net) => resnet(net, 3)],
  mobilenet_v1: [[3, 96, 96], mobilenetV1],
  mobilenet_v2: [[3, 224, 224], mobilenetV2],
  lenet5: [[1, 28, 28], lenet5],
  mlp: [[784], mlp],
  lstm_small: [[6, 2], lstm(16)],
  lstm_large: [[32, 64], lstm(256)],
  conv64: [[64, 16, 16], oneConv],
  dense512: [[512], oneDense],
  resnet8_train: [[1, 28, 28], (net) => resnet(net, 1, { bn: true })],
};

export const names = Object.keys(NETWORKS);

export function makeNetwork(name) {
  const [input, build] = NETWORKS[name];
  const net = new Network(name, input);
  build(net);
  return net;
}
