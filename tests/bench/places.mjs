/** Where the benchmark keeps its things. */
import { join } from 'node:path';
import { ROOT } from '../../wasm/tools/run.mjs';

export { ROOT };
export const BENCH = join(ROOT, 'build/bench');
