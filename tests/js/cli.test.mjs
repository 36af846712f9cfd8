/** The command line, natively and as WASI under Node: the same cases, and the same answers from both. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODELS = join(ROOT, 'examples/models');
const LENET5 = join(MODELS, 'lenet5.onnx');
const SMALL = ['--limit-test', '500'];
const programs = {
  native: [process.env.PARE_PROGRAM ?? join(ROOT, 'build/native/pare')],
  wasi: [process.execPath, join(ROOT, 'wasm/cli/pare.mjs')],
};
const names = Object.keys(programs);

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-cli-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function pare(name, args, options = {}) {
  const [file, ...first] = programs[name];
  const done = spawnSync(file, [...first, ...args], { encoding: 'utf8', timeout: 600_000, cwd: folder, ...options });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/** Runs it, wants success, and gives the JSON on standard output. */
function json(name, args) {
  const { code, out, err } = pare(name, [...args, '--json']);
  assert.equal(code, 0, err);
  assert.equal(err, '', 'nothing on standard error in a pipe');
  assert.equal(out.split('\n').length, 2, 'one line');
  return JSON.parse(out);
}

/** The same call in every build: the JSON without what names the build or was timed. */
function sameEverywhere(args, strip = (value) => value) {
  const [first, ...rest] = names.map((name) => strip(json(name, args)));
  for (const other of rest) assert.deepEqual(other, first);
  return first;
}

const folderOf = (name, what) => {
  const path = join(folder, `${name}-${what}`);
  mkdirSync(path, { recursive: true });
  return path;
};

/** NPY 1.0 of f32. */
function npy(shape, values) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${header}`, 'latin1');
  head.writeUInt16LE(header.length, 8);
  return Buffer.concat([head, Buffer.from(Float32Array.from(values).buffer)]);
}

function readNpy(path) {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  return {
    header: bytes.toString('latin1', 10, start),
    values: new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length)),
  };
}

test('eval gives the recorded number of right answers', () => {
  const report = sameEverywhere(['eval', LENET5, '--data', 'fashion-mnist'], ({ pare: build, ...rest }) => {
    assert.equal(build.numerics, 'exact');
    return rest;
  });
  const recorded = JSON.parse(readFileSync(join(MODELS, 'lenet5.json'), 'utf8'));
  assert.ok(Math.abs(report.right - recorded.test_right_of_10000) <= 2, `${report.right} right`);
  assert.equal(report.total, 10000);
  assert.equal(report.accuracy, report.right / 10000);
  assert.ok(Math.abs(report.loss - recorded.test_loss) < 1e-4);
  assert.equal(
    report.confusion.flat().reduce((sum, n) => sum + n),
    10000,
  );
});

test('info tells inputs, layers and sums', () => {
  // Peak memory is the build's own: kernels pack weights differently.
  const info = sameEverywhere(['info', LENET5], ({ peak_bytes, ...rest }) => {
    assert.ok(peak_bytes > 4 * 61706);
    return rest;
  });
  assert.equal(info.parameters, 61706);
  assert.equal(info.macs, 416520);
  assert.deepEqual(info.inputs[0].shape, [-1, 1, 28, 28]);
  assert.equal(info.layers.length, 12);
  const { code, out } = pare('native', ['info', LENET5]);
  assert.equal(code, 0);
  assert.match(out, /parameters +61706/);
  assert.ok(
    out.split('\n').every((line) => line.length <= 110),
    'lines fit 110 columns',
  );
});

describe('infer', () => {
  test('reads .npy and writes one .npy for each output', () => {
    const input = join(folder, 'x.npy');
    const pixels = Array.from({ length: 2 * 784 }, (_, i) => ((i * 7) % 256) / 255);
    writeFileSync(input, npy([2, 1, 28, 28], pixels));
    const results = names.map((name) => {
      const out = join(folder, `${name}-infer/deep`);
      const { outputs } = json(name, ['infer', LENET5, '--input', `image=${input}`, '--out', out]);
      assert.deepEqual(
        outputs.map((o) => [o.name, o.shape]),
        [['logits', [2, 10]]],
      );
      return readNpy(join(out, 'logits.npy'));
    });
    assert.match(results[0].header, /'shape': \(2, 10\)/);
    assert.ok(results[0].values.every(Number.isFinite));
    for (const other of results) assert.deepEqual(other.values, results[0].values, 'the same bits in every build');
  });

  test('reads ONNX TensorProto', () => {
    const raw = Buffer.from(new Float32Array(784).fill(0.5).buffer);
    const dims = Buffer.from([0x08, 1, 0x08, 1, 0x08, 28, 0x08, 28]);
    const head = Buffer.from([0x10, 1, 0x4a, ...varint(raw.length)]);
    writeFileSync(join(folder, 'x.pb'), Buffer.concat([dims, head, raw]));
    for (const name of names) {
      const out = folderOf(name, 'pb');
      assert.equal(pare(name, ['infer', LENET5, '--input', 'image=x.pb', '--out', out, '--quiet']).code, 0);
      assert.equal(readNpy(join(out, 'logits.npy')).values.length, 10);
    }
  });

  test('says which input is missing or does not fit', () => {
    writeFileSync(join(folder, 'short.npy'), npy([1, 1, 28, 27], new Array(756).fill(0)));
    for (const name of names) {
      const missing = pare(name, ['infer', LENET5, '--out', 'o']);
      assert.equal(missing.code, 1);
      assert.match(missing.err, /^pare: input 'image' is not given/);
      const unknown = pare(name, ['infer', LENET5, '--input', 'picture=x.npy', '--out', 'o']);
      assert.equal(unknown.code, 1);
      assert.match(unknown.err, /the model has no such input/);
      assert.equal(pare(name, ['infer', LENET5, '--input', 'image=short.npy', '--out', 'o']).code, 1);
    }
  });
});

function varint(n) {
  const bytes = [];
  for (; n > 127; n >>= 7) bytes.push((n & 127) | 128);
  return [...bytes, n];
}

test('train gives the same weights in every build', () => {
  const args = [
    'train',
    LENET5,
    '--data',
    'fashion-mnist',
    '--fresh',
    '--epochs',
    '2',
    '--batch-size',
    '16',
    '--learning-rate',
    '0.02',
    '--limit-train',
    '1500',
    '--seed',
    '3',
    ...SMALL,
  ];
  const timed = ({ latency_ms, seconds, peak_bytes, out, ...rest }) => rest;
  const [first, second] = names.map((name) => timed(json(name, [...args, '--out', `${name}.onnx`])));
  assert.deepEqual(second, first);
  assert.match(first.weights_sha256, /^[0-9a-f]{64}$/);
  assert.equal(first.total, 500);
  assert.ok(first.accuracy > 0.3);
  assert.deepEqual(readFileSync(join(folder, 'native.onnx')), readFileSync(join(folder, 'wasi.onnx')), 'the same file');
  const again = json('native', ['eval', 'native.onnx', '--data', 'fashion-mnist', ...SMALL]);
  assert.equal(again.right, first.right, 'the file holds what was measured');
});

describe('run', () => {
  const recipe = {
    seed: 2,
    steps: [{ pass: 'init' }, { pass: 'train', epochs: 3, name: 'first' }, { pass: 'train', epochs: 3, learning_rate: 0.01 }],
  };
  const stages = ['original', 'init', 'first', 'train'];
  const args = (out) => [
    'run',
    LENET5,
    '--recipe',
    'recipe.json',
    '--data',
    'fashion-mnist',
    '--limit-train',
    '640',
    ...SMALL,
    '--out',
    out,
  ];
  const lines = {};
  before(() => {
    writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe));
    for (const name of names) lines[name] = json(name, args(folderOf(name, 'run')));
  });

  test('gives the same weights in every build', () => {
    assert.match(lines.native.weights_sha256, /^[0-9a-f]{64}$/);
    assert.equal(lines.wasi.weights_sha256, lines.native.weights_sha256);
  });

  test('writes model, report and trace', () => {
    for (const name of names) {
      const out = folderOf(name, 'run');
      const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
      assert.deepEqual(
        report.steps.map((step) => step.name),
        stages,
      );
      for (const step of report.steps) {
        for (const key of [
          'accuracy',
          'right',
          'parameters',
          'nonzeros',
          'file_bytes',
          'macs',
          'effective_macs',
          'peak_bytes',
          'latency_ms',
        ])
          assert.equal(typeof step[key], 'number', `${step.name}.${key}`);
        assert.equal(step.layers.length, 12);
      }
      assert.deepEqual(report.recipe, recipe);
      assert.equal(report.weights_sha256, lines[name].weights_sha256);
      assert.equal(report.steps.at(-1).right, lines[name].right);
      const events = JSON.parse(readFileSync(join(out, 'trace.json'), 'utf8')).traceEvents;
      assert.deepEqual(
        events.filter((e) => e.ph === 'M').map((e) => e.args.name),
        stages,
      );
      assert.ok(events.filter((e) => e.ph === 'X').every((e) => e.dur >= 0 && typeof e.name === 'string'));
      assert.equal(pare(name, ['info', join(out, 'model.onnx')]).code, 0);
    }
  });

  test('keeps what was finished when interrupted, and any build goes on from there', async () => {
    const [file] = programs.native;
    const child = spawn(file, [...args('stopped'), '--checkpoint', 'kept.ckpt'], { cwd: folder, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    while (!existsSync(join(folder, 'stopped'))) await delay(5);
    child.kill('SIGINT');
    assert.equal(await ended, 130);
    const report = JSON.parse(readFileSync(join(folder, 'stopped/report.json'), 'utf8'));
    assert.ok(report.steps.length < stages.length);
    for (const name of names) {
      const again = json(name, [
        'run',
        LENET5,
        '--resume',
        '--checkpoint',
        'kept.ckpt',
        '--data',
        'fashion-mnist',
        '--out',
        folderOf(name, 'resumed'),
      ]);
      assert.equal(again.weights_sha256, lines.native.weights_sha256);
      assert.equal(again.steps, stages.length);
    }
  });

  test('names what is wrong with a recipe', () => {
    writeFileSync(join(folder, 'bad.json'), '{"steps": [{"pass": "trian"}]}');
    for (const name of names) {
      const { code, err } = pare(name, ['run', LENET5, '--recipe', 'bad.json', '--out', 'o']);
      assert.equal(code, 1);
      assert.match(err, /^pare: bad\.json: .*there is no pass 'trian' \(did you mean 'train'\?/);
    }
  });

  test('keeps what was finished when a step fails', () => {
    writeFileSync(join(folder, 'fails.json'), '{"steps": [{"pass": "init"}, {"pass": "train", "freeze": ["nowhere"]}]}');
    for (const name of names) {
      const out = folderOf(name, 'fails');
      const { code, err } = pare(name, ['run', LENET5, '--recipe', 'fails.json', '--data', 'fashion-mnist', ...SMALL, '--out', out]);
      assert.equal(code, 1);
      assert.match(err, /^pare: step 2 \(train\): .*nowhere/);
      assert.deepEqual(readdirSync(out).sort(), ['model.onnx', 'report.json', 'trace.json']);
      assert.equal(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')).steps.length, 2);
    }
  });
});

test('bench times a model at a batch size', () => {
  for (const name of names) {
    const bench = json(name, ['bench', LENET5, '--batch', '4', '--runs', '5']);
    assert.equal(bench.batch, 4);
    assert.ok(bench.latency_ms > 0);
    assert.equal(bench.macs, 4 * 416520);
    assert.ok(bench.steps.length >= 5);
  }
});

test('schema declares every pass', () => {
  const [native, wasi] = names.map((name) => pare(name, ['schema']));
  assert.equal(native.code, 0);
  assert.ok(wasi.out === native.out, 'the same in every build');
  const schema = JSON.parse(native.out);
  assert.equal(schema.properties.seed.maximum, 2 ** 53);
  for (const pass of ['prune', 'prune_channels', 'init', 'train', 'distill', 'quantize', 'quantize_dynamic'])
    assert.equal(schema.$defs[pass].properties.pass.const, pass);
  assert.equal(schema.$defs.train.properties.epochs.type, 'integer');
});

test('help explains commands and passes', () => {
  for (const name of names) {
    for (const args of [['help'], ['--help'], ['help', 'train'], ['help', 'run'], ['eval', '--help'], ['train', LENET5, '--help']]) {
      const { code, out, err } = pare(name, args);
      assert.equal(code, 0, args.join(' '));
      assert.equal(err, '');
      assert.match(out, /Example/);
      assert.deepEqual(
        out.split('\n').filter((line) => line.length > 110),
        [],
        'lines fit 110 columns',
      );
    }
    assert.match(pare(name, ['help', 'distill']).out, /temperature/);
    assert.match(pare(name, ['--version']).out, /^pare \d+\.\d+\.\d+\n$/);
  }
});

test('wrong usage gives 2 and says what is right', () => {
  const cases = [
    [[], /^$/],
    [['evaluate', LENET5], /there is no command 'evaluate'/],
    [['evla', LENET5], /did you mean 'eval'\?/],
    [['eval'], /usage: pare eval MODEL --data SPEC/],
    [['eval', LENET5], /eval needs --data SPEC/],
    [['eval', LENET5, '--dta', 'spirals'], /has no option --dta; did you mean --data\?/],
    [['eval', LENET5, '--data'], /--data needs a value/],
    [['eval', LENET5, '--data', 'spirals', '--limit-test', '0'], /--limit-test must be a whole number from 1/],
    [['eval', LENET5, '--json=yes', '--data', 'spirals'], /--json takes no value/],
    [['info', LENET5, 'more'], /usage: pare info MODEL/],
    [['run', LENET5, '--out', 'o'], /run needs --recipe FILE/],
    [['run', LENET5, '--recipe', 'r.json', '--out', 'o', '--model', 'big'], /--model big: NAME=FILE is expected/],
    [['help', 'trian'], /did you mean 'train'\?/],
  ];
  for (const name of names)
    for (const [args, message] of cases) {
      const { code, err } = pare(name, args);
      assert.equal(code, 2, `${name} ${args.join(' ')}: ${err}`);
      assert.match(err, message);
    }
});

test('failures give 1 and name the place', () => {
  writeFileSync(join(folder, 'broken.onnx'), readFileSync(LENET5).subarray(0, 1000));
  const cases = [
    [['info', 'nowhere.onnx'], /^pare: .*nowhere\.onnx/],
    [['info', 'broken.onnx'], /^pare: broken\.onnx: /],
    [['eval', LENET5, '--data', 'idx:nowhere,nowhere'], /^pare: .*nowhere/],
    [['eval', LENET5, '--data', 'spirals'], /^pare: /],
    [['eval', LENET5, '--data', 'mnst'], /^pare: /],
    [['train', LENET5, '--data', 'fashion-mnist', '--epochs', '0', '--out', 'o.onnx'], /'epochs' is 0, but must be from 1/],
    [['train', LENET5, '--data', 'fashion-mnist', '--optimizer', 'sdg', '--out', 'o.onnx'], /did you mean 'sgd'\?/],
  ];
  for (const name of names)
    for (const [args, message] of cases) {
      const { code, out, err } = pare(name, args);
      assert.equal(code, 1, `${name} ${args.join(' ')}: ${err}`);
      assert.equal(out, '');
      assert.match(err, message);
      assert.equal(err.split('\n').length, 2, 'one line');
    }
});

test('paths are taken from the folder it is started in', () => {
  const inside = join(folder, 'inside');
  mkdirSync(inside, { recursive: true });
  for (const name of names) {
    const { code, err } = pare(name, ['info', relative(inside, LENET5)], { cwd: inside });
    assert.equal(code, 0, err);
  }
});
