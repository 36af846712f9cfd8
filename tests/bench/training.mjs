/** Training races: Pare natively or in Chromium against PyTorch, both on Fashion-MNIST in batches of 64, a burst of one after a burst of the other. */
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { asked } from './asked.mjs';
import { MODELS, modelPath } from './models.mjs';
import { INFER } from './native.mjs';
import { BENCH, ROOT } from './places.mjs';
import { race } from './race.mjs';

const PYTHON = '/usr/bin/python3';
const DATA = process.env.PARE_DATA ?? '/usr/share/datasets/fashion-mnist';
const FILES = ['train', 't10k'].flatMap((part) => [`${part}-images-idx3-ubyte.gz`, `${part}-labels-idx1-ubyte.gz`]);
/** All start from the same weights; whoever has a larger loss at the end of its bursts did not train. */
const LEARNED = 2.25; // ten classes by chance: 2.30

/** One thread; the right OpenBLAS kernels for this processor are its own choice. */
function torchEnvironment() {
  const { OPENBLAS_CORETYPE: _, ...rest } = process.env;
  return { ...rest, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
}

async function programTrainer(program, ask, { id, batch, numerics, network }, model) {
  const name = id.replaceAll(' ', '_');
  const said = await ask(`train ${name} ${batch} ${numerics} ${model}`);
  if (said.includes('reference BLAS')) throw new Error(`${said}: too slow to compare with (apt-get install libopenblas0-pthread)`);
  const ran = said.startsWith('{') ? JSON.parse(said).pare : { build: said };
  return {
    id,
    network,
    ran,
    run: async (n) => Number(await ask(`step ${name} ${n}`)),
    loss: async () => Number(await ask(`loss ${name}`)),
    program,
  };
}

/** What the page can fetch: links to the data beside the models. */
export function dataForPage() {
  const folder = join(BENCH, 'fashion-mnist');
  mkdirSync(folder, { recursive: true });
  for (const name of FILES) if (!existsSync(join(folder, name))) symlinkSync(join(DATA, name), join(folder, name));
  return FILES.map((name) => `/build/bench/fashion-mnist/${name}`);
}

async function pageTrainer(page, { id, batch, numerics, network }) {
  const file = modelPath(network, 'f32').slice(ROOT.length);
  const ran = await page.evaluate(
    async (wanted) => {
      window.bench = await import('/tests/bench/page.mjs');
      return window.bench.openTrainer(wanted);
    },
    { file, batch, numerics, data: dataForPage() },
  );
  return {
    id,
    ran,
    run: (n) => page.evaluate((n) => window.bench.train(n), n),
    loss: () => page.evaluate(() => window.bench.trainingLoss()),
  };
}

const OPENERS = {
  pare: (open, one) => programTrainer('pare', open.infer().ask, one, modelPath(one.network, 'f32')),
  torch: (open, one) => programTrainer('torch', open.torch().ask, one, join(MODELS, one.network)),
  page: async (open, one) => pageTrainer(await open.page(), one),
};

/** Programs and pages are started when a contestant needs them. */
function openings(chromium) {
  const kept = {};
  const once = (name, make) => () => (kept[name] ??= make());
  return {
    infer: once('infer', () => asked(INFER)),
    torch: once('torch', () => {
      if (!existsSync(PYTHON)) throw new Error(`there is no ${PYTHON} (apt-get install python3-torch libopenblas0-pthread)`);
      return asked(PYTHON, [join(ROOT, 'tests/bench/train_torch.py'), DATA], { env: torchEnvironment() });
    }),
    page: once('page', async () => (await chromium()).freshPage()),
    async close() {
      kept.infer?.close();
      kept.torch?.close();
      await (await kept.page)?.close();
    },
  };
}

export async function raceTraining({ contestants }, options, chromium) {
  const open = openings(chromium);
  const results = {};
  try {
    const field = [];
    for (const one of contestants) {
      const trainer = await OPENERS[one.engine](open, one).catch((error) => ({ error: error.message }));
      results[one.id] = trainer.error ? { error: trainer.error } : { ran: trainer.ran };
      if (!trainer.error) field.push(trainer);
    }
    const times = await race(field, { ...options, sampleMs: 200 });
    for (const { id, loss } of field) {
      results[id].loss = await loss();
      if (!(results[id].loss < LEARNED)) results[id].error = `it did not learn: loss ${results[id].loss}`;
    }
    // A piece of work is one image.
    for (const { id, batch } of contestants) if (times[id]) times[id] = times[id].map((ms) => ms / batch);
    return { results, times };
  } finally {
    await open.close();
  }
}
