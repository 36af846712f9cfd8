/**
 * `npm run random`: random graphs through Pare and ONNX Runtime. --cases N (2000), --seed S (1), --case K (that one, with its nodes),
 * --only OP (each graph has it), --json. Ends with 1 when they disagree.
 */
import { parseArgs } from 'node:util';
import { OPERATORS } from './operators.mjs';
import { randomCases } from './cases.mjs';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    case: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
if (values.only && !(values.only in OPERATORS)) {
  console.error(`random: no operator '${values.only}'; there are: ${Object.keys(OPERATORS).join(' ')}`);
  process.exit(2);
}

function show({ graph, outcome, why }) {
  for (const { op, attrs, inputs, outputs } of graph?.nodes ?? []) {
    const shapes = inputs.map((name) => {
      const of = graph.inputs.get(name) ?? graph.constants.get(name);
      return name && of ? `${name} ${of.dtype}[${of.dims}]` : name || '-';
    });
    console.log(`${op} ${JSON.stringify(attrs)}  ${shapes.join(', ')} -> ${outputs.map((name) => `${name}`).join(', ')}`);
  }
  console.log(`${outcome}${why ? `: ${why}` : ''}`);
}

const one = values.case !== undefined;
const report = await randomCases({
  seed: Number(values.seed),
  first: one ? Number(values.case) : 0,
  cases: one ? 1 : Number(values.cases),
  only: values.only,
  each: one && !values.json ? show : undefined,
});
const { totals, operators, disagreements } = report;
if (values.json) console.log(JSON.stringify(report));
else if (!one) {
  console.log(`${'operator'.padEnd(28)}     nodes   refused by ONNX Runtime   by Pare   in graphs that disagree`);
  for (const [op, row] of Object.entries(operators).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { nodes, refused_by_onnxruntime, refused_by_pare, disagreed } = row;
    console.log(
      op.padEnd(28) +
        [
          [nodes, 10],
          [refused_by_onnxruntime, 26],
          [refused_by_pare, 10],
          [disagreed, 26],
        ]
          .map(([n, w]) => String(n).padStart(w))
          .join(''),
    );
  }
  for (const { repeat, ops, why } of disagreements) console.log(`\n${ops.join(' ')}\n  ${why}\n  ${repeat}`);
  const { cases, agreed, refused_by_pare, refused_by_onnxruntime, disagreed, empty, nodes, quantized } = totals;
  console.log(
    `\n${cases} cases (${quantized} quantized), ${nodes} nodes: ${agreed} agreed, ${refused_by_pare} refused as unsupported by Pare, ${refused_by_onnxruntime} refused by ONNX Runtime as a whole, ${empty} without a node, ${disagreed} disagreed`,
  );
}
process.exitCode = totals.disagreed ? 1 : 0;
