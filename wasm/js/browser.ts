/** For pages: the modules with every operator are fetched from beside this file unless they are given. */
import { PareLab } from './lab.ts';
import { compileWith } from './start.ts';
import type { Lab, LabOptions } from './types.ts';

export { PareError } from './core.ts';
export type * from './types.ts';

async function fetchBytes(address: URL | string): Promise<ArrayBuffer> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

/** The module that a lab runs, compiled; the workers of a pool share it. */
export function compileCore(options: LabOptions): Promise<WebAssembly.Module> {
  return compileWith(options, 'pare-wide', fetchBytes);
}

export async function createLab(options: LabOptions = {}): Promise<Lab> {
  return PareLab.start(await compileCore(options));
}
