/** A worker of a pool in Node.js. */
import { parentPort } from 'node:worker_threads';
import { servePool } from './pool_serve.ts';

parentPort?.on(
  'message',
  servePool((message) => parentPort?.postMessage(message)),
);
