/**
 * A pool of workers, each with its own instance of one compiled module: evaluation in parallel, and sweeps over recipes. What comes out does not
 * depend on how many workers there are, nor on which of them did what: chunks are those of the core, and are added in their own order.
 */
import { PareError } from './core.ts';
import type { Asset, Failure, FromWorker, ToWorker, Work, WorkResults } from './pool_messages.ts';
import type * as T from './types.ts';

/** A worker as this file needs it: a page's and Node's differ. */
export interface Port {
  post(message: ToWorker): void;
  onMessage(take: (message: FromWorker) => void): void;
  /** The worker died without being told to. */
  onEnd(take: (error: Error) => void): void;
  stop(): Promise<void>;
}

interface Task {
  id: number;
  work: Work;
  model: Uint8Array | undefined;
  data: T.PoolData | undefined;
  onProgress: ((progress: T.Progress) => void) | undefined;
  resolve: (result: never) => void;
  reject: (error: Error) => void;
  /** Rejected already; the worker may still be at it. */
  settled: boolean;
}

/** The tasks of one call: they are cancelled together. */
interface Group {
  tasks: Task[];
  cancelled: boolean;
}

interface Slot {
  port: Port;
  task: Task | null;
  modelKey: number;
  dataKey: number;
}

const cancelled = (): Error => new DOMException('the run was cancelled', 'AbortError');

function errorOf({ name, message, code }: Failure): Error {
  if (code) return new PareError(code, message);
  return name === 'AbortError' ? cancelled() : Object.assign(new Error(message), { name });
}

/** Numbers for things that workers are given, so that each is sent to a worker once. */
const keys = new WeakMap<object, number>();
const namedKeys = new Map<string, number>();
let lastKey = 0;
function keyOf(value: object | string): number {
  const known = typeof value === 'string' ? namedKeys : keys;
  const found = (known as Map<unknown, number>).get(value);
  if (found !== undefined) return found;
  lastKey += 1;
  (known as Map<unknown, number>).set(value, lastKey);
  return lastKey;
}

/** A model never changes: its bytes are made once. */
const saved = new WeakMap<T.Model, Uint8Array>();
function bytesOf(model: T.Model | Uint8Array): Uint8Array {
  if (model instanceof Uint8Array) return model;
  const bytes = saved.get(model) ?? model.save();
  saved.set(model, bytes);
  return bytes;
}

export class WorkerPool implements T.Pool {
  private readonly slots = new Set<Slot>();
  private readonly queue: Task[] = [];
  /** Of workers that died: `close` waits until they are gone. */
  private readonly endings: Promise<void>[] = [];
  private closed: Error | null = null;
  private lastId = 0;

  private constructor(
    private readonly module: WebAssembly.Module,
    private readonly open: () => Port,
  ) {}

  static async start(module: WebAssembly.Module, workers: number, open: () => Port): Promise<WorkerPool> {
    if (!Number.isInteger(workers) || workers < 1 || workers > 64)
      throw new PareError('BAD_ARGUMENT', `a pool has 1 to 64 workers, not ${workers}`);
    const pool = new WorkerPool(module, open);
    try {
      await Promise.all(Array.from({ length: workers }, () => pool.addWorker()));
      return pool;
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  get workers(): number {
    return this.slots.size;
  }

  /** Resolves when the worker's module runs. */
  private addWorker(): Promise<void> {
    return new Promise((resolve, reject) => {
      const port = this.open();
      const slot: Slot = { port, task: null, modelKey: 0, dataKey: 0 };
      this.slots.add(slot);
      let ready = false;
      const end = (cause: Error): void => {
        if (!this.slots.delete(slot)) return;
        const error = new Error(`a worker of the pool stopped: ${cause.message}`, { cause });
        this.endings.push(port.stop());
        if (!ready) reject(error);
        else this.replace(slot, error);
      };
      port.onEnd(end);
      port.onMessage((message) => {
        if (message.kind === 'broken') return end(errorOf(message.failure));
        if (message.kind !== 'ready') return this.answer(slot, message);
        ready = true;
        resolve();
        this.hand(slot);
      });
      port.post({ kind: 'start', module: this.module });
    });
  }

  /** A worker died: its task fails, another worker takes its place. */
  private replace(slot: Slot, error: Error): void {
    if (slot.task) this.settle(slot.task, error);
    if (this.closed) return;
    this.addWorker().catch((failure: Error) => {
      if (this.slots.size > 0) return;
      for (const task of this.queue.splice(0)) this.settle(task, failure);
    });
  }

  private settle(task: Task, error: Error | null, result?: unknown): void {
    if (task.settled) return;
    task.settled = true;
    if (error) task.reject(error);
    else task.resolve(result as never);
  }

  private answer(slot: Slot, message: Extract<FromWorker, { id: number }>): void {
    const { task } = slot;
    if (!task || task.id !== message.id) return;
    if (message.kind === 'progress') {
      if (!task.settled) task.onProgress?.(message.progress);
      return;
    }
    slot.task = null;
    // A worker that failed may not have what it was sent.
    if (message.kind === 'failed') slot.modelKey = slot.dataKey = 0;
    this.settle(task, message.kind === 'failed' ? errorOf(message.failure) : null, message.kind === 'done' ? message.result : undefined);
    this.hand(slot);
  }

  /** Gives an idle worker the next task. */
  private hand(slot: Slot): void {
    if (slot.task || !this.slots.has(slot)) return;
    const task = this.queue.shift();
    if (!task) return;
    slot.task = task;
    const message: ToWorker = { kind: 'task', id: task.id, work: task.work };
    if (task.model) {
      message.model = asset(task.model, slot.modelKey);
      slot.modelKey = message.model.key;
    }
    if (task.data) {
      message.data = asset(task.data, slot.dataKey);
      slot.dataKey = message.data.key;
    }
    slot.port.post(message);
  }

  private cancel(task: Task): void {
    const waiting = this.queue.indexOf(task);
    if (waiting >= 0) this.queue.splice(waiting, 1);
    for (const slot of this.slots) if (slot.task === task) slot.port.post({ kind: 'cancel', id: task.id });
    this.settle(task, cancelled());
  }

  private submit<K extends Work['kind']>(
    work: Extract<Work, { kind: K }>,
    model: Uint8Array | undefined,
    data: T.PoolData | undefined,
    group: Group,
    onProgress?: (progress: T.Progress) => void,
  ): Promise<WorkResults[K]> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(this.closed);
      if (group.cancelled) return reject(cancelled());
      if (this.slots.size === 0) return reject(new Error('the pool has no worker left'));
      this.lastId += 1;
      const task: Task = { id: this.lastId, work, model, data, onProgress, resolve, reject, settled: false };
      group.tasks.push(task);
      this.queue.push(task);
      for (const slot of this.slots) this.hand(slot);
    });
  }

  /** Runs `use` with a group that is cancelled when the caller's signal aborts, and when `use` fails: what it started does not outlive it. */
  private async together<R>(signal: AbortSignal | undefined, use: (group: Group) => Promise<R>): Promise<R> {
    const group: Group = { tasks: [], cancelled: false };
    const abort = (): void => {
      group.cancelled = true;
      for (const task of group.tasks) this.cancel(task);
    };
    if (signal?.aborted) throw cancelled();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await use(group);
    } catch (error) {
      abort();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  evaluate(model: T.Model | Uint8Array, data: T.PoolData, options: T.PoolEvaluateOptions = {}): Promise<T.EvaluationReport> {
    const { limit = 0, answers = false, numerics = 'exact', onProgress } = options;
    return this.together(options.signal, async (group) => {
      const bytes = bytesOf(model);
      const { nTest, chunk } = await this.submit({ kind: 'describe' }, undefined, data, group);
      const total = limit > 0 ? Math.min(limit, nTest) : nTest;
      const parts = Math.max(1, Math.ceil(total / chunk));
      const done = new Array<number>(parts).fill(0);
      const told = (i: number, progress: T.Progress): void => {
        done[i] = progress.done;
        const sum = done.reduce((a, b) => a + b, 0);
        onProgress?.({ done: sum, total, loss: progress.loss, accuracy: progress.accuracy, stage: 'evaluate', finished: sum === total });
      };
      const evaluations = Array.from({ length: parts }, (_, i) => {
        const first = i * chunk;
        const work = { kind: 'evaluate', first, limit: Math.min(chunk, total - first), answers, numerics } as const;
        return this.submit<'evaluate'>(work, bytes, data, group, (progress) => told(i, progress));
      });
      return merge(await Promise.all(evaluations));
    });
  }

  sweep(model: T.Model | Uint8Array, recipes: T.Recipe[], options: T.SweepOptions = {}): Promise<T.SweepRun[]> {
    const { data, models = {}, limitTest = 0, limitTrain = 0, numerics = 'exact', onProgress, onRun } = options;
    return this.together(options.signal, async (group) => {
      const bytes = bytesOf(model);
      const named = Object.fromEntries(Object.entries(models).map(([name, one]) => [name, bytesOf(one)]));
      const shares = new Array<number>(recipes.length).fill(0);
      const told = (i: number, progress: T.Progress): void => {
        shares[i] = progress.finished ? 1 : progress.total > 0 ? progress.done / progress.total : 0;
        const sum = shares.reduce((a, b) => a + b, 0);
        onProgress?.({ ...progress, done: sum, total: recipes.length, finished: sum === recipes.length });
      };
      const runOne = async (recipe: T.Recipe, i: number): Promise<T.SweepRun> => {
        const work = { kind: 'run', recipe, models: named, limitTest, limitTrain, numerics } as const;
        const run: T.SweepRun = await this.submit<'run'>(work, bytes, data, group, (progress) => told(i, progress)).then(
          (result) => ({ recipe, ...result, error: null }),
          (error: Error) => {
            if (group.cancelled || this.closed) throw error;
            return { recipe, report: null, model: null, error };
          },
        );
        onRun?.(i, run);
        return run;
      };
      return Promise.all(recipes.map(runOne));
    });
  }

  async close(): Promise<void> {
    this.closed ??= new Error('the pool was closed');
    const slots = [...this.slots];
    this.slots.clear();
    for (const task of [...this.queue.splice(0), ...slots.flatMap(({ task }) => task ?? [])]) this.settle(task, this.closed);
    await Promise.all([...this.endings, ...slots.map(({ port }) => port.stop())]);
  }
}

function asset<V extends object | string>(value: V, held: number): Asset<V> {
  const key = keyOf(value);
  return key === held ? { key } : { key, value };
}

/** Chunks in their own order, whichever was ready first: the sum of losses is the one that one worker gets. */
function merge(parts: T.EvaluationReport[]): T.EvaluationReport {
  const [first] = parts as [T.EvaluationReport];
  const whole: T.EvaluationReport = { ...first, confusion: first.confusion.map((row) => [...row]) };
  if (first.answers) whole.answers = [...first.answers];
  for (const part of parts.slice(1)) {
    whole.right += part.right;
    whole.total += part.total;
    whole.loss_sum += part.loss_sum;
    for (const [i, row] of part.confusion.entries()) whole.confusion[i] = row.map((n, k) => n + (whole.confusion[i]?.[k] ?? 0));
    whole.answers?.push(...(part.answers ?? []));
  }
  whole.loss = whole.loss_sum / whole.total;
  whole.accuracy = whole.right / whole.total;
  return whole;
}
