/** For Node.js: the module with every operator is read from beside this file unless it is given. */
import { readFile } from 'node:fs/promises';
import { PareLab } from './lab.ts';
import type { Lab, LabOptions } from './types.ts';

export { PareError } from './core.ts';
export type * from './types.ts';

export async function createLab(options: LabOptions = {}): Promise<Lab> {
  const { wasm = new URL('pare-wide.wasm', import.meta.url) } = options;
  return PareLab.start(typeof wasm === 'string' || wasm instanceof URL ? await readFile(wasm) : wasm);
}
