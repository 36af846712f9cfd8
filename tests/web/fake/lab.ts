/**
 * A stand-in for the core, for looking at the page and for tests of the page alone: same calls, invented numbers, no network is run.
 * It is never shipped. Numbers depend only on the recipe, so that pictures are the same every time.
 */
import type {
  Dataset,
  EvaluationReport,
  Job,
  Lab,
  LayerReport,
  Model,
  ModelInfo,
  PassInfo,
  Progress,
  Recipe,
  RecipeOptions,
  Report,
  Step,
} from '../../../wasm/js/types.ts';

const CLASSES = ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'];

class FakeError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const PASSES: PassInfo[] = [
  {
    name: 'prune',
    title: 'Prune weights',
    help: 'Sets the least useful weights to zero.',
    kind: 'prune',
    needsData: false,
    params: [
      {
        name: 'amount',
        type: 'float',
        minimum: 0,
        maximum: 1,
        default: 0.5,
        unit: '',
        help: 'Share of the weights to remove.',
        required: false,
      },
      {
        name: 'criterion',
        type: 'choice',
        choices: ['l1', 'random'],
        default: 'l1',
        unit: '',
        help: 'Which weights go first.',
        required: false,
      },
      {
        name: 'scope',
        type: 'choice',
        choices: ['layer', 'global'],
        default: 'layer',
        unit: '',
        help: 'Rank within each layer or over all of them.',
        required: false,
      },
      {
        name: 'parameters',
        type: 'choice',
        choices: ['weight', 'bias', 'both'],
        default: 'weight',
        unit: '',
        help: 'Which parameters are pruned.',
        required: false,
      },
      { name: 'layers', type: 'layers', unit: '', help: 'Only these layers; none chosen: all.', required: false },
      { name: 'exclude', type: 'layers', unit: '', help: 'Not these layers.', required: false },
    ],
  },
  {
    name: 'train',
    title: 'Train',
    help: 'Trains the network on the training samples; pruned weights stay zero.',
    kind: 'train',
    needsData: true,
    params: [
      {
        name: 'epochs',
        type: 'int',
        minimum: 1,
        maximum: 1000,
        default: 1,
        unit: 'epochs',
        help: 'Passes over the training samples.',
        required: false,
      },
      { name: 'rate', type: 'float', minimum: 0, maximum: 10, default: 0.01, unit: '', help: 'The first learning rate.', required: false },
      {
        name: 'optimizer',
        type: 'choice',
        choices: ['sgd', 'adam', 'adamw'],
        default: 'sgd',
        unit: '',
        help: 'How a gradient becomes a step.',
        required: false,
      },
      {
        name: 'batch',
        type: 'int',
        minimum: 1,
        maximum: 4096,
        default: 64,
        unit: 'samples',
        help: 'Samples for each step.',
        required: false,
      },
      { name: 'nesterov', type: 'bool', default: false, unit: '', help: 'Looks ahead before it steps.', required: false },
    ],
  },
  {
    name: 'distill',
    title: 'Distil',
    help: 'Trains the network to answer like a teacher.',
    kind: 'distill',
    needsData: true,
    params: [
      { name: 'teacher', type: 'model', default: 'original', unit: '', help: 'The network to learn from.', required: true },
      {
        name: 'temperature',
        type: 'float',
        minimum: 0.1,
        maximum: 100,
        default: 4,
        unit: '',
        help: 'Softens both answers.',
        required: false,
      },
    ],
  },
  {
    name: 'quantize',
    title: 'Quantize to int8',
    help: 'Calibrates on samples and computes in int8.',
    kind: 'quantize',
    needsData: true,
    params: [],
  },
];

const LAYERS: [string, string, number[], number, number][] = [
  ['/0/Conv', 'Conv', [1, 6, 28, 28], 156, 117_600],
  ['/1/Relu', 'Relu', [1, 6, 28, 28], 0, 0],
  ['/2/MaxPool', 'MaxPool', [1, 6, 14, 14], 0, 0],
  ['/3/Conv', 'Conv', [1, 16, 10, 10], 2416, 240_000],
  ['/5/MaxPool', 'MaxPool', [1, 16, 5, 5], 0, 0],
  ['/7/Gemm', 'Gemm', [1, 120], 48_120, 48_000],
  ['/9/Gemm', 'Gemm', [1, 84], 10_164, 10_080],
  ['/11/Gemm', 'Gemm', [1, 10], 850, 840],
];

interface Facts {
  accuracy: number;
  sparsity: number;
  bits: number;
  name: string;
}

function layerReports(f: Facts, original: boolean): LayerReport[] {
  return LAYERS.map(([name, op, shape, parameters, macs]) => ({
    name,
    op,
    shape,
    parameters,
    nonzeros: Math.round(parameters * (1 - f.sparsity)),
    sparsity: parameters > 0 ? f.sparsity : null,
    bits: parameters > 0 ? f.bits : null,
    bytes: (parameters * f.bits) / 8,
    entropy_bytes: ((parameters * f.bits) / 8) * (1 - f.sparsity) * 0.9,
    macs,
    effective_macs: Math.round(macs * (1 - f.sparsity)),
    time_ms: 0.002 + macs / 6e6 / (f.bits === 8 ? 2 : 1),
    sqnr_db: original ? null : f.bits === 8 ? 31.2 : 60,
    kernel: op === 'Conv' || op === 'Gemm' ? 'f32_gemm simd128 4x8' : '',
  }));
}

function stepOf(f: Facts, name: string, pass: string | null, kind: string, describe: string, total: number): Step {
  const layers = layerReports(f, pass === null);
  const sum = (pick: (l: LayerReport) => number | null) => layers.reduce((s, l) => s + (pick(l) ?? 0), 0);
  const right = Math.round(f.accuracy * total);
  return {
    name,
    pass,
    kind,
    describe,
    accuracy: right / total,
    right,
    total,
    loss: 2.5 * (1 - f.accuracy) + 0.03,
    confusion: CLASSES.map((_, i) =>
      CLASSES.map((_, j) =>
        i === j ? Math.round((total / 10) * f.accuracy) : (i * 7 + j * 3) % 4 === 0 ? Math.round((total / 30) * (1 - f.accuracy)) : 0,
      ),
    ),
    parameters: sum((l) => l.parameters),
    nonzeros: sum((l) => l.nonzeros),
    bytes: sum((l) => l.bytes),
    entropy_bytes: sum((l) => l.entropy_bytes),
    file_bytes: 1500 + sum((l) => l.bytes),
    macs: sum((l) => l.macs),
    effective_macs: sum((l) => l.effective_macs),
    peak_bytes: 31_000 + f.bits * 100,
    latency_ms: sum((l) => l.time_ms),
    seconds: 1,
    layers,
    details: pass ? { pruned: 100, note: 'A sentence of the pass.' } : {},
  };
}

class FakeModel implements Model {
  constructor(
    readonly bytes: Uint8Array,
    readonly facts: Facts,
  ) {}
  info(): ModelInfo {
    return {
      inputs: [{ name: 'image', dtype: 'f32', shape: [-1, 1, 28, 28] }],
      outputs: [{ name: 'logits', dtype: 'f32', shape: [-1, 10] }],
      layers: LAYERS.map(([name, op, shape, parameters, macs]) => ({ name, op, shape, parameters, bytes: parameters * 4, macs })),
      unsupported: [],
      runs: true,
      problem: null,
    };
  }
  save(): Uint8Array {
    return this.bytes.slice();
  }
  weights() {
    return ['0.weight', '3.weight', '7.weight'].map((name, k) => ({
      name,
      dtype: 'f32',
      shape: [40, 50],
      data: Float32Array.from({ length: 2000 }, (_, i) => {
        const value = Math.sin(i * 12.9898 + k) * Math.cos(i * 78.233) * 0.4;
        return Math.abs(value) < this.facts.sparsity * 0.25 ? 0 : value;
      }),
    }));
  }
  weightsSha256(): string {
    return '0'.repeat(64);
  }
  session(): never {
    throw new FakeError('UNSUPPORTED', 'the stand-in runs no network');
  }
  async evaluate(data: Dataset, options: { limit?: number } = {}): Promise<EvaluationReport> {
    const total = options.limit || data.info().n_test;
    const labels = data.samples('test', 0, total).labels;
    const answers = [...labels].map((l, i) => ((i * 37) % 100 < this.facts.accuracy * 100 ? l : (l + 1 + (i % 3)) % 10));
    return { right: 0, total, accuracy: this.facts.accuracy, loss: 0, confusion: [], answers };
  }
  run(): never {
    throw new FakeError('UNSUPPORTED', 'use startRecipe');
  }
  free(): void {}
}

class FakeData implements Dataset {
  constructor(
    readonly name: string,
    readonly train: number,
    readonly test: number,
  ) {}
  info() {
    return {
      name: this.name,
      sample_shape: [28, 28],
      dtype: 'u8',
      n_classes: 10,
      class_names: null,
      n_train: this.train,
      n_test: this.test,
      single: false,
    };
  }
  samples(_split: 'train' | 'test', first: number, count: number) {
    const pixels = new Float32Array(count * 784);
    for (let i = 0; i < pixels.length; i++) {
      const [y, x] = [Math.floor((i % 784) / 28), i % 28];
      pixels[i] = Math.hypot(y - 14, x - 14) < 6 + ((first + Math.floor(i / 784)) % 6) ? 0.8 : 0;
    }
    return { pixels, labels: Int32Array.from({ length: count }, (_, i) => (first + i) % 10) };
  }
  free(): void {}
}

class FakeJob implements Job {
  readonly steps: Step[];
  readonly models: FakeModel[];
  #done = 0;
  #before = 0;
  constructor(
    model: FakeModel,
    readonly recipe: Recipe,
    options: RecipeOptions,
  ) {
    for (const [i, step] of recipe.steps.entries()) {
      const pass = PASSES.find((p) => p.name === step.pass);
      if (!pass) throw new FakeError('BAD_RECIPE', `step ${i + 1}: there is no pass '${step.pass}'`);
      if (step.amount !== undefined && !((step.amount as number) <= 1))
        throw new FakeError('BAD_RECIPE', `step ${i + 1} (${step.pass}): amount ${String(step.amount)} is not in 0..1`);
    }
    this.total = options.limitTest || (options.data as FakeData | undefined)?.test || 1000;
    this.models = [model];
    this.steps = [stepOf(model.facts, 'original', null, 'original', 'as given', this.total)];
  }
  readonly total: number;
  step(budgetMs: number): Progress {
    const end = performance.now() + budgetMs;
    while (performance.now() < end);
    const each = 1000;
    const total = each * (1 + this.recipe.steps.length);
    const slow = this.recipe.steps.some((s) => (s.epochs as number) > 10);
    const by = this.recipe.steps.length === 0 ? 500 : slow && this.#before > 0 ? 1 : 60;
    this.#done = Math.min(total, this.#done + by);
    const at = Math.floor(this.#done / each);
    while (this.#before < at - 1 || (this.#done === total && this.#before < this.recipe.steps.length)) this.#finish(this.#before++);
    const i = Math.min(this.recipe.steps.length, Math.max(1, at));
    const pass = this.recipe.steps[i - 1]?.pass ?? 'measure';
    const x = (this.#done % each) / each;
    return {
      done: this.#done,
      total,
      loss: pass === 'train' ? 0.9 * Math.exp(-2 * x) + 0.05 * Math.sin(this.#done) : null,
      accuracy: pass === 'train' ? 0.7 + 0.2 * x : null,
      stage: `${i}/${this.recipe.steps.length} ${pass}`,
      finished: this.#done === total,
    };
  }
  #finish(i: number): void {
    const step = this.recipe.steps[i];
    const last = this.models.at(-1);
    if (!step || !last) return;
    const pass = PASSES.find((p) => p.name === step.pass) as PassInfo;
    const f = { ...last.facts };
    if (step.pass === 'prune') {
      f.sparsity = (step.amount as number | undefined) ?? 0.5;
      f.accuracy -= f.sparsity ** 3 * 0.2;
    } else if (step.pass === 'train' || step.pass === 'distill') f.accuracy = f.accuracy + (0.91 - f.accuracy) * 0.8;
    else {
      f.bits = 8;
      f.accuracy -= 0.002;
    }
    const bytes = last.bytes.slice();
    bytes[bytes.length - 1] = ((bytes[bytes.length - 1] ?? 0) + i + 1 + Math.round(f.sparsity * 100)) & 255;
    this.models.push(new FakeModel(bytes, f));
    this.steps.push(stepOf(f, `${i + 1} ${step.pass}`, step.pass, pass.kind, `${step.pass} as asked`, this.total));
  }
  report(): Report {
    return {
      pare: { version: '0.0.0', build: 'stand-in', numerics: 'exact', kernels: [] },
      model: null,
      data: null,
      recipe: this.recipe,
      weights_sha256: '',
      steps: this.steps,
    };
  }
  model(i: number): Model {
    return (i < 0 ? this.models.at(-1) : this.models[i]) as Model;
  }
  checkpoint(): Uint8Array {
    return new TextEncoder().encode('stand-in');
  }
  free(): void {}
}

export async function createLab(): Promise<Lab> {
  return {
    version: '0.0.0',
    build: 'stand-in',
    schema: () => ({}),
    passes: () => PASSES,
    loadModel: (bytes) => {
      if (bytes.length < 2000 || bytes[0] !== 8) throw new FakeError('BAD_MODEL', 'byte 0: this is not an ONNX model');
      return new FakeModel(bytes, { accuracy: 0.907, sparsity: 0, bits: 32, name: 'x' });
    },
    loadDataset: (files) => {
      if (files.length !== 2 && files.length !== 4)
        throw new FakeError('BAD_DATA', `${files.length} file given: images and labels are needed`);
      return new FakeData('files', 6000, 2000);
    },
    generateDataset: (kind) => new FakeData(kind, 3000, 1000),
    startRecipe: (model, recipe, options = {}) => new FakeJob(model as FakeModel, recipe, options),
    resumeRecipe: () => {
      throw new FakeError('UNSUPPORTED', 'the stand-in resumes nothing');
    },
  };
}
