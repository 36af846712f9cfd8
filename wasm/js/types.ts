/**
 * What the JavaScript interface takes and gives: it mirrors include/pare/pare.h noun for noun. Types only, no code.
 * JSON that the core writes (reports, model and data facts) keeps the core's snake_case names; options of calls are camelCase.
 * Sizes in bytes, times in ms, accuracy 0..1. A number that is not there is null: it was not measured, and nobody guessed.
 */

export type PareCode = 'OUT_OF_MEMORY' | 'BAD_ARGUMENT' | 'BAD_MODEL' | 'UNSUPPORTED' | 'BAD_DATA' | 'BAD_RECIPE' | 'IO' | 'BAD_HANDLE';

export type Numerics = 'exact' | 'fast';
export type Split = 'train' | 'test';
export type GeneratedSet = 'spirals' | 'sequence';

/** A value of a recipe's parameter. */
export type ParamValue = number | string | boolean | string[];

/** One step of a recipe: which pass, and its parameters by name; what is not named takes its default. */
export interface RecipeStep {
  pass: string;
  name?: string;
  seed?: number;
  [param: string]: ParamValue | undefined;
}

export interface Recipe {
  seed?: number;
  steps: RecipeStep[];
}

/** A parameter of a pass, from the pass's own declaration. */
export interface ParamInfo {
  name: string;
  type: 'int' | 'float' | 'bool' | 'choice' | 'text' | 'layers' | 'model';
  /** Numbers only. */
  minimum?: number;
  maximum?: number;
  /** Undefined when the parameter is required, or when leaving it out means something of its own. */
  default?: ParamValue;
  /** Type `choice` only. */
  choices?: string[];
  /** '' when it has none. */
  unit: string;
  help: string;
  required: boolean;
}

export interface PassInfo {
  name: string;
  title: string;
  help: string;
  kind: string;
  needsData: boolean;
  params: ParamInfo[];
}

export interface ValueInfo {
  name: string;
  dtype: string | null;
  /** -1: not known until a session is planned. */
  shape: number[] | null;
}

/** A node of the model, as it stands in the file. */
export interface LayerInfo {
  name: string;
  op: string;
  shape: number[] | null;
  parameters: number;
  bytes: number;
  macs: number;
  [more: string]: unknown;
}

export interface ModelInfo {
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  layers: LayerInfo[];
  /** Operators that this core cannot run; such a model loads, shows and saves. */
  unsupported: { op: string; domain: string; node: string }[];
  /** False: `problem` says what stands in the way. */
  runs: boolean;
  problem: string | null;
  /** Commands and passes that work on this model, and those that need it to run. */
  possible: string[];
  impossible: string[];
  [more: string]: unknown;
}

export interface GraphNode {
  name: string;
  op: string;
  domain: string;
  /** False: this core cannot run it. */
  supported: boolean;
  /** The row of the layer table that the node belongs to. */
  layer: string;
  /** Names of values; null where left out. */
  inputs: (string | null)[];
  outputs: (string | null)[];
}

/** The graph as it stands in the file, for drawing; shapes are those at batch 1 where they can be known. */
export interface ModelGraph {
  inputs: string[];
  outputs: string[];
  nodes: GraphNode[];
  values: (ValueInfo & { constant: boolean })[];
}

export interface Weight {
  name: string;
  dtype: string;
  shape: number[];
  /** A copy, the caller's own. Half floats come as their bits, 4-bit integers as a number each. */
  data:
    | Float32Array
    | Float64Array
    | Int8Array
    | Uint8Array
    | Int16Array
    | Uint16Array
    | Int32Array
    | Uint32Array
    | BigInt64Array
    | BigUint64Array;
}

export interface DatasetInfo {
  name: string;
  /** Of one sample, without the batch. */
  sample_shape: number[];
  dtype: string;
  n_classes: number;
  class_names: string[] | null;
  n_train: number;
  n_test: number;
  /** One set was given: the test split is all of it, until something trains. */
  single: boolean;
  [more: string]: unknown;
}

export interface Samples {
  /** [count, ...shape], in the range the model sees. */
  pixels: Float32Array;
  labels: Int32Array;
}

export interface EvaluationReport {
  right: number;
  total: number;
  accuracy: number;
  /** Mean cross-entropy, and the sum it comes from. */
  loss: number;
  loss_sum: number;
  /** [true class][answered class]. */
  confusion: number[][];
  /** With `answers: true`: the class answered for each test sample. */
  answers?: number[];
}

export interface LayerReport {
  name: string;
  op: string;
  shape: number[] | null;
  parameters: number;
  nonzeros: number;
  /** Share of weights that are zero, 0..1. */
  sparsity: number | null;
  /** Mean bits of a stored weight. */
  bits: number | null;
  bytes: number;
  /** What an ideal order-0 coder would need: an estimate. */
  entropy_bytes: number | null;
  macs: number;
  effective_macs: number;
  time_ms: number | null;
  /** Against the recipe's input model; null without one. */
  sqnr_db: number | null;
  kernel: string;
}

/** A model on the way through a recipe, measured. The first of a report is the original. */
export interface Step {
  name: string;
  pass: string | null;
  kind: string;
  describe: string;
  accuracy: number | null;
  right: number | null;
  total: number | null;
  loss: number | null;
  confusion: number[][] | null;
  parameters: number;
  nonzeros: number;
  bytes: number;
  entropy_bytes: number | null;
  file_bytes: number;
  macs: number;
  effective_macs: number;
  peak_bytes: number | null;
  /** Median at batch 1, measured here; never an estimate. */
  latency_ms: number | null;
  seconds: number | null;
  layers: LayerReport[];
  details: Record<string, unknown>;
}

export interface Report {
  pare: { version: string; build: string; numerics: string; kernels: unknown };
  model: string | null;
  data: Record<string, unknown> | null;
  recipe: Recipe;
  weights_sha256: string;
  steps: Step[];
}

export interface Progress {
  /** Grows to `total`; equal when finished. */
  done: number;
  total: number;
  loss: number | null;
  accuracy: number | null;
  /** "2/3 train". */
  stage: string;
  finished: boolean;
}

export interface EvaluateOptions {
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  /** The test sample to begin with. */
  first?: number;
  /** Test samples used; 0 or left out: all. */
  limit?: number;
  answers?: boolean;
  numerics?: Numerics;
  budgetMs?: number;
}

export interface RecipeOptions {
  data?: Dataset;
  /** Models that the recipe names, such as a teacher. */
  models?: Record<string, Model>;
  limitTest?: number;
  limitTrain?: number;
  numerics?: Numerics;
}

export interface RunOptions extends RecipeOptions {
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  /** How long one step works before the event loop gets its turn. */
  budgetMs?: number;
}

export interface RunResult {
  /** After the last step. */
  model: Model;
  report: Report;
  /** After each step, the original first. */
  steps: Model[];
}

export interface Model {
  info(): ModelInfo;
  graph(): ModelGraph;
  /** ONNX bytes. */
  save(): Uint8Array;
  weights(): Weight[];
  weightsSha256(): string;
  session(options?: SessionOptions): Session;
  evaluate(data: Dataset, options?: EvaluateOptions): Promise<EvaluationReport>;
  /** Rejects with AbortError when cancelled; the error's `report` and `model` hold what was finished. */
  run(recipe: Recipe, options?: RunOptions): Promise<RunResult>;
  free(): void;
}

export interface PortInfo {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

export interface SessionOptions {
  /** What stands for every unknown first dimension; 1. */
  batch?: number;
  numerics?: Numerics;
  /** Shapes of inputs by name, every dimension known: for networks that leave more open than the batch. */
  shapes?: Record<string, readonly number[]>;
}

export interface Session {
  /** What goes in and comes out; the elements are given and come as typed arrays of their type. */
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
  run(inputs: Record<string, Float32Array>): Record<string, Float32Array>;
  free(): void;
}

export interface Dataset {
  info(): DatasetInfo;
  samples(split: Split, first: number, count: number): Samples;
  free(): void;
}

/** Resumable long work. Pause is not to call `step`; cancel is `free`. */
export interface Job {
  step(budgetMs: number): Progress;
  report(): Report;
  /** After finished step `i` (0: as given); -1: the newest. A new handle, the caller's to free. */
  model(i: number): Model;
  checkpoint(): Uint8Array;
  free(): void;
}

export interface DataFile {
  name: string;
  bytes: Uint8Array;
}

export interface LoadOptions {
  /** The files that hold the model's weights (ONNX external data), by the name that the model gives them. */
  externalData?: Record<string, Uint8Array>;
}

export interface LabOptions {
  /** The module's bytes or address, or a function that fetches it; left out: found beside this file. */
  wasm?: BufferSource | URL | string | (() => Promise<BufferSource>);
  /** The same for the module with relaxed SIMD, or a function that fetches it: used only where it proves exact. Left out with `wasm` given: none. */
  relaxed?: BufferSource | URL | string | (() => Promise<BufferSource>);
  /** `auto` takes the relaxed module where it proves exact; `relaxed` fails where it does not. What runs: `build` in reports. */
  simd?: 'auto' | 'simd128' | 'relaxed';
}

export interface Lab {
  readonly version: string;
  readonly build: string;
  /** JSON schema of a recipe. */
  schema(): Record<string, unknown>;
  passes(): PassInfo[];
  loadModel(bytes: Uint8Array, options?: LoadOptions): Model;
  loadDataset(files: DataFile[]): Dataset;
  generateDataset(kind: GeneratedSet): Dataset;
  startRecipe(model: Model, recipe: Recipe, options?: RecipeOptions): Job;
  resumeRecipe(checkpoint: Uint8Array, options?: RecipeOptions): Job;
}

export interface PoolOptions extends LabOptions {
  /** How many; as many as the machine has processors. */
  workers?: number;
  /** Starts a worker that runs `pool_worker.js` (in Node.js `pool_worker_node.js`); for bundlers and pages from one file. */
  worker?: () => unknown;
}

/** Files, or a generated set. A worker loads the same array once. */
export type PoolData = DataFile[] | GeneratedSet;

export interface PoolEvaluateOptions {
  /** Loss and accuracy are those of the chunk that told last. */
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  limit?: number;
  answers?: boolean;
  numerics?: Numerics;
}

export interface SweepOptions {
  data?: PoolData;
  models?: Record<string, Model | Uint8Array>;
  limitTest?: number;
  limitTrain?: number;
  numerics?: Numerics;
  /** `total` is the number of runs. */
  onProgress?: (progress: Progress) => void;
  /** A run has ended: its place in the list of recipes. */
  onRun?: (i: number, run: SweepRun) => void;
  signal?: AbortSignal;
}

/** What became of one recipe: `report` and `model` (ONNX bytes), or `error`. Times in a report are those of a busy machine. */
export type SweepRun =
  | { recipe: Recipe; report: Report; model: Uint8Array; error: null }
  | { recipe: Recipe; report: null; model: null; error: Error };

/** Workers with a core each. Results are the bytes that one lab gives, for any number of workers. */
export interface Pool {
  readonly workers: number;
  /** Rejects with the first error of any worker, or AbortError; nothing goes on behind it. */
  evaluate(model: Model | Uint8Array, data: PoolData, options?: PoolEvaluateOptions): Promise<EvaluationReport>;
  /** Runs each recipe on the model, one a worker; a run that fails does not stop the others. In the order of `recipes`. */
  sweep(model: Model | Uint8Array, recipes: Recipe[], options?: SweepOptions): Promise<SweepRun[]>;
  /** Ends every worker; what is under way rejects. */
  close(): Promise<void>;
}
