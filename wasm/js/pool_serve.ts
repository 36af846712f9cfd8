/** The worker's side of a pool: one lab, one task at a time, the last model and data kept. */
import { PareError } from './core.ts';
import { PareLab } from './lab.ts';
import type { Asset, Failure, FromWorker, ToWorker, Work, WorkResults } from './pool_messages.ts';
import type { Dataset, Model, PoolData, Progress } from './types.ts';

interface Kept<T> {
  key: number;
  held: T;
}

interface Task {
  work: Work;
  model: Model | undefined;
  data: Dataset | undefined;
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof PareError) return { name: error.name, message: error.message, code: error.code };
  if (error instanceof Error) return { name: error.name, message: error.message };
  return { name: 'Error', message: String(error) };
}

function needed<T>(held: T | undefined, what: string): T {
  if (held === undefined) throw new PareError('BAD_ARGUMENT', `there is no ${what}`);
  return held;
}

async function run(lab: PareLab, work: Extract<Work, { kind: 'run' }>, task: Task): Promise<WorkResults['run']> {
  const named = Object.fromEntries(Object.entries(work.models).map(([name, bytes]) => [name, lab.loadModel(bytes)]));
  const { recipe, limitTest, limitTrain, numerics } = work;
  try {
    const result = await needed(task.model, 'model').run(recipe, { ...task, models: named, limitTest, limitTrain, numerics });
    const bytes = result.model.save();
    for (const model of [result.model, ...result.steps]) model.free();
    return { report: result.report, model: bytes };
  } finally {
    for (const model of Object.values(named)) model.free();
  }
}

async function perform(lab: PareLab, task: Task): Promise<WorkResults[Work['kind']]> {
  const { work } = task;
  switch (work.kind) {
    case 'describe':
      return { nTest: needed(task.data, 'data set').info().n_test, chunk: lab.evaluationChunk };
    case 'evaluate':
      return needed(task.model, 'model').evaluate(needed(task.data, 'data set'), { ...task, ...work });
    case 'run':
      return run(lab, work, task);
  }
}

/** Answers what `receive` is called with through `post`. */
export function servePool(post: (message: FromWorker) => void): (message: ToWorker) => void {
  let lab: PareLab | undefined;
  let model: Kept<Model> | undefined;
  let data: Kept<Dataset> | undefined;
  const running = new Map<number, AbortController>();

  function take<V, H extends { free(): void }>(kept: Kept<H> | undefined, asset: Asset<V> | undefined, load: (value: V) => H) {
    if (!asset || kept?.key === asset.key) return kept;
    kept?.held.free();
    return { key: asset.key, held: load(needed(asset.value, 'value of what was sent')) };
  }

  function takeAssets(started: PareLab, message: Extract<ToWorker, { kind: 'task' }>): void {
    // What is freed must not be kept, should loading fail.
    const [oldModel, oldData] = [model, data];
    if (message.model && message.model.key !== model?.key) model = undefined;
    if (message.data && message.data.key !== data?.key) data = undefined;
    model = take(oldModel, message.model, (bytes) => started.loadModel(bytes));
    data = take(oldData, message.data, (value: PoolData) =>
      typeof value === 'string' ? started.generateDataset(value) : started.loadDataset(value),
    );
  }

  async function work(message: Extract<ToWorker, { kind: 'task' }>): Promise<void> {
    const { id } = message;
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const started = needed(lab, 'lab: the module has not started');
      takeAssets(started, message);
      const onProgress = (progress: Progress): void => post({ kind: 'progress', id, progress });
      const task = { work: message.work, model: model?.held, data: data?.held, signal: controller.signal, onProgress };
      post({ kind: 'done', id, result: await perform(started, task) });
    } catch (error) {
      post({ kind: 'failed', id, failure: failureOf(error) });
    } finally {
      running.delete(id);
    }
  }

  return (message) => {
    if (message.kind === 'cancel') running.get(message.id)?.abort();
    else if (message.kind === 'task') void work(message);
    else
      PareLab.start(message.module).then(
        (started) => {
          lab = started;
          post({ kind: 'ready' });
        },
        (error) => post({ kind: 'broken', failure: failureOf(error) }),
      );
  };
}
