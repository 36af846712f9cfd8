/** One case, and the sums over many. A case is told by its seed, its number and, where given, the operator that it must have. */
import { difference } from './compare.mjs';
import { randomGraph } from './graph.mjs';
import { quantizedCase } from './quantized.mjs';
import { EXACT_INTEGERS, moduleRun, nativeRun, ortRun } from './runtimes.mjs';

const NATIVE_EVERY = 8;
const QUANTIZED_EVERY = 20;

/**
 * What both sides say of a graph: { outcome: agreed | disagreed | refused_by_pare | refused_by_onnxruntime, why }. ONNX Runtime refuses some
 * graphs of nodes that it took one by one, where its shape inference contradicts its kernels (MaxPool with ceil_mode, strides over kernels).
 */
export async function judge(graph, runs) {
  const want = await ortRun(graph);
  if (want.error) return { outcome: 'refused_by_onnxruntime', why: want.error };
  for (const [runtime, run] of runs) {
    const have = await run(graph);
    if (have.unsupported) return { outcome: 'refused_by_pare', why: `${runtime}: ${have.error}` };
    const why = have.error ?? difference(have.outputs, want.outputs);
    if (why) return { outcome: 'disagreed', why: `${runtime}: ${why}` };
  }
  return { outcome: 'agreed' };
}

async function floatCase(seed, index, { only, refused }) {
  const graph = await randomGraph(seed, index, { only, refused });
  const ops = graph.nodes.map(({ entry }) => entry);
  if (!ops.length) return { outcome: 'empty', ops, graph };
  const runs = [['module', moduleRun]];
  if (index % NATIVE_EVERY === 0) runs.push(['program', nativeRun]);
  return { ...(await judge(graph, runs)), ops, graph };
}

/** Every twentieth case is a quantized network, unless one operator is asked for or ONNX Runtime's integers are not exact here. */
export function randomCase(seed, index, options) {
  const isQuantized = index % QUANTIZED_EVERY === 7 && !options.only && EXACT_INTEGERS;
  return isQuantized ? quantizedCase(seed, index) : floatCase(seed, index, options);
}

export async function randomCases({ seed = 1, first = 0, cases = 200, only, each = () => {} }) {
  const totals = { cases: 0, agreed: 0, refused_by_pare: 0, refused_by_onnxruntime: 0, disagreed: 0, empty: 0, nodes: 0, quantized: 0 };
  const operators = {};
  const disagreements = [];
  const row = (op) => (operators[op] ??= { nodes: 0, refused_by_onnxruntime: 0, refused_by_pare: 0, disagreed: 0 });
  for (let index = first; index < first + cases; index++) {
    const refused = (op) => row(op).refused_by_onnxruntime++;
    const result = await randomCase(seed, index, { only, refused });
    totals.cases++;
    totals[result.outcome]++;
    totals.quantized += Number(Boolean(result.quantized));
    for (const op of result.ops) {
      row(op).nodes++;
      totals.nodes++;
      if (result.outcome === 'refused_by_pare') row(op).refused_by_pare++;
      if (result.outcome === 'disagreed') row(op).disagreed++;
    }
    const repeat = `npm run random -- --seed ${seed} --case ${index}${only ? ` --only ${only}` : ''}`;
    if (result.outcome === 'disagreed') disagreements.push({ repeat, ops: result.ops, why: result.why });
    each({ index, repeat, ...result });
  }
  return { seed, totals, operators, disagreements };
}
