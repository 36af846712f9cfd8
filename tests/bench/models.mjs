/**
 * The files that every contestant reads, made in build/bench/models: a network as ONNX (f32), as int8 by Pare's own passes, pruned ones, and for
 * TensorFlow.js the layers as JSON with their weights behind each other in one file. Also the inputs that answers are compared on.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLab } from 'pare';
import { npyBytes, onnxModel } from '../js/support/onnx_writer.mjs';
import { makeNetwork, normal, product } from './networks.mjs';
import { BENCH, ROOT } from './places.mjs';

export const MODELS = join(BENCH, 'models');
const f32 = (dims, data) => ({ dtype: 'f32', dims, data });
const constant = (name, data) => [name, { dtype: 'f32', dims: [], data: Float32Array.of(data) }];
const recurrent = (net) => net.layers[0].op === 'lstm';

/** The ONNX nodes of one layer; `constants` gets what they need besides weights. */
const NODES = {
  conv({ weight, bias, kernel, stride, pad, groups, bn }, [x], out, constants, shape) {
    const attrs = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad], group: groups };
    if (!bn) return [{ op: 'Conv', inputs: [x, weight, bias], outputs: [out], attrs }];
    const statistics = ['scale', 'mean', 'var'].map((what) => `${out}.${what}`);
    for (const name of statistics) constants.push([name, f32([shape[0]], new Float32Array(shape[0]).fill(name.endsWith('mean') ? 0 : 1))]);
    const [scale, mean, variance] = statistics;
    return [
      { op: 'Conv', inputs: [x, weight], outputs: [`${out}.conv`], attrs },
      { op: 'BatchNormalization', inputs: [`${out}.conv`, scale, bias, mean, variance], outputs: [out] },
    ];
  },
  dense: ({ weight, bias }, [x], out) => [{ op: 'Gemm', inputs: [x, weight, bias], outputs: [out], attrs: { transB: 1 } }],
  add: (_, inputs, out) => [{ op: 'Add', inputs, outputs: [out] }],
  maxpool: (_, inputs, out) => [{ op: 'MaxPool', inputs, outputs: [out], attrs: { kernel_shape: [2, 2], strides: [2, 2] } }],
  globalpool: (_, inputs, out) => [{ op: 'GlobalAveragePool', inputs, outputs: [out] }],
  flatten: (_, inputs, out) => [{ op: 'Flatten', inputs, outputs: [out] }],
  lstm({ weight, recurrent: r, bias, hidden }, [x], out, constants) {
    constants.push([`${out}.axes`, { dtype: 's64', dims: [1], data: BigInt64Array.of(0n) }]);
    return [
      { op: 'LSTM', inputs: [x, weight, r, bias], outputs: ['', `${out}.state`], attrs: { hidden_size: hidden } },
      { op: 'Squeeze', inputs: [`${out}.state`, `${out}.axes`], outputs: [out] },
    ];
  },
};

/** An activation is a node of its own in ONNX. */
function activation(act, from, to, constants) {
  if (act === 'relu') return { op: 'Relu', inputs: [from], outputs: [to] };
  if (!constants.some(([name]) => name === 'six')) constants.push(constant('zero', 0), constant('six', 6));
  return { op: 'Clip', inputs: [from, 'zero', 'six'], outputs: [to] };
}

/** ONNX (opset 13) with an open batch; an LSTM's, which is not the first dimension, is 1. */
export function networkOnnx(net) {
  const constants = Object.entries(net.weights).map(([name, { dims, data }]) => [name, f32(dims, data)]);
  const nodes = net.layers.flatMap((layer, i) => {
    const last = i === net.layers.length - 1 ? 'y' : layer.output;
    const out = layer.act ? `${layer.output}.linear` : last;
    const made = NODES[layer.op](layer, layer.inputs, out, constants, layer.shape);
    return layer.act ? [...made, activation(layer.act, out, last, constants)] : made;
  });
  const input = recurrent(net) ? [net.input[0], 1, net.input[1]] : ['N', ...net.input];
  const output = [recurrent(net) ? 1 : 'N', ...net.layers.at(-1).shape];
  return onnxModel({ nodes, inputs: [['x', f32(input)]], outputs: [['y', f32(output)]], constants });
}

/** [dims, data] of the input that all contestants get. */
export function inputFor(net, batch, seed = 99) {
  const dims = recurrent(net) ? [net.input[0], batch, net.input[1]] : [batch, ...net.input];
  return {
    dims,
    data: normal(
      dims.reduce((a, b) => a * b, 1),
      1,
      seed,
    ),
  };
}

/** Trained weights in place of random ones, in the order of the layers. */
function takeWeights(net, lab, path) {
  const trained = lab.loadModel(new Uint8Array(readFileSync(path))).weights();
  for (const [i, name] of Object.keys(net.weights).entries()) net.weights[name].data = trained[i].data;
}

const CALIBRATION = 16;
function samplesFor(lab, net) {
  const { dims, data } = inputFor(net, CALIBRATION, 5);
  const labels = { dtype: 's64', dims: [CALIBRATION], data: new BigInt64Array(CALIBRATION) };
  return lab.loadDataset([
    { name: 'x.npy', bytes: npyBytes({ dtype: 'f32', dims, data }) },
    { name: 'y.npy', bytes: npyBytes(labels) },
  ]);
}

/** Keeps the two largest of every four weights that stand behind each other along the inputs of an output. */
function keepTwoOfFour(net) {
  const weights = {};
  for (const [name, { dims, data }] of Object.entries(net.weights)) {
    weights[name] = { dims, data: data.slice() };
    if (dims.length < 2 || dims[1] % 4 !== 0) continue;
    const inner = product(dims.slice(2));
    for (let group = 0; group < product(dims.slice(0, 2)) / 4; group++) {
      for (let at = 0; at < inner; at++) {
        const places = [0, 1, 2, 3].map((i) => (group * 4 + i) * inner + at);
        places.sort((a, b) => Math.abs(data[a]) - Math.abs(data[b]));
        for (const place of places.slice(0, 2)) weights[name].data[place] = 0;
      }
    }
  }
  return { ...net, weights };
}

/** form: steps of a recipe that make it of the f32 network. */
const FORMS = {
  int8: (net) => (recurrent(net) ? [{ pass: 'quantize_dynamic' }] : [{ pass: 'quantize', samples: CALIBRATION, batch: 1 }]),
  sparse24_int8: (net) => FORMS.int8(net),
  sparse90: () => [{ pass: 'prune', amount: 0.9 }],
  half: () => [{ pass: 'prune_channels', amount: 0.5 }],
  half_int8: (net) => [...FORMS.half(net), ...FORMS.int8(net)],
};

async function applyForm(lab, net, bytes, form) {
  const steps = FORMS[form](net);
  const options = steps.some(({ pass }) => pass === 'quantize') ? { data: samplesFor(lab, net), limitTest: 1 } : {};
  const { model } = await lab.loadModel(bytes).run({ seed: 1, steps }, options);
  return model.save();
}

/** The weights of a network behind each other, and where each stands: for page.mjs. */
function writeLayers(net, path) {
  const index = {};
  const parts = [];
  let at = 0;
  for (const [name, { dims, data }] of Object.entries(net.weights)) {
    index[name] = { dims, at };
    parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    at += data.length;
  }
  writeFileSync(`${path}.json`, JSON.stringify({ input: net.input, layers: net.layers, weights: index }));
  writeFileSync(`${path}.bin`, Buffer.concat(parts));
}

/** Multiply-adds of one sample, as the file stands. */
const macsOf = (lab, bytes) =>
  lab
    .loadModel(bytes)
    .info()
    .layers.reduce((sum, { macs }) => sum + macs, 0);

/** Makes the files of `wanted`, a list of {network, form}. Gives the networks by name, and each file's multiply-adds by "network form". */
export async function makeModels(wanted, say = () => {}) {
  mkdirSync(MODELS, { recursive: true });
  const lab = await createLab();
  const nets = {};
  const originals = {};
  const macs = {};
  for (const { network, form } of wanted) {
    if (!nets[network]) {
      nets[network] = makeNetwork(network);
      if (network === 'lenet5') takeWeights(nets[network], lab, join(ROOT, 'examples/models/lenet5.onnx'));
      originals[network] = networkOnnx(nets[network]);
      writeLayers(nets[network], join(MODELS, network));
    }
    const key = `${network} ${form}`;
    if (key in macs) continue;
    say(`making ${key}`);
    const original = form.startsWith('sparse24') ? networkOnnx(keepTwoOfFour(nets[network])) : originals[network];
    const bytes = form in FORMS ? await applyForm(lab, nets[network], original, form) : original;
    writeFileSync(modelPath(network, form), bytes);
    macs[key] = macsOf(lab, bytes);
  }
  return { nets, macs };
}

export const modelPath = (network, form) => join(MODELS, `${network}.${form}.onnx`);
