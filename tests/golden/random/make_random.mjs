/**
 * Writes what random testing found and Pare then mended, as NAME.onnx with the inputs and ONNX Runtime's outputs in NAME.json, which also
 * names the release that gave them. Another case is another line in CASES: `npm run random` names its seed and number.
 * Run it as `node tests/golden/random/make_random.mjs`; tests/js/random.test.mjs compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnxModel } from '../../js/support/onnx_writer.mjs';
import { ortRun } from '../../random/runtimes.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const packageFile = join(HERE, '../../../node_modules/onnxruntime-node/package.json');
const x = { dtype: 'f32', dims: [2, 3], data: Float32Array.of(0, 1, 0, 2, 0, 3) };

/** name: what was wrong, and the graph. */
const CASES = {
  shape_of_values: {
    was: "sessions of the module gave outputs whose shape depends on values in their inputs' shape",
    nodes: [{ op: 'NonZero', inputs: ['x'], outputs: ['y'] }],
    inputs: [['x', x]],
    outputs: [['y', {}]],
  },
  shape_of_values_inside: {
    was: 'the same, where what follows takes the shape that has come out',
    nodes: [
      { op: 'NonZero', inputs: ['x'], outputs: ['places'] },
      { op: 'Transpose', inputs: ['places'], outputs: ['rows'], attrs: { perm: [1, 0] } },
      { op: 'GatherND', inputs: ['x', 'rows'], outputs: ['y'] },
    ],
    inputs: [['x', x]],
    outputs: [['y', {}]],
  },
};

const plain = (data) => [...data].map(String);
const tensors = (entries) => Object.fromEntries(entries.map(([name, { dtype, dims, data }]) => [name, { dtype, dims, data: plain(data) }]));

const { version } = JSON.parse(readFileSync(packageFile, 'utf8'));
for (const [name, { was, ...graph }] of Object.entries(CASES)) {
  const given = { ...graph, inputs: new Map(graph.inputs), outputs: new Map(graph.outputs), constants: new Map() };
  const { outputs, error } = await ortRun(given);
  if (error) throw new Error(`${name}: ${error}`);
  const facts = { was, onnxruntime: version, inputs: tensors(graph.inputs), outputs: tensors(Object.entries(outputs)) };
  writeFileSync(join(HERE, `${name}.onnx`), onnxModel(given));
  writeFileSync(join(HERE, `${name}.json`), `${JSON.stringify(facts, null, 1)}\n`);
}
