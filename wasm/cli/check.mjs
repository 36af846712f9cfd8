/**
 * `pare check MODEL --against onnxruntime`: the program writes inputs and a model whose every value is an output; onnxruntime-node runs the model as it is,
 * and, where an output differs, the other one too; the program compares. Which onnxruntime-node: the one that is installed where the command is called.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { npyOf, tensorOf } from './npy.mjs';
import { pare } from './program.mjs';

const AGAINST = '--against';

export const namesOnnxRuntime = (args) =>
  args.some((arg, i) => arg === `${AGAINST}=onnxruntime` || (arg === AGAINST && args[i + 1] === 'onnxruntime'));

/** The arguments without `--against onnxruntime`. */
const others = (args) =>
  args.filter((arg, i) => !(arg === AGAINST || arg === `${AGAINST}=onnxruntime` || (args[i - 1] === AGAINST && arg === 'onnxruntime')));

async function onnxRuntime() {
  for (const from of [pathToFileURL(join(process.cwd(), 'x')), import.meta.url]) {
    try {
      const { default: ort } = await import(pathToFileURL(createRequire(from).resolve('onnxruntime-node')));
      return ort;
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return null;
}

const fileName = (name) => `${name.replace(/[/\\:]/g, '_')}.npy`;

/** Runs a model on the inputs that were written, and saves each output, but those of `skip`; the names. */
async function run(ort, model, inputs, folder, skip = []) {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const feeds = {};
  for (const { name, file } of inputs) feeds[name] = tensorOf(ort, await readFile(file));
  const wanted = session.outputNames.filter((name) => !skip.includes(name));
  const results = await session.run(feeds, wanted);
  for (const name of wanted) {
    const npy = npyOf(results[name]);
    if (npy) await writeFile(join(folder, fileName(name)), npy);
  }
  await session.release?.();
  return wanted;
}

/** What the program says of inputs, while it prints nothing: it writes the folder, and the list is read from it. */
async function written(rest, folder) {
  const list = join(folder, 'check.json');
  const code = await pare([...rest.filter((arg) => arg !== '--json' && arg !== '--quiet'), '--write', folder, '--quiet']);
  return code === 0 ? JSON.parse(await readFile(list, 'utf8')) : null;
}

async function compare(ort, args, folder) {
  const rest = others(args);
  const about = await written(rest, folder);
  if (!about) return 1;
  const outputs = join(folder, 'outputs');
  await mkdir(outputs);
  const names = await run(ort, about.original, about.inputs, outputs);
  const again = [...rest, AGAINST, folder];
  if ((await pare([...again.filter((arg) => arg !== '--json'), '--quiet'])) !== 0) {
    await run(ort, about.model, about.inputs, outputs, names);
  }
  return pare(again);
}

/** The exit code. */
export async function checkAgainstOnnxRuntime(args) {
  const ort = await onnxRuntime();
  if (!ort) {
    console.error('pare: onnxruntime-node is not installed here: npm install onnxruntime-node');
    return 1;
  }
  const folder = await mkdtemp(join(tmpdir(), 'pare-check-'));
  try {
    return await compare(ort, args, folder);
  } catch (error) {
    console.error(`pare: ONNX Runtime: ${error.message}`);
    return 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
