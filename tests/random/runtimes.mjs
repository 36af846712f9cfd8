/** A model through ONNX Runtime, Pare's module and Pare's native program: { outputs: name -> { dtype, dims, data } } or { error, unsupported }. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { createLab } from 'pare';
import { PROGRAMS, program } from '../js/lab_for_tests.mjs';
import { npyBytes, onnxModel, readNpy } from '../js/support/onnx_writer.mjs';

export const ORT_TYPES = {
  f32: 'float32',
  f64: 'float64',
  u8: 'uint8',
  s8: 'int8',
  u16: 'uint16',
  s16: 'int16',
  s32: 'int32',
  u32: 'uint32',
  s64: 'int64',
  u64: 'uint64',
  bool: 'bool',
};
const DTYPE_OF = Object.fromEntries(Object.entries(ORT_TYPES).map(([dtype, name]) => [name, dtype]));

/** `graph` as onnxModel takes it, or with `bytes` of its own. */
const bytesOf = (graph) => graph.bytes ?? onnxModel(graph);

/** Not optimized unless asked for: ONNX Runtime 1.30's optimizer ends the process on some of these graphs. */
export async function ortRun(graph) {
  let session;
  try {
    session = await ort.InferenceSession.create(bytesOf(graph), {
      graphOptimizationLevel: graph.optimize ?? 'disabled',
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
    });
    const feeds = [...graph.inputs].map(([name, { dtype, dims, data }]) => [name, new ort.Tensor(ORT_TYPES[dtype], data, dims)]);
    const results = await session.run(Object.fromEntries(feeds));
    const outputs = Object.entries(results).map(([name, { type, dims, data }]) => [name, { dtype: DTYPE_OF[type], dims: [...dims], data }]);
    return { outputs: Object.fromEntries(outputs) };
  } catch (error) {
    return { error: error.message };
  } finally {
    await session?.release();
  }
}

const cpu = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
/** Before VNNI, x86 processors sum pairs of 8-bit products in 16 bits, and ONNX Runtime's results saturate there. */
export const EXACT_INTEGERS = process.arch !== 'x64' || /avx512_vnni|avx_vnni/.test(cpu);

let lab;

export async function moduleRun(graph) {
  lab ??= await createLab();
  const held = [];
  try {
    const model = lab.loadModel(bytesOf(graph));
    held.push(model);
    const session = model.session();
    held.push(session);
    const data = session.run(Object.fromEntries([...graph.inputs].map(([name, tensor]) => [name, tensor.data])));
    const outputs = session.outputs.map(({ name, dtype, shape }) => [name, { dtype, dims: [...shape], data: data[name] }]);
    return { outputs: Object.fromEntries(outputs) };
  } catch (error) {
    return { error: error.message, unsupported: error.code === 'UNSUPPORTED' };
  } finally {
    for (const one of held) one.free();
  }
}

export async function nativeRun(graph) {
  const folder = mkdtempSync(join(tmpdir(), 'pare-random-'));
  const file = join(folder, 'model.onnx');
  try {
    writeFileSync(file, bytesOf(graph));
    const args = [...graph.inputs].flatMap(([name, tensor]) => {
      writeFileSync(join(folder, `${name}.npy`), npyBytes(tensor));
      return ['--input', `${name}=${join(folder, `${name}.npy`)}`];
    });
    const { code, err } = await program('native', ['infer', file, ...args, '--out', join(folder, 'outputs'), '--quiet']);
    if (code !== 0) return { error: err.trim() || `${PROGRAMS.native[0]} ended with ${code}`, unsupported: /unsupported/i.test(err) };
    const outputs = [...graph.outputs.keys()].map((name) => [name, readNpy(readFileSync(join(folder, 'outputs', `${name}.npy`)))]);
    return { outputs: Object.fromEntries(outputs) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
