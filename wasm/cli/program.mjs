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
  return wasi.start(await WebAssembly.instantiate(await compiled, wasi.getImportObject()));
}
