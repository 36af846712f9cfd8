/** Pools in pages: module workers beside this file, or whatever `worker` starts (a bundler's own, one from a blob). */
import { compileCore } from './browser.ts';
import { type Port, WorkerPool } from './pool.ts';
import type { Pool, PoolOptions } from './types.ts';

export { PareError } from './core.ts';
export type * from './types.ts';

function portOf(worker: Worker): Port {
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (take) => {
      worker.onmessage = ({ data }) => take(data);
    },
    onEnd: (take) => {
      worker.onerror = (event) => {
        event.preventDefault();
        take(new Error(event.message || 'the worker could not start'));
      };
      worker.onmessageerror = () => take(new Error('a message of the worker could not be read'));
    },
    stop: async () => worker.terminate(),
  };
}

export async function createPool(options: PoolOptions = {}): Promise<Pool> {
  const { workers = navigator.hardwareConcurrency || 2, worker } = options;
  const open = worker ?? (() => new Worker(new URL('./pool_worker.js', import.meta.url), { type: 'module' }));
  return WorkerPool.start(await compileCore(options), workers, () => portOf(open() as Worker));
}
