/**
 * The WASI build of the command line under Node's own WASI. The program sees the whole file system, as a native one would, and the folder it was
 * started in as ".".
 */
import { readFile } from 'node:fs/promises';

// Of Node's warnings only the one that node:wasi is experimental is kept quiet.
const emitWarning = process.emitWarning;
process.emitWarning = (warning, ...rest) => {
  const type = typeof rest[0] === 'string' ? rest[0] : rest[0]?.type;
  if (type === 'ExperimentalWarning' && String(warning).includes('WASI')) return;
  emitWarning.call(process, warning, ...rest);
};
const { WASI } = await import('node:wasi');

let compiled;

/**
 * The imports, each behind a function of JavaScript. Node 20 lets WebAssembly call its WASI functions directly ("fast API calls"), and a garbage
 * collection after such a call can miss what the caller holds: the process then dies at its end, after all of the output.
 */
function withoutFastCalls({ wasi_snapshot_preview1: calls }) {
  const wrapped = Object.entries(calls).map(([name, call]) => [name, (...args) => call(...args)]);
  return { wasi_snapshot_preview1: Object.fromEntries(wrapped) };
}

/** Runs `pare ARGS...` to its end; the exit code. */
export async function pare(args) {
  const path = process.env.PARE_CLI_WASM ?? new URL('../../build/npm/pare-cli.wasm', import.meta.url);
  compiled ??= WebAssembly.compile(await readFile(path));
  const wasi = new WASI({
    version: 'preview1',
    args: ['pare', ...args],
    env: { ...process.env, PWD: process.cwd() },
    preopens: { '.': process.cwd(), '/': '/' },
    returnOnExit: true,
  });
  const instance = await WebAssembly.instantiate(await compiled, withoutFastCalls(wasi.getImportObject()));
  return wasi.start(instance);
}
