#!/usr/bin/env node
/**
 * The `pare` command of the npm package: the WASI build of the command line under Node's own WASI. The program sees the
 * whole file system, as a native one would, and the folder it was started in as ".".
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

const wasi = new WASI({
  version: 'preview1',
  args: ['pare', ...process.argv.slice(2)],
  env: { ...process.env, PWD: process.cwd() },
  preopens: { '.': process.cwd(), '/': '/' },
  returnOnExit: true,
});
const bytes = await readFile(process.env.PARE_CLI_WASM ?? new URL('../../build/npm/pare-cli.wasm', import.meta.url));
const { instance } = await WebAssembly.instantiate(bytes, wasi.getImportObject());
process.exitCode = wasi.start(instance);
