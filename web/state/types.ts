/** What the page knows: one plain object, replaced member by member, never changed in place. */
import type { Progress, Recipe, Step } from '../../wasm/js/types.ts';
import type { LabFacts, Limits, OpenedData, OpenedModel } from '../lab/api.ts';
import type { Key } from '../i18n/index.ts';

/** A measured network: the original, or what a step of a recipe made. */
export interface Point {
  id: string;
  /** Points of one family (model, data, limits) can be compared. */
  family: string;
  /** The recipe run that made it; '' for the original. */
  run: string;
  index: number;
  created: number;
  /** What it is called in lists: "prune 2". */
  label: string;
  recipe: Recipe;
  step: Step;
  /** Which build and numerics measured it. */
  build: string;
  kernels: string;
  modelKey: string;
}

export type RunState = 'running' | 'paused' | 'finished' | 'cancelled' | 'failed';

export interface RunRecord {
  id: string;
  family: string;
  number: number;
  recipe: Recipe;
  created: number;
  state: RunState;
  limits: Limits;
  message?: string;
  /** Left by a run that the page did not see the end of. */
  checkpoint?: Uint8Array;
}

export interface LivePoint {
  at: number;
  loss: number | null;
  accuracy: number | null;
}

export interface ActiveRun {
  id: string;
  number: number;
  recipe: Recipe;
  state: 'running' | 'paused';
  progress: Progress | null;
  secondsLeft: number | null;
  history: LivePoint[];
  /** How many steps of the recipe are finished. */
  finished: number;
  /** Only measuring an original. */
  measuring: boolean;
}

/** What, where, why, what to do. */
export interface Problem {
  id: number;
  what: Key;
  where: string;
  why: string;
  todo: Key;
  details: string;
}

export type Tab = 'layers' | 'graph' | 'weights' | 'errors' | 'profile' | 'runs';
export const TABS: Tab[] = ['layers', 'graph', 'weights', 'errors', 'profile', 'runs'];

export type Metric = 'file_bytes' | 'entropy_bytes' | 'macs' | 'effective_macs' | 'latency_ms' | 'peak_bytes' | 'accuracy' | 'loss';

export type Theme = 'system' | 'light' | 'dark';

export interface State {
  facts: LabFacts | null;
  /** What is being opened, for a line of text; '' when nothing is. */
  opening: string;
  model: OpenedModel | null;
  data: OpenedData | null;
  /** Which bundled ones these are, '' for files. */
  modelId: string;
  dataId: string;
  limits: Limits;
  recipe: Recipe;
  canUndo: boolean;
  canRedo: boolean;
  active: ActiveRun | null;
  runs: RunRecord[];
  points: Point[];
  selected: string;
  pinned: string[];
  /** The layer that the tabs are narrowed to; '' for all. */
  layer: string;
  tab: Tab;
  xAxis: Metric;
  yAxis: Metric;
  problems: Problem[];
  theme: Theme;
  offline: 'no' | 'ready' | 'file';
  help: boolean;
  dragging: boolean;
}
