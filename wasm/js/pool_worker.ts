/** A worker of a pool in a page. Bundled into one file it also starts from a blob: it fetches nothing. */
import { servePool } from './pool_serve.ts';

const scope = self as unknown as DedicatedWorkerGlobalScope;
const receive = servePool((message) => scope.postMessage(message));
scope.onmessage = ({ data }) => receive(data);
