/**
 * What the page can do, as functions over the store: open, measure, run, cancel, select, save. Everything slow happens in the worker; an
 * error becomes a Problem and the rest goes on.
 */
import type { Recipe } from '../../wasm/js/types.ts';
import type { NamedBytes, OpenedData, OpenedModel, RunEvent } from '../lab/api.ts';
import { asFailure, callback, handOver, type LabClient, startWorker } from '../lab/client.ts';
import { type Key, t } from '../i18n/index.ts';
import { asset, coreAssets, DATA_SETS, FIRST_DATA, FIRST_NETWORK, NETWORKS, networkAsset } from './assets.ts';
import { FIRST_RECIPE, parseRecipe, readAddress, RecipeHistory, writeAddress } from './recipe.ts';
import { bytes as asBytes } from './format.ts';
import { RunArchive, type StoredModel } from './runs.ts';
import { chooseModel, sniff } from './sniff.ts';
import { Store } from './store.ts';
import type { ActiveRun, Point, Problem, RunRecord, State, Theme } from './types.ts';

const THEME_MEMORY = 'pare.theme';
const PROBLEM_TODO: Record<string, Key> = {
  BAD_MODEL: 'todo.bad-model',
  UNSUPPORTED: 'todo.unsupported',
  BAD_DATA: 'todo.bad-data',
  BAD_RECIPE: 'todo.bad-recipe',
  OUT_OF_MEMORY: 'todo.out-of-memory',
  FETCH: 'todo.fetch',
  BUSY: 'todo.busy',
  NOT_KEPT: 'todo.not-kept',
  TOO_LARGE: 'todo.too-large',
};

const LARGE_BYTES = 1e9;

/** Of a file that is larger than they take, browsers say that it may not be read. */
const fileProblem = (file: File, error: unknown): unknown =>
  file.size < LARGE_BYTES ? error : { code: 'TOO_LARGE', message: t('why.too-large', { size: asBytes(file.size) }) };

export class LabState {
  readonly store: Store;
  readonly archive = new RunArchive();
  #history: RecipeHistory;
  #client: LabClient | null = null;
  #held: { name: string; bytes: Uint8Array } | null = null;
  #nextProblem = 1;
  #generation = 0;
  #queue: Promise<void> = Promise.resolve();
  #cancelled = false;
  #widened: Promise<void> | null = null;

  constructor() {
    const address = readAddress(location.hash);
    this.#history = new RecipeHistory(address.recipe ?? FIRST_RECIPE);
    this.store = new Store({
      facts: null,
      opening: '',
      model: null,
      data: null,
      modelId: address.model || FIRST_NETWORK,
      dataId: address.data || FIRST_DATA,
      limits: { test: address.test, train: address.train },
      recipe: this.#history.current,
      canUndo: false,
      canRedo: false,
      active: null,
      runs: [],
      points: [],
      selected: '',
      pinned: [],
      layer: '',
      tab: 'layers',
      xAxis: 'file_bytes',
      yAxis: 'accuracy',
      problems: [],
      theme: this.#rememberedTheme(),
      offline: 'no',
      help: false,
      dragging: false,
    });
  }

  get state(): Readonly<State> {
    return this.store.state;
  }

  #rememberedTheme(): Theme {
    try {
      const value = localStorage.getItem(THEME_MEMORY);
      if (value === 'light' || value === 'dark') return value;
    } catch {
      // storage is not allowed
    }
    return 'system';
  }

  setTheme(theme: Theme): void {
    try {
      localStorage.setItem(THEME_MEMORY, theme);
    } catch {
      // not remembered, still switched
    }
    this.store.set({ theme });
  }

  // ---- problems ------------------------------------------------------------------------------------------------

  problem(what: Key, where: string, error: unknown): void {
    const { lab } = asFailure(error);
    const problem: Problem = {
      id: this.#nextProblem++,
      what,
      where,
      why: lab.message,
      todo: PROBLEM_TODO[lab.code] ?? 'todo.other',
      details: `${lab.code}\n${lab.details || lab.message}`,
    };
    this.store.set({ problems: [...this.state.problems.slice(-3), problem] });
  }

  dismiss(id: number): void {
    this.store.set({ problems: this.state.problems.filter((p) => p.id !== id) });
  }

  // ---- opening -------------------------------------------------------------------------------------------------

  async start(): Promise<void> {
    this.store.set({ opening: t('opening.lab') });
    try {
      this.#client = startWorker((message) => this.problem('problem.worker', t('app.worker'), new Error(message)));
      const core = coreAssets('first') ?? coreAssets('wide');
      if (!core) throw new Error(t('why.no-core'));
      const facts = await this.#client.start(core);
      this.store.set({ facts });
    } catch (error) {
      this.store.set({ opening: '' });
      this.problem('problem.start', 'pare.wasm', error);
      return;
    }
    const { modelId, dataId } = this.state;
    const [model, data] = [
      NETWORKS.includes(modelId) ? modelId : FIRST_NETWORK,
      DATA_SETS.some((d) => d.id === dataId) ? dataId : FIRST_DATA,
    ];
    await this.openBundled(model, data);
    // What was needed for the first answer is here; the rest follows without anybody waiting.
    await this.#widen().catch(() => undefined);
  }

  /** From the first core to the one with every operator and pass; once. */
  #widen(): Promise<void> {
    const core = coreAssets('first') && coreAssets('wide');
    if (!core) return Promise.resolve();
    this.#widened ??= this.client
      .changeCore(core)
      .then((facts) => this.store.set({ facts }))
      .catch((error) => {
        this.#widened = null; // the network may be back next time
        throw error;
      });
    return this.#widened;
  }

  /** A network that the first core cannot run is opened again in the wide one. */
  async #opened(opened: OpenedModel, bytes: Uint8Array): Promise<OpenedModel> {
    if (opened.info.runs) return opened;
    await this.#widen();
    return this.client.openModel(bytes, opened.name);
  }

  get client(): LabClient {
    if (!this.#client) throw new Error('the lab has not started');
    return this.#client;
  }

  async openBundled(network: string | null, data: string | null): Promise<void> {
    await this.#opening(async () => {
      if (data !== null && !(await this.#openBundledData(data))) return;
      if (network !== null) await this.#openBundledNetwork(network);
    });
  }

  async #openBundledData(id: string): Promise<boolean> {
    const set = DATA_SETS.find((d) => d.id === id);
    if (!set) return false;
    this.store.set({ opening: t('opening.file', { name: t(set.title) }) });
    try {
      const opened = set.generated
        ? await this.client.generateData(set.generated)
        : await this.client.openDataAssets(
            set.files.map((path) => ({ name: path.split('/').pop() ?? path, source: asset(path) })),
            id,
          );
      this.store.set({ data: { ...opened, name: id }, dataId: id });
      return true;
    } catch (error) {
      this.problem('problem.data', t(set.title), error);
      return false;
    }
  }

  async #openBundledNetwork(name: string): Promise<void> {
    this.store.set({ opening: t('opening.file', { name }) });
    try {
      const { opened, bytes } = await this.client.openModelAsset(networkAsset(name), name);
      await this.archive.keepModel({ key: opened.key, name, bytes });
      this.store.set({ model: await this.#opened(opened, bytes), modelId: name });
    } catch (error) {
      this.problem('problem.model', `${name}.onnx`, error);
    }
  }

  /**
   * Openings go one after the other; after the last, what is known of this model and data is shown, and the original is measured if it is
   * new. A measurement under way gives way to an opening; a recipe does not.
   */
  async #opening(work: () => Promise<void>): Promise<void> {
    const { active } = this.state;
    if (active && !active.measuring) {
      this.problem('problem.busy', t('run.number', { n: active.number }), { code: 'BUSY' });
      return;
    }
    if (active) this.cancel();
    const generation = ++this.#generation;
    const done = this.#queue.then(async () => {
      try {
        await work();
      } finally {
        if (generation === this.#generation) this.store.set({ opening: '' });
      }
      if (generation === this.#generation) await this.#showFamily();
    });
    this.#queue = done.catch((error) => this.problem('problem.open', this.state.model?.name ?? '', error));
    await this.#queue;
  }

  family(): string {
    const { model, data, limits } = this.state;
    return model ? `${model.key}|${data?.key ?? ''}|${limits.test}` : '';
  }

  async #showFamily(): Promise<void> {
    const family = this.family();
    if (!family) return;
    const { points, runs } = await this.archive.family(family);
    const known = runs.map((run) => (run.state === 'running' || run.state === 'paused' ? { ...run, state: 'cancelled' as const } : run));
    this.store.set({ points, runs: known, pinned: [], layer: '', selected: points.at(-1)?.id ?? '' });
    this.#writeAddress();
    if (!points.some((p) => p.run === '')) await this.#measureOriginal();
  }

  async openFiles(files: File[]): Promise<void> {
    const data: NamedBytes[] = [];
    const parts: NamedBytes[] = [];
    for (const file of files) {
      let bytes: Uint8Array;
      try {
        bytes = new Uint8Array(await file.arrayBuffer());
      } catch (error) {
        this.problem('problem.file', file.name, fileProblem(file, error));
        continue;
      }
      const kind = sniff(bytes.subarray(0, 64));
      if (kind === 'data') data.push({ name: file.name, bytes });
      else if (kind === 'model') parts.push({ name: file.name, bytes });
      else this.#openRecipe(file.name, bytes);
    }
    const { model, weights } = chooseModel(parts);
    if (data.length > 0 || model) {
      await this.#opening(async () => {
        if (data.length > 0) await this.#openDataFiles(data);
        if (model) await this.#openModelFile(model.name, model.bytes, weights);
      });
    }
  }

  /** Where there is storage at all, it is told that this network does not fit. */
  async #keep(model: StoredModel): Promise<void> {
    if ((await this.archive.keepModel(model)) || !(await this.archive.persistent())) return;
    this.problem('problem.keep', model.name, { code: 'NOT_KEPT', message: t('why.no-room', { size: asBytes(model.bytes.length) }) });
  }

  #openRecipe(name: string, bytes: Uint8Array): void {
    const recipe = parseRecipe(new TextDecoder().decode(bytes));
    if (recipe) this.setRecipe(recipe);
    else this.problem('problem.recipe', name, { code: 'BAD_RECIPE', message: t('why.recipe') });
  }

  async #openModelFile(fileName: string, given: Uint8Array, weights: NamedBytes[]): Promise<void> {
    const name = fileName.replace(/\.onnx$/i, '');
    this.store.set({ opening: t('opening.file', { name: fileName }) });
    try {
      const { opened, bytes } =
        weights.length > 0
          ? await this.client.openModelParts(given, name, weights)
          : { opened: await this.client.openModel(given, name), bytes: given };
      await this.#keep({ key: opened.key, name, bytes });
      this.store.set({ model: await this.#opened(opened, bytes), modelId: '' });
    } catch (error) {
      this.problem('problem.model', fileName, error);
    }
  }

  /** Images and labels often come one after the other: the first waits for the second. */
  async #openDataFiles(given: { name: string; bytes: Uint8Array }[]): Promise<void> {
    const files = this.#held && given.length === 1 ? [this.#held, ...given] : given;
    const names = files.map((f) => f.name).join(', ');
    this.store.set({ opening: t('opening.file', { name: names }) });
    try {
      const opened = await this.client.openData(files, names);
      this.#held = null;
      this.store.set({ data: opened, dataId: '' });
    } catch (error) {
      this.#held = files.length === 1 ? (files[0] ?? null) : null;
      this.problem('problem.data', names, error);
    }
  }

  // ---- recipe --------------------------------------------------------------------------------------------------

  setRecipe(recipe: Recipe, what = ''): void {
    this.#history.push(recipe, what);
    this.#showRecipe();
  }

  undo(): void {
    this.#history.undo();
    this.#showRecipe();
  }

  redo(): void {
    this.#history.redo();
    this.#showRecipe();
  }

  #showRecipe(): void {
    this.store.set({ recipe: this.#history.current, canUndo: this.#history.canUndo, canRedo: this.#history.canRedo });
    this.#writeAddress();
  }

  #writeAddress(): void {
    const { recipe, modelId, dataId, limits } = this.state;
    const hash = writeAddress({ recipe, model: modelId, data: dataId, test: limits.test, train: limits.train });
    if (hash !== location.hash) history.replaceState(null, '', hash);
  }

  /** Somebody put another address into the bar. */
  readAddress(): void {
    const address = readAddress(location.hash);
    if (address.recipe && JSON.stringify(address.recipe) !== JSON.stringify(this.state.recipe)) this.setRecipe(address.recipe);
  }

  async setLimits(test: number, train: number): Promise<void> {
    const changed = test !== this.state.limits.test;
    this.store.set({ limits: { test, train } });
    this.#writeAddress();
    if (changed && this.state.model && !this.state.active) await this.#showFamily();
  }

  // ---- running -------------------------------------------------------------------------------------------------

  async #measureOriginal(): Promise<void> {
    const run = this.#newRun({ seed: 1, steps: [] }, true);
    await this.#work(run);
  }

  async run(): Promise<void> {
    const { model, recipe, facts } = this.state;
    if (recipe.steps.some(({ pass }) => !facts?.passes.some(({ name }) => name === pass))) await this.#widen().catch(() => undefined);
    if (this.state.active || !model || recipe.steps.length === 0) return;
    await this.#work(this.#newRun(recipe, false));
  }

  /** Goes on with a run that a reload or a crash cut off. */
  async goOn(record: RunRecord): Promise<void> {
    if (this.state.active || !record.checkpoint) return;
    await this.#work({ ...record, state: 'running' });
  }

  #newRun(recipe: Recipe, measuring: boolean): RunRecord {
    const number = measuring ? 0 : Math.max(0, ...this.state.runs.map((r) => r.number)) + 1;
    return {
      id: measuring ? '' : `${Date.now().toString(36)}-${number}`,
      family: this.family(),
      number,
      recipe,
      created: Date.now(),
      state: 'running',
      limits: this.state.limits,
    };
  }

  async #work(run: RunRecord): Promise<void> {
    const { model, data } = this.state;
    if (!model) return;
    let record = run;
    const started = performance.now();
    const active: ActiveRun = {
      id: run.id,
      number: run.number,
      recipe: run.recipe,
      state: 'running',
      progress: null,
      secondsLeft: null,
      history: [],
      finished: 0,
      measuring: run.id === '',
    };
    this.#cancelled = false;
    this.store.set({ active });
    this.#keepRun(record);
    const onEvent = (event: RunEvent) => {
      if (event.type === 'progress') this.#onProgress(event, started);
      else if (event.type === 'step') this.#onStep(record, event);
      else {
        record = { ...record, checkpoint: event.bytes };
        this.#keepRun(record);
      }
    };
    try {
      const models = await this.#namedModels(run.recipe);
      await this.#needModel(model.key);
      const outcome = this.#cancelled
        ? 'cancelled'
        : await this.client.run(
            {
              modelKey: model.key,
              dataKey: data?.key ?? null,
              recipe: run.recipe,
              limits: run.limits,
              models,
              ...(run.checkpoint ? { checkpoint: run.checkpoint } : {}),
            },
            callback(onEvent),
          );
      const { checkpoint: _done, ...rest } = record;
      record = outcome === 'finished' ? { ...rest, state: 'finished' } : { ...record, state: 'cancelled' };
    } catch (error) {
      record = { ...record, state: 'failed', message: asFailure(error).message };
      this.problem(
        run.id === '' ? 'problem.measure' : 'problem.run',
        run.id === '' ? model.name : t('run.number', { n: run.number }),
        error,
      );
    }
    this.#keepRun(record);
    this.store.set({ active: null });
  }

  #keepRun(record: RunRecord): void {
    if (record.id === '') return;
    this.store.set({ runs: [...this.state.runs.filter((r) => r.id !== record.id), record].sort((a, b) => a.created - b.created) });
    void this.archive.keepRun(record);
  }

  #onProgress(event: Extract<RunEvent, { type: 'progress' }>, started: number): void {
    const { active } = this.state;
    if (!active) return;
    const { progress } = event;
    const seconds = (performance.now() - started) / 1000;
    const share = progress.total > 0 ? progress.done / progress.total : 0;
    const secondsLeft = share > 0.02 && seconds > 0.5 ? (seconds * (1 - share)) / share : null;
    const last = active.history.at(-1);
    const moved = !last || last.loss !== progress.loss || last.accuracy !== progress.accuracy;
    const history = moved
      ? [...active.history.slice(-399), { at: progress.done, loss: progress.loss, accuracy: progress.accuracy }]
      : active.history;
    this.store.set({ active: { ...active, progress, secondsLeft, history } });
  }

  #onStep(run: RunRecord, event: Extract<RunEvent, { type: 'step' }>): void {
    const { active, points, model } = this.state;
    const original = event.index === 0;
    if (active) this.store.set({ active: { ...active, finished: event.index } });
    const point: Point = {
      id: original ? `${run.family}:original` : `${run.id}:${event.index}`,
      family: run.family,
      run: original ? '' : run.id,
      index: event.index,
      created: original ? 0 : run.created,
      label: original ? (model?.name ?? '') : `${run.number}.${event.index}`,
      recipe: run.recipe,
      step: event.step,
      build: event.build,
      kernels: event.kernels,
      // The original stays the file as it was given.
      modelKey: original && model ? model.key : event.modelKey,
    };
    if (original && points.some((p) => p.id === point.id)) return;
    this.store.set({ points: [...points.filter((p) => p.id !== point.id), point], selected: point.id });
    if (!original) void this.#keep({ key: event.modelKey, name: `${model?.name ?? 'model'}-${point.label}`, bytes: event.bytes });
    void this.archive.keepPoint(point);
  }

  /** A recipe names other models: bundled networks, or points of this family by their label. */
  async #namedModels(recipe: Recipe): Promise<Record<string, string>> {
    const named: Record<string, string> = {};
    const passes = this.state.facts?.passes ?? [];
    for (const step of recipe.steps) {
      const params = passes.find((p) => p.name === step.pass)?.params ?? [];
      for (const param of params.filter((p) => p.type === 'model')) {
        const name = step[param.name];
        if (typeof name !== 'string' || name === 'original' || name === '' || name in named) continue;
        const point = this.state.points.find((p) => p.label === name);
        if (point) {
          await this.#needModel(point.modelKey);
          named[name] = point.modelKey;
        } else if (NETWORKS.includes(name)) {
          named[name] = (await this.client.openModelAsset(networkAsset(name), name)).opened.key;
        }
      }
    }
    return named;
  }

  /** Sees to it that the worker has this model open. */
  async #needModel(key: string): Promise<void> {
    if (await this.client.isOpen(key)) return;
    const stored = await this.archive.model(key);
    if (!stored) throw new Error(t('why.no-bytes'));
    await this.client.openModel(handOver(stored.bytes.slice()), stored.name);
  }

  /** Work on a model of the archive, which the worker may have closed since. */
  async withModel<T>(key: string, work: () => Promise<T>): Promise<T> {
    await this.#needModel(key);
    return work();
  }

  pause(): void {
    const { active } = this.state;
    if (!active || active.measuring) return;
    const paused = active.state === 'running';
    this.store.set({ active: { ...active, state: paused ? 'paused' : 'running' } });
    void this.client.pause(paused);
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.state.active) void this.client.cancel();
  }

  // ---- looking and taking away ---------------------------------------------------------------------------------

  get original(): Point | undefined {
    return this.state.points.find((p) => p.run === '');
  }

  get selected(): Point | undefined {
    return this.state.points.find((p) => p.id === this.state.selected) ?? this.original;
  }

  select(id: string): void {
    this.store.set({ selected: id });
  }

  togglePin(id: string): void {
    const { pinned } = this.state;
    this.store.set({ pinned: pinned.includes(id) ? pinned.filter((p) => p !== id) : [...pinned, id].slice(-2) });
  }

  async modelBytes(point: Point): Promise<Uint8Array | null> {
    return (await this.archive.model(point.modelKey))?.bytes ?? null;
  }

  async forgetRun(id: string): Promise<void> {
    const points = this.state.points.filter((p) => p.run !== id);
    const ids = new Set(points.map((p) => p.id));
    this.store.set({
      points,
      runs: this.state.runs.filter((r) => r.id !== id),
      pinned: this.state.pinned.filter((p) => ids.has(p)),
      selected: ids.has(this.state.selected) ? this.state.selected : (this.original?.id ?? ''),
    });
    await this.archive.forgetRun(id);
  }

  reportOf(point: Point): unknown {
    const { facts, points, data, limits } = this.state;
    const steps = [this.original, ...points.filter((p) => p.run !== '' && p.run === point.run && p.index <= point.index)]
      .filter((p) => p !== undefined)
      .map((p) => p.step);
    return {
      pare: { version: facts?.version, build: point.build },
      model: this.state.model?.name ?? null,
      data: data ? { ...data.info, limit_test: limits.test, limit_train: limits.train } : null,
      recipe: point.recipe,
      steps,
    };
  }

  openedNames(): { model: OpenedModel | null; data: OpenedData | null } {
    return { model: this.state.model, data: this.state.data };
  }
}

export const app = new LabState();
