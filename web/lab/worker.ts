/**
 * The worker that hosts the core. It keeps open models and data sets by key, runs at most one recipe at a time in slices of BUDGET_MS so
 * that questions (a histogram, say) are answered while a recipe runs, and turns the core's errors into plain data.
 */
import { createLab } from '#lab';
import * as Comlink from 'comlink';
import type { Dataset, GeneratedSet, Job, Lab, Model, Progress, Recipe, Step } from '../../wasm/js/types.ts';
import type {
  AssetSource,
  Changes,
  CoreAssets,
  Histogram,
  LabError,
  LabFacts,
  LabWorker,
  NamedBytes,
  OpenedData,
  OpenedModel,
  RunEvent,
  RunOutcome,
  RunRequest,
} from './api.ts';
import { layoutGraph } from './graph-layout.ts';
import { binWeights } from './histogram.ts';
import { keyOf } from './key.ts';

const BUDGET_MS = 30;
const PROGRESS_EVERY_MS = 100;
const MAX_OPEN_MODELS = 24;

let lab: Lab | null = null;
const models = new Map<string, Model>();
const datasets = new Map<string, Dataset>();
/** How each data set is opened again, in another core. */
const sources = new Map<string, (from: Lab) => Dataset>();
const answers = new Map<string, Uint8Array>();
let paused = false;
let wake: (() => void) | null = null;
let cancelled = false;
let running = false;

class NotOpen extends Error {
  readonly code = 'NOT_OPEN';
}

/** Comlink carries only an error's name, message and stack; code and details go along as JSON in the message. */
function asLabError(error: unknown): Error {
  const e = error as { code?: string; message?: string; stack?: string };
  const plain: LabError = {
    code: e.code ?? 'FAILED',
    message: e.message ?? String(error),
    details: e.stack ?? '',
  };
  return new Error(JSON.stringify(plain));
}

async function guarded<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asLabError(error);
  }
}

function theLab(): Lab {
  if (!lab) throw new Error('the lab has not started');
  return lab;
}

function theModel(key: string): Model {
  const model = models.get(key);
  if (!model) throw new NotOpen(`model ${key} is not open`);
  models.delete(key);
  models.set(key, model); // newest last
  return model;
}

function theData(key: string): Dataset {
  const data = datasets.get(key);
  if (!data) throw new NotOpen(`data set ${key} is not open`);
  return data;
}

function keepModel(key: string, model: Model): Model {
  const old = models.get(key);
  if (old && old !== model) {
    model.free();
    return old;
  }
  models.set(key, model);
  if (models.size > MAX_OPEN_MODELS && !running) {
    const [oldest] = models.keys();
    if (oldest !== undefined && oldest !== key) {
      models.get(oldest)?.free();
      models.delete(oldest);
    }
  }
  return model;
}

async function fetchAsset(source: AssetSource): Promise<Uint8Array> {
  const url = 'url' in source ? source.url : `data:application/octet-stream;base64,${source.base64}`;
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw Object.assign(new Error(`${'url' in source ? source.url : 'inlined file'}: ${(error as Error).message}`), { code: 'FETCH' });
  }
  if (!response.ok) throw Object.assign(new Error(`${url}: ${response.status} ${response.statusText}`), { code: 'FETCH' });
  return new Uint8Array(await response.arrayBuffer());
}

function openModelNow(bytes: Uint8Array, name: string): OpenedModel {
  const key = keyOf(bytes);
  const model = models.get(key) ?? keepModel(key, theLab().loadModel(bytes));
  return { key, name, fileBytes: bytes.length, info: model.info() };
}

function openPartsNow(bytes: Uint8Array, name: string, weights: NamedBytes[]): { opened: OpenedModel; bytes: Uint8Array } {
  const model = theLab().loadModel(bytes, { externalData: Object.fromEntries(weights.map((file) => [file.name, file.bytes])) });
  const whole = model.save();
  const key = keyOf(whole);
  return { opened: { key, name, fileBytes: whole.length, info: keepModel(key, model).info() }, bytes: whole };
}

function openDataNow(files: { name: string; bytes: Uint8Array }[], name: string): OpenedData {
  const key = keyOf(...files.map((file) => file.bytes));
  let data = datasets.get(key);
  if (!data) {
    data = keepData(key, (from) => from.loadDataset(files));
  }
  return { key, name, info: data.info() };
}

/** One data set at a time is enough, and the large one is large. */
function keepData(key: string, open: (from: Lab) => Dataset): Dataset {
  const data = open(theLab());
  if (!running) {
    for (const [other, old] of datasets) {
      old.free();
      datasets.delete(other);
      sources.delete(other);
    }
  }
  datasets.set(key, data);
  sources.set(key, open);
  return data;
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(0);
  });
}

function kernelNames(kernels: unknown): string {
  return kernels && typeof kernels === 'object' ? Object.values(kernels).map(String).join(', ') : '';
}

function sendFinished(job: Job, sent: number, onEvent: (event: RunEvent) => void): number {
  const { steps, pare } = job.report();
  const build = `${pare.build}, ${pare.numerics}`;
  const kernels = kernelNames(pare.kernels);
  let index = sent;
  for (; index < steps.length; index++) {
    const model = job.model(index);
    const bytes = model.save();
    const key = keyOf(bytes);
    const step = steps[index] as Step;
    keepModel(key, model);
    onEvent({ type: 'step', index, step, build, kernels, modelKey: key, bytes });
  }
  return index;
}

async function runJob(job: Job, onEvent: (event: RunEvent) => void): Promise<RunOutcome> {
  let sent = 0;
  let stage = '';
  let last = 0;
  for (;;) {
    if (cancelled) {
      sendFinished(job, sent, onEvent);
      return 'cancelled';
    }
    if (paused) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    let progress: Progress;
    try {
      progress = job.step(BUDGET_MS);
    } catch (error) {
      sendFinished(job, sent, onEvent); // what was finished before the step that failed stays
      throw error;
    }
    if (progress.stage !== stage || progress.finished) {
      stage = progress.stage;
      const before = sent;
      sent = sendFinished(job, sent, onEvent);
      if (sent > before && !progress.finished) sendCheckpoint(job, onEvent);
    }
    const now = performance.now();
    if (now - last > PROGRESS_EVERY_MS || progress.finished) {
      last = now;
      onEvent({ type: 'progress', progress });
    }
    if (progress.finished) return 'finished';
    await turn();
  }
}

function sendCheckpoint(job: Job, onEvent: (event: RunEvent) => void): void {
  try {
    onEvent({ type: 'checkpoint', bytes: job.checkpoint() });
  } catch {
    // A step that cannot be saved in the middle is simply not offered to go on with; the run itself is not hurt.
  }
}

async function run(request: RunRequest, onEvent: (event: RunEvent) => void): Promise<RunOutcome> {
  if (running) throw Object.assign(new Error('a recipe is running already'), { code: 'BUSY' });
  const named = Object.fromEntries(Object.entries(request.models).map(([name, key]) => [name, theModel(key)]));
  const options = {
    ...(request.dataKey === null ? {} : { data: theData(request.dataKey) }),
    models: named,
    limitTest: request.limits.test,
    limitTrain: request.limits.train,
  };
  const model = theModel(request.modelKey);
  const job = request.checkpoint
    ? theLab().resumeRecipe(request.checkpoint, options)
    : theLab().startRecipe(model, request.recipe as Recipe, options);
  running = true;
  cancelled = false;
  paused = false;
  try {
    return await runJob(job, onEvent);
  } finally {
    running = false;
    job.free();
  }
}

async function answersOf(modelKey: string, dataKey: string, limit: number): Promise<Uint8Array> {
  const id = `${modelKey}|${dataKey}|${limit}`;
  const known = answers.get(id);
  if (known) return known;
  const report = await theModel(modelKey).evaluate(theData(dataKey), { answers: true, limit, budgetMs: BUDGET_MS });
  const found = Uint8Array.from(report.answers ?? []);
  answers.set(id, found);
  return found;
}

async function changes(beforeKey: string, afterKey: string, dataKey: string, limit: number, show: number): Promise<Changes> {
  const before = await answersOf(beforeKey, dataKey, limit);
  const after = await answersOf(afterKey, dataKey, limit);
  const data = theData(dataKey);
  const { sample_shape: shape } = data.info();
  const result: Changes = { total: before.length, changed: 0, mended: 0, broken: 0, shape, samples: [] };
  const labels = before.length > 0 ? data.samples('test', 0, before.length).labels : new Int32Array();
  for (let i = 0; i < before.length; i++) {
    const [old, now, label] = [before[i] as number, after[i] as number, labels[i] as number];
    if (old === now) continue;
    result.changed++;
    if (now === label) result.mended++;
    if (old === label) result.broken++;
    if (result.samples.length < show) {
      result.samples.push({ index: i, label, before: old, after: now, pixels: data.samples('test', i, 1).pixels });
    }
  }
  return result;
}

function histogram(modelKey: string, tensor: string, range: [number, number] | null): Histogram {
  return binWeights(theModel(modelKey).weights(), tensor, range);
}

function newLab({ wasm, relaxed }: CoreAssets): Promise<Lab> {
  const bytes = async (source: AssetSource) => (await fetchAsset(source)) as BufferSource;
  return createLab({ wasm: () => bytes(wasm), ...(relaxed && { relaxed: () => bytes(relaxed) }) });
}

const factsOf = (of: Lab): LabFacts => ({ version: of.version, build: of.build, passes: of.passes() });

async function changeCore(core: CoreAssets): Promise<LabFacts> {
  const next = await newLab(core);
  while (running) await new Promise((resolve) => setTimeout(resolve, 100));
  // From here to the end nothing waits: no question meets half of each.
  for (const [key, model] of models) models.set(key, next.loadModel(model.save()));
  for (const [key, open] of sources) datasets.set(key, open(next));
  lab = next;
  return factsOf(next);
}

const worker: LabWorker = {
  start: (core) =>
    guarded(async () => {
      lab = await newLab(core);
      return factsOf(lab);
    }),
  changeCore: (core) => guarded(() => changeCore(core)),
  isOpen: async (modelKey) => models.has(modelKey),
  openModel: (bytes, name) => guarded(() => openModelNow(bytes, name)),
  openModelParts: (bytes, name, weights) => guarded(() => openPartsNow(bytes, name, weights)),
  openModelAsset: (source, name) =>
    guarded(async () => {
      const bytes = await fetchAsset(source);
      return { opened: openModelNow(bytes, name), bytes };
    }),
  openData: (files, name) => guarded(() => openDataNow(files, name)),
  openDataAssets: (files, name) =>
    guarded(async () => {
      const loaded = await Promise.all(files.map(async (file) => ({ name: file.name, bytes: await fetchAsset(file.source) })));
      return openDataNow(loaded, name);
    }),
  generateData: (kind: GeneratedSet) =>
    guarded(() => {
      const key = `generated-${kind}`;
      const data = datasets.get(key) ?? keepData(key, (from) => from.generateDataset(kind));
      return { key, name: kind, info: data.info() };
    }),
  run: (request, onEvent) => guarded(() => run(request, onEvent)),
  pause: async (value) => {
    paused = value;
    wake?.();
  },
  cancel: async () => {
    cancelled = true;
    paused = false;
    wake?.();
  },
  histogram: (modelKey, tensor, range) => guarded(() => histogram(modelKey, tensor, range)),
  tensors: (modelKey) =>
    guarded(() =>
      theModel(modelKey)
        .weights()
        .map(({ name, dtype, shape, data }) => ({ name, dtype, shape, count: data.length })),
    ),
  graph: (modelKey) => guarded(() => layoutGraph(theModel(modelKey).graph())),
  changes: (beforeKey, afterKey, dataKey, limit, show) => guarded(() => changes(beforeKey, afterKey, dataKey, limit, show)),
};

Comlink.expose(worker);
