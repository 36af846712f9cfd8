/**
 * Random networks that Pare makes int8: static quantization (QDQ) from random calibration samples, and the same as integer operators.
 * ONNX Runtime runs both files, as they stand and after its optimizer (which makes integer operators of QDQ). QOperator outputs are equal bit for bit; those of the QDQ form are whole steps of the last scale, so the
 * bound of floats (compare.mjs) lets no integer differ either.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program } from '../js/lab_for_tests.mjs';
import { npyBytes, onnxModel } from '../js/support/onnx_writer.mjs';
import { difference } from './compare.mjs';
import { Draw, count } from './draw.mjs';
import { moduleRun, ortRun } from './runtimes.mjs';

const SAMPLES = 16;

/** A float network, built node by node with the shapes at hand: [C,H,W] blocks, then Gemm layers. */
class Network {
  nodes = [];
  constants = new Map();
  constructor(draw) {
    this.draw = draw;
    this.dims = [draw.between(1, 4), draw.between(5, 10), draw.between(5, 10)];
    this.inputs = new Map([['x', { dtype: 'f32', dims: ['N', ...this.dims] }]]);
    this.at = 'x';
    this.input = [...this.dims];
  }

  add(op, inputs, attrs = {}) {
    const output = `t${this.nodes.length}`;
    this.nodes.push({ op, inputs, outputs: [output], attrs });
    return output;
  }

  weight(dims) {
    const name = `w${this.constants.size}`;
    const scale = 1.5 / Math.sqrt(count(dims.slice(1)) || 4);
    this.constants.set(name, this.draw.tensor('f32', dims, -scale, scale));
    return name;
  }

  conv(channels, keep = false) {
    const { draw } = this;
    const [c, h, w] = this.dims;
    const k = keep ? 3 : draw.between(1, Math.min(3, h, w));
    const group = channels === c && draw.chance(0.3) ? c : 1;
    const pads = keep ? [1, 1, 1, 1] : draw.list(4, () => draw.below(k));
    const strides = keep ? [1, 1] : [draw.between(1, 2), draw.between(1, 2)];
    const size = (n, i) => Math.floor((n + pads[i] + pads[i + 2] - k) / strides[i]) + 1;
    const inputs = [this.at, this.weight([channels, c / group, k, k])];
    if (draw.chance(0.7)) inputs.push(this.weight([channels]));
    this.at = this.add('Conv', inputs, { kernel_shape: [k, k], pads, strides, group, dilations: [1, 1] });
    this.dims = [channels, size(h, 0), size(w, 1)];
    if (draw.chance(0.6)) this.at = this.add('Relu', [this.at]);
  }

  /** Two branches from here, added or joined. */
  branches() {
    const from = { at: this.at, dims: this.dims };
    const join = this.draw.pick(['Add', 'Concat']);
    const channels = this.draw.between(1, 5);
    this.conv(channels, true);
    const left = this.at;
    Object.assign(this, from);
    this.conv(channels, true);
    if (join === 'Add') this.at = this.add('Add', [left, this.at]);
    else this.at = this.add('Concat', [left, this.at], { axis: 1 });
    this.dims = [join === 'Add' ? channels : 2 * channels, from.dims[1], from.dims[2]];
  }

  pool() {
    const [c, h, w] = this.dims;
    if (h < 2 || w < 2) return;
    this.at = this.add(this.draw.pick(['MaxPool', 'AveragePool']), [this.at], { kernel_shape: [2, 2], strides: [2, 2] });
    this.dims = [c, Math.floor(h / 2), Math.floor(w / 2)];
  }

  head() {
    const { draw } = this;
    if (draw.chance(0.4)) {
      this.at = this.add('GlobalAveragePool', [this.at]);
      this.dims = [this.dims[0], 1, 1];
    }
    let width = count(this.dims);
    this.at = this.add('Flatten', [this.at], { axis: 1 });
    for (const out of [...(draw.chance(0.5) ? [draw.between(2, 12)] : []), 10]) {
      this.at = this.add('Gemm', [this.at, this.weight([out, width]), this.weight([out])], { transB: 1 });
      if (out !== 10) this.at = this.add('Relu', [this.at]);
      width = out;
    }
    this.outputs = new Map([[this.at, { dtype: 'f32', dims: ['N', 10] }]]);
  }
}

function randomNetwork(draw) {
  const network = new Network(draw);
  for (let blocks = draw.between(1, 3); blocks > 0; blocks--) {
    const block = draw.pick(['conv', 'conv', 'branches', 'pool']);
    if (block === 'conv') network.conv(draw.chance(0.3) ? network.dims[0] : draw.between(1, 6));
    else network[block]();
  }
  network.head();
  return network;
}

async function pare(...args) {
  const { code, err } = await program('native', [...args, '--quiet']);
  if (code !== 0) throw new Error(err.trim() || `pare ${args[0]} ended with ${code}`);
}

/** The files of both forms; the program makes them, because the module measures for a second, to be warm. */
async function quantized(folder, draw, network) {
  const at = (name) => join(folder, name);
  const steps = [
    {
      pass: 'quantize',
      samples: SAMPLES,
      activations: draw.pick(['u8', 's8']),
      weights: draw.pick(['s8_per_channel', 's8_per_tensor']),
      observer: draw.pick(['minmax', 'moving_average']),
    },
  ];
  writeFileSync(at('float.onnx'), onnxModel(network));
  writeFileSync(at('x.npy'), npyBytes(draw.tensor('f32', [2 * SAMPLES, ...network.input])));
  writeFileSync(at('y.npy'), npyBytes(draw.tensor('s32', [2 * SAMPLES], 0, 9)));
  writeFileSync(at('recipe.json'), JSON.stringify({ seed: 1, steps }));
  await pare('run', at('float.onnx'), '--recipe', at('recipe.json'), '--data', `npy:${at('x.npy')},${at('y.npy')}`, '--out', folder);
  await pare('export', at('model.onnx'), '--style', 'qoperator', '--out', at('integer.onnx'));
  return { QDQ: readFileSync(at('model.onnx')), QOperator: readFileSync(at('integer.onnx')) };
}

/** Not optimized, ONNX Runtime computes a QDQ network in f32: a value between two integers may be rounded to the other one. */
const ONE_STEP = 0.02;

async function compared(style, bytes, input, optimize) {
  const graph = { bytes, inputs: new Map([['x', input]]), outputs: new Map(), optimize };
  const [want, have] = [await ortRun(graph), await moduleRun(graph)];
  const why =
    want.error ??
    have.error ??
    difference(have.outputs, want.outputs, style === 'QOperator', optimize === 'disabled' ? ONE_STEP : undefined);
  return why ? `${style}, ${optimize}: ${why}` : null;
}

export async function quantizedCase(seed, index) {
  const draw = new Draw(seed, index);
  const graph = randomNetwork(draw);
  const told = { ops: graph.nodes.map(({ op }) => op), quantized: true, graph };
  const folder = mkdtempSync(join(tmpdir(), 'pare-random-'));
  try {
    const forms = await quantized(folder, draw, graph);
    const input = draw.tensor('f32', [1, ...graph.input]);
    let why = null;
    for (const [style, bytes] of Object.entries(forms))
      for (const optimize of ['disabled', 'all']) why ??= await compared(style, bytes, input, optimize);
    return { outcome: why ? 'disagreed' : 'agreed', why, ...told };
  } catch (error) {
    return { outcome: 'disagreed', why: error.message, ...told };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
