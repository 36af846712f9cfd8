/** For pages: the module is fetched from beside this file unless it is given. */
import { PareLab } from './lab.ts';
import type { Lab, LabOptions } from './types.ts';

export { PareError } from './core.ts';
export type * from './types.ts';

async function fetchBytes(address: URL | string): Promise<ArrayBuffer> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

/** The module that a lab runs, compiled; the workers of a pool share it. */
export async function compileCore(wasm: LabOptions['wasm'] = new URL('pare.wasm', import.meta.url)): Promise<WebAssembly.Module> {
  return WebAssembly.compile(typeof wasm === 'string' || wasm instanceof URL ? await fetchBytes(wasm) : wasm);
}

export async function createLab(options: LabOptions = {}): Promise<Lab> {
  return PareLab.start(await compileCore(options.wasm));
}
