/** For Node.js: the module with every operator is read from beside this file unless it is given. */
import { readFile } from 'node:fs/promises';
import { PareLab } from './lab.ts';
import type { Lab, LabOptions } from './types.ts';

export { PareError } from './core.ts';
export type * from './types.ts';

/** The module that a lab runs, compiled; the workers of a pool share it. */
export async function compileCore(wasm: LabOptions['wasm'] = new URL('pare-wide.wasm', import.meta.url)): Promise<WebAssembly.Module> {
  return WebAssembly.compile(typeof wasm === 'string' || wasm instanceof URL ? await readFile(wasm) : wasm);
}

export async function createLab(options: LabOptions = {}): Promise<Lab> {
  return PareLab.start(await compileCore(options.wasm));
}
