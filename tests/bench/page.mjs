/**
 * Runs in Chromium: the contestants of one race. chromium.mjs calls `open` with their descriptions, compares their answers, and then calls `start`.
 * Every engine gets its input as a typed array and hands its answer out as one, each time: what a page has to do.
 */
import { race, timed, timedSync } from './race.mjs';

const PEERS = '/build/bench/peers/node_modules/';
const ORT = `${PEERS}onnxruntime-web/dist/`;
const TF_WASM = `${PEERS}@tensorflow/tfjs-backend-wasm/dist/`;

const bytesOf = async (address) => {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

/** One module instance for all contestants of a kind, as a page would have it. */
const labs = new Map();
async function labOf(wasm) {
  if (!labs.has(wasm)) {
    const { createLab } = await import('/build/npm/browser.js');
    labs.set(wasm, await createLab(wasm ? { wasm } : {}));
  }
  return labs.get(wasm);
}

/** The core that ran and the kernels it chose. */
function described(lab, model, numerics) {
  const job = lab.startRecipe(model, { steps: [] }, { numerics });
  const { build, kernels } = job.report().pare;
  job.free();
  return { build, kernels };
}

async function openPare({ file, batch, numerics, module, input }) {
  const lab = await labOf(module);
  const model = lab.loadModel(await bytesOf(file));
  const session = model.session({ batch, numerics });
  const given = { x: input.data };
  return {
    once: () => session.run(given).y,
    sync: true,
    ran: described(lab, model, numerics),
    close: () => {
      session.free();
      model.free();
    },
  };
}

async function openOrt({ file, input }) {
  const ort = await import(`${ORT}ort.wasm.min.mjs`);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = ORT;
  const session = await ort.InferenceSession.create(await bytesOf(file), { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });
  const feeds = { x: new ort.Tensor('float32', input.data, input.dims) };
  return {
    once: async () => (await session.run(feeds)).y.data,
    ran: { build: `onnxruntime-web ${ort.env.versions.web}` },
    close: () => session.release(),
  };
}

const script = (src) =>
  new Promise((done, failed) =>
    document.head.append(Object.assign(document.createElement('script'), { src, onload: done, onerror: failed })),
  );

async function tensorflow() {
  if (!window.tf) {
    await script(`${PEERS}@tensorflow/tfjs/dist/tf.min.js`);
    await script(`${TF_WASM}tf-backend-wasm.min.js`);
    window.tf.wasm.setWasmPaths(TF_WASM);
    await window.tf.setBackend('wasm');
  }
  return window.tf;
}

/** Kernels in TensorFlow.js's layouts (NHWC), made once. */
function tfWeights(tf, net, buffer) {
  const tensor = ({ dims, at }) =>
    tf.tensor(
      new Float32Array(
        buffer,
        at * 4,
        dims.reduce((a, b) => a * b, 1),
      ),
      dims,
    );
  const shapes = { x: net.input };
  const made = {};
  for (const { op, inputs, output, shape, weight, bias, groups } of net.layers) {
    shapes[output] = op === 'flatten' ? shapes[inputs[0]] : shape;
    if (!weight) continue;
    const w = tensor(net.weights[weight]);
    if (op === 'conv') made[weight] = w.transpose(groups > 1 ? [2, 3, 0, 1] : [2, 3, 1, 0]);
    else {
      const before = shapes[inputs[0]];
      const split = before.length === 3 ? w.reshape([shape[0], ...before]).transpose([2, 3, 1, 0]) : w.transpose();
      made[weight] = split.reshape([-1, shape[0]]);
    }
    made[bias] = tensor(net.weights[bias]);
  }
  return made;
}

/** Fused operators, which is what TensorFlow.js's own converter makes of such a network. */
function tfLayer(tf, layer, [a, b], weights) {
  const { op, weight, bias, stride, pad, groups, act } = layer;
  const activation = act ?? 'linear';
  switch (op) {
    case 'conv': {
      const args = { x: a, filter: weights[weight], strides: stride, pad, dimRoundingMode: 'floor', bias: weights[bias], activation };
      return groups > 1 ? tf.fused.depthwiseConv2d(args) : tf.fused.conv2d(args);
    }
    case 'dense':
      return tf.fused.matMul({ a, b: weights[weight], bias: weights[bias], activation });
    case 'add':
      return act === 'relu' ? tf.relu(tf.add(a, b)) : tf.add(a, b);
    case 'maxpool':
      return tf.maxPool(a, 2, 2, 'valid');
    case 'globalpool':
      return tf.mean(a, [1, 2], true);
    case 'flatten':
      return tf.reshape(a, [a.shape[0], -1]);
    default:
      throw new Error(`TensorFlow.js: no ${op} here`);
  }
}

async function openTf({ layers, input }) {
  const tf = await tensorflow();
  const net = JSON.parse(new TextDecoder().decode(await bytesOf(`${layers}.json`)));
  const weights = tfWeights(tf, net, (await bytesOf(`${layers}.bin`)).buffer);
  // Its layout is NHWC: that is how its user has the image.
  const image = input.dims.length === 4;
  const source = image ? await tf.tensor(input.data, input.dims).transpose([0, 2, 3, 1]).data() : input.data;
  const [n, c, h, w] = input.dims;
  const once = () =>
    tf.tidy(() => {
      const values = { x: tf.tensor(source, image ? [n, h, w, c] : input.dims) };
      let y;
      for (const layer of net.layers) {
        y = tfLayer(
          tf,
          layer,
          layer.inputs.map((name) => values[name]),
          weights,
        );
        values[layer.output] = y;
      }
      return y.dataSync();
    });
  const close = () => tf.dispose(weights);
  return { once, sync: true, ran: { build: `tfjs ${tf.version.tfjs} ${tf.getBackend()}` }, close };
}

const ENGINES = { pare: openPare, ort: openOrt, tfjs: openTf };
let field = [];

/** Makes the contestants ready; for each its answer and what ran, or why it cannot take part. */
export async function open(descriptions) {
  for (const { close } of field) await close();
  field = [];
  const said = [];
  for (const description of descriptions) {
    const { id, engine } = description;
    try {
      const input = { dims: description.input.dims, data: new Float32Array((await bytesOf(description.input.file)).buffer) };
      const made = await ENGINES[engine]({ ...description, input });
      field.push({ id, run: made.sync ? timedSync(made.once) : timed(made.once), close: made.close });
      said.push({ id, ran: made.ran, answer: [...(await made.once())] });
    } catch (error) {
      said.push({ id, error: String(error?.message ?? error) });
    }
  }
  return said;
}

/** id -> times; only those that `ids` names run. */
export const start = (ids, options) =>
  race(
    field.filter(({ id }) => ids.includes(id)),
    options,
  );

/** A training job of Pare; a step without a budget is one batch. */
let job;
export async function openTrainer({ file, batch, numerics, data }) {
  const lab = await labOf();
  const files = await Promise.all(data.map(async (address) => ({ name: address, bytes: await bytesOf(address) })));
  const model = lab.loadModel(await bytesOf(file));
  const recipe = {
    seed: 1,
    steps: [{ pass: 'train', epochs: 1000, batch_size: batch, learning_rate: 0.05, momentum: 0.9, weight_decay: 0, schedule: 'constant' }],
  };
  job = lab.startRecipe(model, recipe, { data: lab.loadDataset(files), numerics, limitTest: 1 });
  while (Number.isNaN(trainingLoss()) || !last.stage.startsWith('1/')) last = job.step(0);
  return described(lab, model, numerics);
}

let last = { stage: '', loss: null };
export const trainingLoss = () => last.loss ?? Number.NaN;
export const train = timedSync(() => {
  last = job.step(0);
});

/** The kernel benchmark's ceilings, by this engine, of the build that a lab said it is. */
export async function ceilings(build) {
  const { runCommand } = await import('./wasi.mjs');
  return JSON.parse(await runCommand(await bytesOf(`/build/${build}/bench_kernels.wasm`), ['--json', '--ceilings']));
}

const pools = {};
export async function openPool({ id, workers, file, data }) {
  const { createPool } = await import('/build/npm/pool_browser.js');
  const pool = await createPool({ workers });
  const files = await Promise.all(data.map(async (address) => ({ name: address, bytes: await bytesOf(address) })));
  const model = await bytesOf(file);
  const once = () => pool.evaluate(model, files);
  pools[id] = { run: timed(once), close: () => pool.close() };
  return once();
}
export const runPool = (id, n) => pools[id].run(n);
export const closePool = (id) => pools[id].close();
