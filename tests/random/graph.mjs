/**
 * A random graph grows node by node. ONNX Runtime computes each node alone as it is added, so that no shape has to be worked out here:
 * what it gives are values that later nodes can take. A node that it refuses is left out, and counted.
 */
import { Draw } from './draw.mjs';
import { OPERATORS } from './operators.mjs';
import { ortRun } from './runtimes.mjs';

const OPSETS = [13, 17, 18, 18, 20, 21];
const MOST_ELEMENTS = 4000;
const MOST_MAGNITUDE = 1000;

/** Whether later nodes may take this value: not empty, not large, no infinity. */
function chains({ dtype, dims, data }) {
  if (data.length === 0 || data.length > MOST_ELEMENTS || dims.length > 5) return false;
  return dtype === 'bool' || data.every((v) => Math.abs(Number(v)) <= MOST_MAGNITUDE);
}

export class Graph {
  nodes = [];
  inputs = new Map();
  constants = new Map();
  outputs = new Map();
  #values = [];
  #made = 0;

  constructor(draw) {
    this.draw = draw;
    this.opset = draw.pick(OPSETS);
  }

  /** A tensor of its own: a graph input or, `constant`, an initializer. */
  leaf(tensor, constant = this.draw.chance(0.3)) {
    const name = `v${this.#made++}`;
    (constant ? this.constants : this.inputs).set(name, tensor);
    return { ...tensor, name, exact: true };
  }

  constant = (tensor) => this.leaf(tensor, true);
  f32 = (dims, low, high) => this.leaf(this.draw.tensor('f32', dims, low, high));
  weight = (dims) => this.leaf(this.draw.tensor('f32', dims, -1, 1), this.draw.chance(0.8));
  numbers = (values, dtype) => this.constant(this.draw.numbers(values, dtype));

  /** A value that some node made, or a new one. `exact`: no rounding behind it, for operators that jump. */
  value({ types = ['f32'], rank = [1, 4], most = 5, exact = this.exactOnly, low, high, fits = () => true } = {}) {
    const { draw } = this;
    const fitting = this.#values.filter(
      (v) => types.includes(v.dtype) && v.dims.length >= rank[0] && v.dims.length <= rank[1] && (v.exact || !exact) && fits(v.dims),
    );
    if (low === undefined && fitting.length && draw.chance(0.85)) return draw.pick(fitting.slice(-3));
    let dims = draw.dims(draw.between(...rank), most);
    for (let tries = 0; tries < 200 && !fits(dims); tries++) dims = draw.dims(draw.between(...rank), most);
    return this.leaf(draw.tensor(draw.pick(types), dims, low, high));
  }

  /** Draws one node of the operator and adds it; false when ONNX Runtime refuses it. */
  async grow(name) {
    const { make, jumps, moves, finite, since = 1 } = OPERATORS[name];
    if (since > this.opset) return null;
    this.exactOnly = jumps;
    const mark = this.#made;
    const drawn = make(this, this.draw);
    if (!drawn) {
      this.#forget(mark);
      return null;
    }
    const { op = name, inputs, attrs = {}, outputs = 1, domain = '' } = drawn;
    const names = this.draw.list(outputs, () => `v${this.#made++}`);
    const node = { entry: name, op, domain, attrs, inputs: inputs.map((v) => v?.name ?? ''), outputs: names };
    const answer = await this.#alone(node, inputs);
    if (answer.error) {
      this.#forget(mark);
      return answer;
    }
    if (finite && Object.values(answer.outputs).some(({ data }) => !data.every(Number.isFinite))) {
      this.#forget(mark);
      return null;
    }
    this.nodes.push(node);
    const exact = inputs.every((v) => !v || v.exact);
    for (const output of names) {
      const value = { ...answer.outputs[output], name: output };
      value.exact = (exact && Boolean(moves || jumps)) || (value.dtype !== 'f32' && value.dtype !== 'f64');
      this.outputs.set(output, value);
      if (chains(value)) this.#values.push(value);
    }
    return answer;
  }

  #alone(node, inputs) {
    const present = inputs.filter(Boolean);
    const given = new Map(present.filter(({ name }) => !this.constants.has(name)).map((v) => [v.name, v]));
    const constants = new Map(present.filter(({ name }) => this.constants.has(name)).map((v) => [v.name, v]));
    const outputs = new Map(node.outputs.map((name) => [name, {}]));
    return ortRun({ nodes: [node], inputs: given, constants, outputs, opset: this.opset });
  }

  #forget(mark) {
    for (const map of [this.inputs, this.constants])
      for (const name of [...map.keys()]) if (Number(name.slice(1)) >= mark) map.delete(name);
  }

  /** Some values that nodes take stay inside, so that both sides may fuse over them. */
  finish() {
    const taken = new Set(this.nodes.flatMap(({ inputs }) => inputs));
    for (const name of [...this.outputs.keys()]) if (taken.has(name) && this.draw.chance(0.5)) this.outputs.delete(name);
    return this;
  }
}

/** The graph of a case; `refused(op, message)` is told what ONNX Runtime does not take. */
export async function randomGraph(seed, index, { only, refused }) {
  const draw = new Draw(seed, index);
  const graph = new Graph(draw);
  const names = Object.keys(OPERATORS);
  const wanted = draw.between(1, 8);
  for (let tries = 0; graph.nodes.length < wanted && tries < 3 * wanted + 10; tries++) {
    const op = only && (tries === 0 || draw.chance(0.3)) ? only : draw.pick(names);
    const answer = await graph.grow(op);
    if (answer?.error) refused(op, answer.error);
  }
  return graph.finish();
}
