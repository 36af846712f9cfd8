/**
 * The messages between the page and the worker that hosts the lab. The page never touches the core: it asks here, through Comlink, and
 * every answer is plain data. Models and data sets are named by a key made from their bytes, so a key means the same after a reload.
 */
import type { DatasetInfo, GeneratedSet, ModelInfo, PassInfo, Progress, Recipe, Step } from '../../wasm/js/types.ts';
import type { DrawnGraph } from './graph-layout.ts';

/** Where bytes come from: a file beside the page, or text inside it (the single-file page). */
export type AssetSource = { url: string } | { base64: string };

export interface NamedBytes {
  name: string;
  bytes: Uint8Array;
}

export interface CoreAssets {
  wasm: AssetSource;
  /** The same with relaxed SIMD. */
  relaxed?: AssetSource;
}

export interface LabFacts {
  version: string;
  build: string;
  passes: PassInfo[];
}

export interface OpenedModel {
  key: string;
  name: string;
  fileBytes: number;
  info: ModelInfo;
}

export interface OpenedData {
  key: string;
  name: string;
  info: DatasetInfo;
}

export interface Limits {
  /** 0: all */
  test: number;
  train: number;
}

export interface RunRequest {
  modelKey: string;
  /** null: no data; accuracy is then not measured. */
  dataKey: string | null;
  recipe: Recipe;
  limits: Limits;
  /** Names that the recipe uses for other models, and their keys. */
  models: Record<string, string>;
  /** Goes on from here instead of from the start. */
  checkpoint?: Uint8Array;
}

export type RunEvent =
  | { type: 'progress'; progress: Progress }
  /** A step is finished: its measurements and its network. */
  | { type: 'step'; index: number; step: Step; build: string; kernels: string; modelKey: string; bytes: Uint8Array }
  /** Enough to go on after a reload. */
  | { type: 'checkpoint'; bytes: Uint8Array };

export type RunOutcome = 'finished' | 'cancelled';

export interface Histogram {
  name: string;
  dtype: string;
  shape: number[];
  count: number;
  zeros: number;
  minimum: number;
  maximum: number;
  /** Bins of equal width over `range`, without the zeros. */
  range: [number, number];
  bins: number[];
}

/** A test picture whose answer differs between two networks. */
export interface ChangedSample {
  index: number;
  label: number;
  before: number;
  after: number;
  pixels: Float32Array;
}

export interface Changes {
  total: number;
  changed: number;
  /** Wrong before, right now; and the other way round. */
  mended: number;
  broken: number;
  shape: number[];
  samples: ChangedSample[];
}

export interface LabWorker {
  /** `relaxed`: the module with relaxed SIMD, fetched where it may run. */
  start(core: CoreAssets): Promise<LabFacts>;
  /** Goes over to another core, with every model and data set that is open, once no recipe runs. */
  changeCore(core: CoreAssets): Promise<LabFacts>;
  isOpen(modelKey: string): Promise<boolean>;
  openModel(bytes: Uint8Array, name: string): Promise<OpenedModel>;
  /** A model whose weights are in other files; `bytes` is the same as one file. */
  openModelParts(bytes: Uint8Array, name: string, weights: NamedBytes[]): Promise<{ opened: OpenedModel; bytes: Uint8Array }>;
  openModelAsset(source: AssetSource, name: string): Promise<{ opened: OpenedModel; bytes: Uint8Array }>;
  openData(files: { name: string; bytes: Uint8Array }[], name: string): Promise<OpenedData>;
  openDataAssets(files: { name: string; source: AssetSource }[], name: string): Promise<OpenedData>;
  generateData(kind: GeneratedSet): Promise<OpenedData>;
  run(request: RunRequest, onEvent: (event: RunEvent) => void): Promise<RunOutcome>;
  pause(paused: boolean): Promise<void>;
  cancel(): Promise<void>;
  /** Of one tensor, or of all weights together with name ''. `range` null: the tensor's own. */
  histogram(modelKey: string, tensor: string, range: [number, number] | null): Promise<Histogram>;
  tensors(modelKey: string): Promise<{ name: string; dtype: string; shape: number[]; count: number }[]>;
  /** The network's drawing. */
  graph(modelKey: string): Promise<DrawnGraph>;
  changes(beforeKey: string, afterKey: string, dataKey: string, limit: number, show: number): Promise<Changes>;
}

/** What an error looks like after it crossed from the worker. */
export interface LabError {
  code: string;
  message: string;
  details: string;
}
