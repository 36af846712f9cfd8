/** What a pool and its workers say to each other: types only. */
import type { EvaluationReport, Numerics, PareCode, PoolData, Progress, Recipe, Report } from './types.ts';

export type Work =
  /** How many test samples there are, and how many make a chunk of an evaluation. */
  | { kind: 'describe' }
  | { kind: 'evaluate'; first: number; limit: number; answers: boolean; numerics: Numerics }
  | { kind: 'run'; recipe: Recipe; models: Record<string, Uint8Array>; limitTest: number; limitTrain: number; numerics: Numerics };

export interface WorkResults {
  describe: { nTest: number; chunk: number };
  evaluate: EvaluationReport;
  run: { report: Report; model: Uint8Array };
}

/** A worker keeps the last model and the last data that it was given, by number; `value` comes along when it has another one. */
export interface Asset<T> {
  key: number;
  value?: T;
}

export type ToWorker =
  | { kind: 'start'; module: WebAssembly.Module }
  | { kind: 'task'; id: number; work: Work; model?: Asset<Uint8Array>; data?: Asset<PoolData> }
  | { kind: 'cancel'; id: number };

export interface Failure {
  name: string;
  message: string;
  code?: PareCode;
}

export type FromWorker =
  | { kind: 'ready' }
  | { kind: 'progress'; id: number; progress: Progress }
  | { kind: 'done'; id: number; result: WorkResults[Work['kind']] }
  | { kind: 'failed'; id: number; failure: Failure }
  /** The module did not start. */
  | { kind: 'broken'; failure: Failure };
