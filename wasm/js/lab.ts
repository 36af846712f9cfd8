/** The nouns: a lab makes models, data sets and jobs; each is a handle into the core until it is freed. */
import { Core, PareError, type Place } from './core.ts';
import { passesOf } from './schema.ts';
import type * as T from './types.ts';

interface View {
  name: string;
  dtype: string;
  shape: number[];
  address: number;
  len_bytes: number;
}

interface ArrayKind {
  new (buffer: ArrayBuffer, address?: number, length?: number): T.Weight['data'];
  BYTES_PER_ELEMENT: number;
}

/** Most dimensions of a tensor: PARE_MAX_RANK of pare.h. */
const MAX_RANK = 8;

const ARRAYS: Record<string, ArrayKind> = {
  f32: Float32Array,
  f64: Float64Array,
  s8: Int8Array,
  u8: Uint8Array,
  bool: Uint8Array,
  s16: Int16Array,
  u16: Uint16Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  s32: Int32Array,
  u32: Uint32Array,
  s64: BigInt64Array,
  u64: BigUint64Array,
};

/** Two to a byte, the low half first. */
function halfBytes(bytes: Uint8Array, count: number, signed: boolean): Int8Array | Uint8Array {
  const out = signed ? new Int8Array(count) : new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const half = ((bytes[i >> 1] ?? 0) >> (i % 2 ? 4 : 0)) & 15;
    out[i] = signed ? (half ^ 8) - 8 : half;
  }
  return out;
}

function typed(dtype: string, bytes: Uint8Array<ArrayBuffer>, shape: number[]): T.Weight['data'] {
  if (dtype === 'u4' || dtype === 's4')
    return halfBytes(
      bytes,
      shape.reduce((a, b) => a * b, 1),
      dtype === 's4',
    );
  return new (ARRAYS[dtype] ?? Uint8Array)(bytes.buffer);
}

/** Something in the core. Freed twice is freed once; used after that, the core answers BAD_HANDLE. */
class Held {
  protected freed = false;

  constructor(
    protected readonly core: Core,
    readonly handle: number,
  ) {}

  free(): void {
    this.freed = true;
    this.core.release(this.handle);
  }
}

function handleOf(held: unknown, what: string): number {
  if (held instanceof Held) return held.handle;
  throw new PareError('BAD_HANDLE', `this is not a ${what} of the lab`);
}

/** Lets the event loop have its turn: messages, clicks, abort. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

interface JobOptions extends T.RecipeOptions {
  firstTest?: number;
  answers?: boolean;
}

/** Calls `use` with the address of a job_options (wasm/exports.c). */
function withOptions<R>(core: Core, options: JobOptions, texts: string[], use: (options: number, texts: number[]) => R): R {
  return core.scoped((place) => {
    const models = Object.entries(options.models ?? {}).flatMap(([name, model]) => [place.text(name), handleOf(model, 'model')]);
    const data = options.data ? handleOf(options.data, 'data set') : 0;
    const words = [
      data,
      Number(options.numerics === 'fast'),
      options.firstTest ?? 0,
      options.limitTest ?? 0,
      options.limitTrain ?? 0,
      Number(options.answers ?? false),
    ];
    const addresses = texts.map((text) => place.text(text));
    return use(place.words([...words, models.length / 2, ...models]), addresses);
  });
}

class LabJob extends Held implements T.Job {
  step(budgetMs: number): T.Progress {
    this.core.call('pare_js_job_step', this.handle, budgetMs);
    return this.core.json<T.Progress>();
  }

  report(): T.Report {
    this.core.call('pare_js_job_report', this.handle);
    return this.core.json<T.Report>();
  }

  model(i: number): T.Model {
    this.core.call('pare_js_job_model', this.handle, i);
    return new LabModel(this.core, this.core.handle());
  }

  checkpoint(): Uint8Array {
    this.core.call('pare_js_job_checkpoint', this.handle);
    return this.core.bytes();
  }
}

/** Steps a job to its end, letting the event loop work between slices. */
async function finish(job: LabJob, options: T.RunOptions): Promise<void> {
  const { signal, onProgress, budgetMs = 30 } = options;
  for (;;) {
    if (signal?.aborted) throw abortError();
    const progress = job.step(budgetMs);
    onProgress?.(progress);
    if (progress.finished) return;
    await turn();
  }
}

function abortError(): Error {
  return new DOMException('the run was cancelled', 'AbortError');
}

type Data = T.Weight['data'];

interface Port extends View {
  place: Place<Data>;
}

/** A run is one call of the core: input goes straight into its memory, and each output is copied once. */
class LabSession extends Held implements T.Session {
  inputs: readonly Port[] = [];
  outputs: readonly Port[] = [];
  /** Shapes that depend on the values are known after each run only. */
  private readonly isDynamic: boolean;
  private readonly start: (handle: number) => number;

  constructor(core: Core, handle: number) {
    super(core, handle);
    this.readPorts();
    this.isDynamic = this.outputs.some(({ dtype }) => dtype === 'none');
    this.start = core.export('pare_js_session_run');
  }

  private readPorts(): void {
    this.core.call('pare_js_session_ports', this.handle);
    const ports = this.core.json<{ inputs: View[]; outputs: View[] }>();
    const port = (view: View): Port => {
      const make = ARRAYS[view.dtype] ?? Uint8Array;
      return { ...view, place: this.core.place<Data>(make, view.address, view.len_bytes / make.BYTES_PER_ELEMENT) };
    };
    this.inputs = ports.inputs.map(port);
    this.outputs = ports.outputs.map(port);
  }

  run(inputs: Record<string, Float32Array>): Record<string, Float32Array> {
    for (const port of this.inputs) {
      const given = inputs[port.name];
      if (!given) throw new PareError('BAD_ARGUMENT', `input '${port.name}' is missing`);
      if (given.byteLength !== port.len_bytes)
        throw new PareError(
          'BAD_ARGUMENT',
          `input '${port.name}' takes [${port.shape}] of ${port.dtype}: ${port.len_bytes} bytes, not ${given.byteLength}`,
        );
    }
    // A session that was freed has no memory to write to: let the core say so.
    if (this.freed) this.core.check(this.start(this.handle));
    for (const port of this.inputs) fill(port.place.view(), inputs[port.name] as Float32Array);
    this.core.check(this.start(this.handle));
    if (this.isDynamic) this.readPorts();
    const outputs: Record<string, Data> = {};
    for (const port of this.outputs) outputs[port.name] = port.place.view().slice();
    return outputs as Record<string, Float32Array>;
  }
}

/** Bytes are what is copied: a half float comes as Uint16Array, but may be given as something else of that size. */
function fill(to: Data, from: Data): void {
  if (to.constructor === from.constructor) (to as Float32Array).set(from as Float32Array);
  else new Uint8Array(to.buffer, to.byteOffset, to.byteLength).set(new Uint8Array(from.buffer, from.byteOffset, from.byteLength));
}

class LabDataset extends Held implements T.Dataset {
  info(): T.DatasetInfo {
    this.core.call('pare_js_dataset_info', this.handle);
    return this.core.json<T.DatasetInfo>();
  }

  samples(split: T.Split, first: number, count: number): T.Samples {
    const elements = this.info().sample_shape.reduce((a, b) => a * b, 1);
    this.core.call('pare_js_dataset_samples', this.handle, Number(split === 'train'), first, count);
    const { buffer, byteLength } = this.core.bytes();
    const n = byteLength / 4 / (elements + 1);
    return { pixels: new Float32Array(buffer, 0, n * elements), labels: new Int32Array(buffer, n * elements * 4, n) };
  }
}

class LabModel extends Held implements T.Model {
  info(): T.ModelInfo {
    this.core.call('pare_js_model_info', this.handle);
    return this.core.json<T.ModelInfo>();
  }

  graph(): T.ModelGraph {
    this.core.call('pare_js_model_graph', this.handle);
    return this.core.json<T.ModelGraph>();
  }

  save(): Uint8Array {
    this.core.call('pare_js_model_save', this.handle);
    return this.core.bytes();
  }

  weights(): T.Weight[] {
    this.core.call('pare_js_model_weights', this.handle);
    return this.core.json<View[]>().map(({ name, dtype, shape, address, len_bytes }) => {
      return { name, dtype, shape, data: typed(dtype, this.core.copy(address, len_bytes), shape) };
    });
  }

  weightsSha256(): string {
    this.core.call('pare_js_model_weights_sha256', this.handle);
    return this.core.text();
  }

  session(options: T.SessionOptions = {}): T.Session {
    const shapes = Object.entries(options.shapes ?? {});
    return this.core.scoped((place) => {
      const words = shapes.flatMap(([name, dims]) =>
        [place.text(name), dims.length, ...dims, ...Array(MAX_RANK).fill(0)].slice(0, 2 + MAX_RANK),
      );
      const { batch = 1, numerics } = options;
      this.core.call('pare_js_session_new', this.handle, batch, Number(numerics === 'fast'), place.words(words), shapes.length);
      return new LabSession(this.core, this.core.handle());
    });
  }

  async evaluate(data: T.Dataset, options: T.EvaluateOptions = {}): Promise<T.EvaluationReport> {
    const wanted = { data, firstTest: options.first, limitTest: options.limit, numerics: options.numerics, answers: options.answers };
    withOptions(this.core, wanted, [], (at) => this.core.call('pare_js_job_evaluate', this.handle, at));
    const job = new LabJob(this.core, this.core.handle());
    try {
      await finish(job, options);
      return job.report() as unknown as T.EvaluationReport;
    } finally {
      job.free();
    }
  }

  startRecipe(recipe: T.Recipe, options: T.RecipeOptions): LabJob {
    const text = JSON.stringify(recipe);
    withOptions(this.core, options, [text], (at, [recipeAt]) => this.core.call('pare_js_job_recipe', this.handle, recipeAt as number, at));
    return new LabJob(this.core, this.core.handle());
  }

  async run(recipe: T.Recipe, options: T.RunOptions = {}): Promise<T.RunResult> {
    const job = this.startRecipe(recipe, options);
    try {
      await finish(job, options);
      const report = job.report();
      return { model: job.model(-1), report, steps: report.steps.map((_, i) => job.model(i)) };
    } catch (error) {
      throw Object.assign(error as Error, { report: job.report(), model: job.model(-1) });
    } finally {
      job.free();
    }
  }
}

export class PareLab implements T.Lab {
  private constructor(private readonly core: Core) {}

  static async start(module: WebAssembly.Module): Promise<PareLab> {
    return new PareLab(await Core.start(module));
  }

  get version(): string {
    return this.core.version;
  }

  get build(): string {
    return this.core.build;
  }

  get evaluationChunk(): number {
    return this.core.evaluationChunk;
  }

  schema(): Record<string, unknown> {
    this.core.call('pare_js_schema');
    return this.core.json<Record<string, unknown>>();
  }

  passes(): T.PassInfo[] {
    return passesOf(this.schema());
  }

  loadModel(bytes: Uint8Array, { externalData = {} }: T.LoadOptions = {}): T.Model {
    const files = Object.entries(externalData);
    return this.core.scoped((place) => {
      const names = files.map(([name]) => place.text(name));
      const table = place.words(files.flatMap(() => [0, 0, 0]));
      // The core takes this memory over: weights are used where they stand.
      const [model = 0, ...data] = this.core.allocateAll([bytes, ...files.map(([, part]) => part)]);
      const words = files.flatMap(([, part], i) => [names[i] ?? 0, data[i] ?? 0, part.length]);
      this.core.write(table, new Uint8Array(Uint32Array.from(words).buffer));
      this.core.call('pare_js_model_load', model, bytes.length, table, files.length);
      return new LabModel(this.core, this.core.handle());
    });
  }

  loadDataset(files: T.DataFile[]): T.Dataset {
    return this.core.scoped((place) => {
      const words = files.flatMap(({ name, bytes }) => [place.text(name), place.bytes(bytes), bytes.length]);
      this.core.call('pare_js_dataset_load', place.words(words), files.length);
      return new LabDataset(this.core, this.core.handle());
    });
  }

  generateDataset(kind: T.GeneratedSet): T.Dataset {
    return this.core.scoped((place) => {
      this.core.call('pare_js_dataset_open', place.text(kind));
      return new LabDataset(this.core, this.core.handle());
    });
  }

  startRecipe(model: T.Model, recipe: T.Recipe, options: T.RecipeOptions = {}): T.Job {
    if (!(model instanceof LabModel)) throw new PareError('BAD_HANDLE', 'this is not a model of the lab');
    return model.startRecipe(recipe, options);
  }

  resumeRecipe(checkpoint: Uint8Array, options: T.RecipeOptions = {}): T.Job {
    return this.core.scoped((place) => {
      const bytes = place.bytes(checkpoint);
      withOptions(this.core, options, [], (at) => this.core.call('pare_js_job_resume', bytes, checkpoint.length, at));
      return new LabJob(this.core, this.core.handle());
    });
  }
}
