/** For Node.js: the modules with every operator are read from beside this file unless they are given. */
import { readFile } from 'node:fs/promises';
import { PareLab } from './lab.ts';
import { compileWith } from './start.ts';
import type { Lab, LabOptions } from './types.ts';

export { PareError } from './core.ts';
export type * from './types.ts';

/** The module that a lab runs, compiled; the workers of a pool share it. */
export function compileCore(options: LabOptions): Promise<WebAssembly.Module> {
  return compileWith(options, 'pare-wide', (address) => readFile(address));
}

export async function createLab(options: LabOptions = {}): Promise<Lab> {
  return PareLab.start(await compileCore(options));
}
