/** Pools in Node.js: worker threads. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { compileCore } from './node.ts';
import { type Port, WorkerPool } from './pool.ts';
import type { Pool, PoolOptions } from './types.ts';

export { PareError } from './core.ts';
export type * from './types.ts';

function portOf(worker: Worker): Port {
  let stopping = false;
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (take) => {
      worker.on('message', take);
    },
    onEnd: (take) => {
      worker.on('error', take);
      worker.on('messageerror', take);
      worker.on('exit', (code) => {
        if (!stopping) take(new Error(`it ended with code ${code}`));
      });
    },
    stop: async () => {
      stopping = true;
      await worker.terminate();
    },
  };
}

export async function createPool(options: PoolOptions = {}): Promise<Pool> {
  const { workers = availableParallelism(), worker } = options;
  const open = worker ?? (() => new Worker(new URL('./pool_worker_node.js', import.meta.url)));
  return WorkerPool.start(await compileCore(options), workers, () => portOf(open() as Worker));
}
