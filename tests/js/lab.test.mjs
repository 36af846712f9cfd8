/** The Node interface: what it gives, and what it says when something is wrong. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { PareError } from 'pare';
import {
  LINKED,
  MODULE,
  NETWORKS,
  allFiles,
  classesOf,
  facts,
  largestDifference,
  modelBytes,
  openLab,
  testFiles,
} from './lab_for_tests.mjs';

const refused =
  (code, ...words) =>
  (error) => {
    assert.ok(error instanceof PareError, `${error}`);
    assert.equal(error.code, code, error.message);
    for (const word of words) assert.ok(error.message.includes(word), `'${error.message}' should say '${word}'`);
    return true;
  };

const PRUNE_TRAIN_QUANTIZE = {
  seed: 1,
  steps: [
    { pass: 'prune', amount: 0.5, scope: 'global' },
    { pass: 'train', epochs: 1, learning_rate: 0.01 },
    { pass: 'quantize', samples: 64 },
  ],
};
const SMALL = { limitTrain: 640, limitTest: 300, budgetMs: 15 };

describe('the Node interface', () => {
  let lab;
  let data;
  before(async () => {
    lab = await openLab();
    data = lab.loadDataset(allFiles());
  });
  const load = (network) => lab.loadModel(modelBytes(network));

  test('the lab says its version and build, and lists the passes with their parameters', () => {
    assert.match(lab.version, /^\d+\.\d+\.\d+$/);
    assert.equal(lab.build, 'wasm-simd');
    assert.equal(lab.schema().type, 'object');
    const passes = lab.passes();
    const names = passes.map((pass) => pass.name);
    for (const pass of ['prune', 'prune_channels', 'train', 'distill', 'init', 'quantize']) assert.ok(names.includes(pass), pass);
    const amount = passes.find((pass) => pass.name === 'prune').params.find((param) => param.name === 'amount');
    assert.deepEqual([amount.type, amount.minimum, amount.maximum], ['float', 0, 1]);
    const scope = passes.find((pass) => pass.name === 'prune').params.find((param) => param.name === 'scope');
    assert.deepEqual(scope.choices.toSorted(), ['global', 'layer']);
  });

  for (const network of NETWORKS) {
    test(`${network} is right as often as PyTorch's, and its first logits are the same`, async () => {
      const known = facts(network);
      const model = load(network);
      const report = await model.evaluate(data);
      assert.equal(report.total, 10_000);
      assert.ok(Math.abs(report.right - known.test_right_of_10000) <= 2, `${report.right}, PyTorch ${known.test_right_of_10000}`);
      assert.ok(Math.abs(report.loss - known.test_loss) < 1e-3, `${report.loss}`);
      assert.equal(
        report.confusion.flat().reduce((a, b) => a + b),
        report.total,
      );
      assert.equal(
        report.confusion.reduce((sum, row, i) => sum + row[i], 0),
        report.right,
      );
      const { pixels } = data.samples('test', 0, 1);
      const session = model.session();
      const { logits } = session.run({ image: pixels });
      assert.equal(logits.length, 10);
      assert.ok(largestDifference(logits, known.first_logits) < 1e-4, `${logits}`);
      session.free();
      model.free();
    });
  }

  test('facts of model and data', () => {
    const info = load('lenet5').info();
    assert.equal(info.runs, true);
    assert.deepEqual(info.unsupported, []);
    assert.equal(info.inputs[0].name, 'image');
    assert.deepEqual(info.inputs[0].shape.slice(1), [1, 28, 28]);
    assert.equal(
      info.layers.reduce((sum, layer) => sum + layer.parameters, 0),
      61_706,
    );
    const set = data.info();
    assert.deepEqual([set.sample_shape, set.n_classes, set.n_train, set.n_test, set.single], [[28, 28], 10, 60_000, 10_000, false]);
  });

  test('the graph: every value that a node reads was made before it, and its layers are those of the table', () => {
    const model = load('resnet8');
    const { nodes, values, inputs } = model.graph();
    const known = new Set([...inputs, ...values.filter(({ constant }) => constant).map(({ name }) => name)]);
    for (const node of nodes) {
      for (const name of node.inputs) assert.ok(name === null || known.has(name), `${node.name} reads ${name}`);
      for (const name of node.outputs) known.add(name);
    }
    const layers = new Set(nodes.map(({ layer }) => layer));
    for (const { name } of model.info().layers) assert.ok(layers.has(name), name);
    const logits = values.find(({ name }) => name === model.graph().outputs[0]);
    assert.deepEqual([logits.dtype, logits.shape, logits.constant], ['f32', [1, 10], false]);
  });

  test('samples: values in 0..1 and labels, as many as there are', () => {
    const { pixels, labels } = data.samples('test', 9_998, 10);
    assert.deepEqual([pixels.length, labels.length], [2 * 784, 2]);
    assert.ok(pixels.every((value) => value >= 0 && value <= 1));
    assert.equal(data.samples('test', 0, 1).labels[0], 9);
    assert.equal(data.samples('train', 0, 1).labels[0], 9);
    assert.equal(data.samples('test', 10_000, 1).labels.length, 0);
  });

  test('weights: names, types, shapes and copies of the values', () => {
    const model = load('lenet5');
    const weights = model.weights();
    assert.equal(
      weights.filter(({ dtype }) => dtype === 'f32').reduce((sum, { data: values }) => sum + values.length, 0),
      61_706,
    );
    for (const weight of weights) {
      assert.ok(weight.name);
      assert.equal(
        weight.data.length,
        weight.shape.reduce((a, b) => a * b, 1),
        weight.name,
      );
    }
    const first = weights.find(({ shape }) => shape.length === 4);
    assert.ok(first.data instanceof Float32Array);
    assert.deepEqual(first.shape.slice(1), [1, 5, 5]);
    const sha = model.weightsSha256();
    assert.match(sha, /^[0-9a-f]{64}$/);
    first.data.fill(0);
    assert.equal(model.weightsSha256(), sha, 'a copy was given');
  });

  test('a session takes shapes by name, and says what is wrong with them', () => {
    const model = load('lenet5');
    const { pixels } = data.samples('test', 0, 2);
    const both = model.session({ shapes: { image: [2, 1, 28, 28] } }).run({ image: pixels }).logits;
    assert.deepEqual(both, model.session({ batch: 2 }).run({ image: pixels }).logits);
    assert.throws(() => model.session({ shapes: { picture: [1, 1, 28, 28] } }), { code: 'BAD_ARGUMENT', message: /no input 'picture'/ });
    assert.throws(() => model.session({ shapes: { image: [1, -1, 28, 28] } }), {
      code: 'BAD_ARGUMENT',
      message: /'image': every dimension/,
    });
    assert.throws(() => model.session({ shapes: { image: Array(9).fill(1) } }), { code: 'BAD_ARGUMENT', message: /9 dimensions/ });
    assert.throws(() => model.session({ shapes: { image: [1, 3, 28, 28] } }), { code: 'BAD_MODEL', message: /Conv/ });
  });

  test('a saved model is the model', () => {
    const model = load('dscnn');
    const again = lab.loadModel(model.save());
    assert.equal(again.weightsSha256(), model.weightsSha256());
    assert.deepEqual(again.info().layers, model.info().layers);
  });

  test('a batch gives what its images give one by one; answers are the classes of its logits', async () => {
    const model = load('lenet5');
    const { pixels } = data.samples('test', 0, 16);
    const { logits } = model.session({ batch: 16 }).run({ image: pixels });
    const one = model.session();
    for (let i = 0; i < 16; i++)
      assert.deepEqual(one.run({ image: pixels.slice(i * 784, (i + 1) * 784) }).logits, logits.slice(i * 10, (i + 1) * 10));
    const { answers } = await model.evaluate(data, { limit: 16, answers: true });
    assert.deepEqual(answers, classesOf(logits, 10));
  });

  test('an input of another size, or none, is refused by name', () => {
    const session = load('lenet5').session({ batch: 2 });
    assert.throws(() => session.run({ image: new Float32Array(784) }), refused('BAD_ARGUMENT', "'image'", '6272'));
    assert.throws(() => session.run({}), refused('BAD_ARGUMENT', "'image'"));
  });

  test('prune, train, quantize: progress grows to its total, every step is measured and kept', async () => {
    const model = load('lenet5');
    const seen = [];
    const { report, steps, model: last } = await model.run(PRUNE_TRAIN_QUANTIZE, { data, ...SMALL, onProgress: (p) => seen.push(p) });
    assert.ok(seen.length > 5, `${seen.length} times`);
    for (let i = 1; i < seen.length; i++) assert.ok(seen[i].done >= seen[i - 1].done && seen[i].total === seen[0].total);
    const end = seen.at(-1);
    assert.deepEqual([end.done, end.finished], [end.total, true]);
    assert.ok(seen.some(({ stage }) => stage.startsWith('2/3')));
    assert.deepEqual(
      report.steps.map((step) => step.pass),
      [null, 'prune', 'train', 'quantize'],
    );
    const [original, pruned, trained, quantized] = report.steps;
    assert.equal(original.nonzeros, 61_706);
    assert.ok(Math.abs(pruned.nonzeros - 30_971) < 200, `${pruned.nonzeros}`); // half of the weights; biases stay
    assert.ok(trained.nonzeros <= pruned.nonzeros, 'what is pruned stays zero');
    assert.ok(quantized.bytes < 0.3 * original.bytes, `${quantized.bytes} of ${original.bytes}`);
    assert.ok(quantized.accuracy > 0.8, `${quantized.accuracy}`);
    assert.ok(report.steps.every((step) => step.latency_ms > 0 && step.total === 300));
    assert.equal(steps.length, 4);
    assert.equal(steps[0].weightsSha256(), model.weightsSha256(), 'the model that was given is as it was');
    assert.equal(last.weightsSha256(), report.weights_sha256);
    assert.equal(steps[3].save().length, quantized.file_bytes);
    assert.equal(report.pare.build, lab.build);
  });

  test('distill learns from a teacher that was given by name', async () => {
    const recipe = { seed: 2, steps: [{ pass: 'distill', teacher: 'big', epochs: 1, temperature: 2, learning_rate: 0.01 }] };
    const student = load('lenet300');
    const models = { big: load('lenet5') };
    const { report } = await student.run(recipe, { data, models, ...SMALL });
    assert.ok(report.steps[1].accuracy > 0.8, `${report.steps[1].accuracy}`);
    assert.notEqual(report.weights_sha256, student.weightsSha256());
    const absent = student.run(recipe, { data, ...SMALL });
    await assert.rejects(absent, refused('BAD_RECIPE', 'step 1', 'teacher', "'big'"));
  });

  test('abort rejects with AbortError, which holds what was finished', async () => {
    const model = load('lenet5');
    const abort = new AbortController();
    const onProgress = ({ stage }) => stage.startsWith('2/3') && abort.abort();
    const run = model.run(PRUNE_TRAIN_QUANTIZE, { data, ...SMALL, signal: abort.signal, onProgress });
    await assert.rejects(run, (error) => {
      assert.equal(error.name, 'AbortError');
      assert.deepEqual(
        error.report.steps.map((step) => step.pass),
        [null, 'prune'],
      );
      assert.equal(error.model.weightsSha256(), error.report.weights_sha256);
      assert.notEqual(error.model.weightsSha256(), model.weightsSha256());
      return true;
    });
    const stopped = AbortSignal.abort();
    await assert.rejects(model.evaluate(data, { signal: stopped }), { name: 'AbortError' });
  });

  test('a timer may abort: the event loop has its turn while a recipe runs', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const recipe = { steps: [{ pass: 'train', epochs: 1000 }] };
    await assert.rejects(load('lenet5').run(recipe, { data, limitTest: 100, signal: abort.signal }), { name: 'AbortError' });
  });

  test('a job stopped in the middle of training and resumed from its checkpoint ends at the same weights', () => {
    const model = load('lenet5');
    const recipe = {
      seed: 3,
      steps: [
        { pass: 'prune', amount: 0.3 },
        { pass: 'train', epochs: 2 },
      ],
    };
    const options = { data, limitTrain: 640, limitTest: 100 };
    const whole = lab.startRecipe(model, recipe, options);
    while (!whole.step(1000).finished);
    const job = lab.startRecipe(model, recipe, options);
    let progress = job.step(0);
    while (!(progress.stage.startsWith('2/2') && progress.loss !== null)) progress = job.step(0);
    job.step(0);
    const checkpoint = job.checkpoint();
    job.free();
    const resumed = lab.resumeRecipe(checkpoint, { data, limitTrain: 640, limitTest: 100 });
    assert.equal(resumed.report().steps.length, 2);
    while (!resumed.step(1000).finished);
    assert.equal(resumed.model(-1).weightsSha256(), whole.model(-1).weightsSha256());
    assert.equal(resumed.report().weights_sha256, whole.report().weights_sha256);
    assert.equal(resumed.model(0).weightsSha256(), model.weightsSha256());
    checkpoint[checkpoint.length >> 1] ^= 1;
    assert.throws(() => lab.resumeRecipe(checkpoint, options), refused('BAD_ARGUMENT', 'checkpoint'));
    assert.throws(() => lab.resumeRecipe(new Uint8Array(0), options), refused('BAD_ARGUMENT', 'checkpoint'));
  });

  test('a session runs on when the memory has grown since, and keeps no answer of before', () => {
    const session = load('lenet5').session();
    const [first, second] = [0, 1].map((i) => data.samples('test', i, 1).pixels);
    const { logits } = session.run({ image: first });
    const held = Array.from({ length: 8 }, () => lab.loadDataset(testFiles())); // 7.8 MB each
    const again = session.run({ image: first }).logits;
    for (const set of held) set.free();
    assert.deepEqual(again, logits);
    assert.notDeepEqual(session.run({ image: second }).logits, logits);
    assert.deepEqual(again, logits, 'an answer is a copy');
    session.free();
  });

  test('what was freed is refused, however often and whatever came into its place', async () => {
    const model = load('lenet5');
    const session = model.session();
    const { pixels } = data.samples('test', 0, 1);
    model.free();
    model.free();
    load('lenet300');
    for (const use of [() => model.info(), () => model.save(), () => model.weights(), () => model.weightsSha256(), () => model.session()])
      assert.throws(use, refused('BAD_HANDLE', 'model', 'freed'));
    await assert.rejects(model.evaluate(data), refused('BAD_HANDLE'));
    assert.equal(session.run({ image: pixels }).logits.length, 10, 'a session lives on without its model');
    session.free();
    assert.throws(() => session.run({ image: pixels }), refused('BAD_HANDLE', 'session'));
    const other = lab.generateDataset('spirals');
    other.free();
    await assert.rejects(load('lenet5').evaluate(other), refused('BAD_HANDLE', 'data set'));
    assert.throws(() => lab.startRecipe({}, { steps: [] }), refused('BAD_HANDLE'));
  });

  test('a thousand models come and go', () => {
    const bytes = modelBytes('lstm_student');
    const handles = new Set();
    for (let i = 0; i < 1000; i++) {
      const model = lab.loadModel(bytes);
      handles.add(model.handle);
      model.free();
    }
    assert.equal(handles.size, 1000, 'no handle comes twice');
  });

  test('broken model files are refused, and the lab goes on', () => {
    const bytes = modelBytes('lenet5');
    for (const length of [0, 1, 7, 100, bytes.length >> 1, bytes.length - 1])
      assert.throws(() => lab.loadModel(bytes.slice(0, length)), refused('BAD_MODEL'), `${length} bytes`);
    const garbage = Uint8Array.from({ length: 5000 }, (_, i) => (i * 2_654_435_761) >>> 13);
    assert.throws(() => lab.loadModel(garbage), refused('BAD_MODEL'));
    assert.throws(() => lab.loadModel(new TextEncoder().encode('{"not": "ONNX"}')), refused('BAD_MODEL'));
    assert.equal(load('lenet5').info().runs, true);
  });

  test('a bad recipe is refused with the step, the parameter and its bounds', async () => {
    const model = load('lenet5');
    const run = (...steps) => model.run({ steps }, { data, ...SMALL });
    await assert.rejects(
      run({ pass: 'prune', amount: 0.5 }, { pass: 'prune', amount: 1.5 }),
      refused('BAD_RECIPE', 'step 2', 'amount', '1'),
    );
    await assert.rejects(run({ pass: 'melt' }), refused('BAD_RECIPE', 'step 1', 'melt'));
    await assert.rejects(run({ pass: 'prune', amunt: 0.5 }), refused('BAD_RECIPE', 'step 1', 'amunt'));
    await assert.rejects(run({ pass: 'prune', amount: 'much' }), refused('BAD_RECIPE', 'step 1', 'amount'));
    await assert.rejects(run({ pass: 'prune', amount: 0.5, layers: ['nowhere'] }), refused('BAD_RECIPE', 'step 1', 'nowhere'));
    await assert.rejects(model.run({ steps: [{ pass: 'train' }] }, {}), refused('BAD_DATA', 'step 1'));
    assert.equal((await run({ pass: 'prune', amount: 0.5 })).report.steps.length, 2);
  });

  test('wrong data is refused with the name of its file', async () => {
    const [images, labels] = testFiles();
    assert.throws(() => lab.loadDataset([images]), refused('BAD_ARGUMENT'));
    assert.throws(() => lab.loadDataset([]), refused('BAD_ARGUMENT'));
    const cut = { name: 'cut.gz', bytes: images.bytes.slice(0, 10_000) };
    assert.throws(() => lab.loadDataset([cut, labels]), refused('BAD_DATA', 'cut.gz'));
    const text = { name: 'readme.txt', bytes: new TextEncoder().encode('no images here') };
    assert.throws(() => lab.loadDataset([text, labels]), refused('BAD_DATA', 'readme.txt'));
    assert.throws(() => lab.loadDataset([{ name: 'empty', bytes: new Uint8Array(0) }, labels]), refused('BAD_DATA', 'empty'));
    const spirals = lab.generateDataset('spirals');
    await assert.rejects(load('lenet5').evaluate(spirals), refused('BAD_DATA'));
    const pair = lab.loadDataset([labels, images]);
    assert.deepEqual([pair.info().n_test, pair.info().single], [10_000, true]);
    pair.free();
  });

  test('generated data: the same every time', () => {
    for (const kind of ['spirals', 'sequence']) {
      const [a, b] = [lab.generateDataset(kind), lab.generateDataset(kind)];
      assert.ok(a.info().n_train > 0);
      assert.deepEqual(a.samples('train', 0, 50), b.samples('train', 0, 50));
    }
  });
});

test('wasm-opt changes no byte of logits and trained weights', async () => {
  const recipe = { seed: 7, steps: [{ pass: 'init' }, { pass: 'train', epochs: 1 }] };
  const results = [];
  for (const module of [LINKED, MODULE]) {
    const lab = await openLab(module);
    const data = lab.loadDataset(allFiles());
    const { pixels } = data.samples('test', 0, 8);
    const logits = NETWORKS.map((network) => lab.loadModel(modelBytes(network)).session({ batch: 8 }).run({ image: pixels }).logits);
    const { report } = await lab.loadModel(modelBytes('lenet5')).run(recipe, { data, limitTrain: 1000, limitTest: 100 });
    results.push({ logits, sha: report.weights_sha256 });
  }
  assert.deepEqual(results[0], results[1]);
});
