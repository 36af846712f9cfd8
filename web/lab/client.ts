/** The page's side of the worker: starts it, and turns its errors back into LabError. */
import * as Comlink from 'comlink';
import type { LabError, LabWorker } from './api.ts';
// In the single-file page the worker is text inside the page, started from a blob; vite.config.ts swaps this import.
import LabWorkerModule from '#lab-worker';

export class LabFailure extends Error {
  constructor(readonly lab: LabError) {
    super(lab.message);
  }
}

export function asFailure(error: unknown): LabFailure {
  if (error instanceof LabFailure) return error;
  const given = error as Partial<LabError> | null;
  if (!(error instanceof Error) && typeof given?.code === 'string') {
    return new LabFailure({ code: given.code, message: given.message ?? given.code, details: given.details ?? '' });
  }
  const message = error instanceof Error ? error.message : String(error);
  try {
    const plain = JSON.parse(message) as LabError;
    if (typeof plain.code === 'string') return new LabFailure(plain);
  } catch {
    // not one of the worker's
  }
  return new LabFailure({ code: 'FAILED', message, details: error instanceof Error ? (error.stack ?? '') : '' });
}

export type LabClient = Comlink.Remote<LabWorker>;

export function startWorker(onCrash: (message: string) => void): LabClient {
  const worker: Worker = new LabWorkerModule();
  worker.addEventListener('error', (event) => onCrash(event.message || 'the worker could not start'));
  return Comlink.wrap<LabWorker>(worker);
}

/** A callback that the worker can call. */
export const callback = Comlink.proxy;

/** Hands bytes over without a copy; the caller's view becomes empty. */
export function handOver(bytes: Uint8Array): Uint8Array {
  return Comlink.transfer(bytes, [bytes.buffer]);
}
