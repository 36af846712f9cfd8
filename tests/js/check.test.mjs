/** `pare check` beside ONNX Runtime and beside saved tensors, `pare show`, and what `pare info` says of operators that are not there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { modelPath, PROGRAMS, ROOT } from './lab_for_tests.mjs';
import { npyBytes, onnxModel } from './support/onnx_writer.mjs';

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-check-test-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function pare(name, ...args) {
  const [file, ...first] = PROGRAMS[name];
  const env = { ...process.env, PARE_CLI_WASM: join(ROOT, 'build/npm/pare-cli.wasm') };
  const { status, stdout, stderr } = spawnSync(file, [...first, ...args], { encoding: 'utf8', env, cwd: ROOT });
  return { code: status, out: stdout, err: stderr };
}

const f32 = (dims, make) => ({
  dtype: 'f32',
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => make(i)),
});

/** y = (x * w) + b, where the middle can be named; a file. */
function threeNodes(name, scale = 1) {
  const path = join(folder, name);
  const model = onnxModel({
    nodes: [
      { op: 'Abs', inputs: ['x'], outputs: ['size'] },
      { op: 'Mul', inputs: ['size', 'w'], outputs: ['scaled'] },
      { op: 'Neg', inputs: ['scaled'], outputs: ['y'] },
    ],
    inputs: new Map([['x', f32([2, 3], () => 0)]]),
    outputs: new Map([['y', f32([2, 3], () => 0)]]),
    constants: new Map([['w', f32([3], (i) => scale * (i + 1))]]),
  });
  writeFileSync(path, model);
  return path;
}

describe('check --against onnxruntime', () => {
  test('networks agree, and the tolerances are those asked for', () => {
    for (const network of ['lenet5', 'resnet8', 'lstm_student']) {
      const { code, out, err } = pare('wasi', 'check', modelPath(network), '--against', 'onnxruntime', '--batch', '3', '--json');
      assert.equal(code, 0, err + out);
      const report = JSON.parse(out);
      assert.equal(report.within, true);
      assert.equal(report.random_inputs, false, 'they are the ones that were written');
      assert.deepEqual(
        report.outputs.map(({ name, elements }) => [name, elements]),
        [['logits', 30]],
      );
    }
    const strict = pare('wasi', 'check', modelPath('resnet8'), '--against=onnxruntime', '--rtol', '0', '--atol', '0', '--json');
    assert.equal(strict.code, 1);
    const { first } = JSON.parse(strict.out);
    assert.equal(first.op, 'Conv');
    assert.ok(first.largest > 0 && first.largest < 1e-4, `${first.largest}`);
  });

  test('the native program says where that is', () => {
    const { code, err } = pare('native', 'check', modelPath('lenet5'), '--against', 'onnxruntime');
    assert.equal(code, 2);
    assert.match(err, /npx pare check/);
  });

  test('without onnxruntime-node it says what to install', () => {
    const alone = join(folder, 'alone/wasm/cli');
    mkdirSync(alone, { recursive: true });
    for (const name of ['pare.mjs', 'check.mjs', 'npy.mjs', 'program.mjs']) {
      spawnSync('cp', [join(ROOT, 'wasm/cli', name), alone]);
    }
    const args = [join(alone, 'pare.mjs'), 'check', modelPath('lenet5'), '--against', 'onnxruntime'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: folder });
    assert.equal(status, 1);
    assert.match(stderr, /npm install onnxruntime-node/);
  });
});

describe('check --against a folder', () => {
  const saved = (name, tensors) => {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    for (const [file, tensor] of Object.entries(tensors)) writeFileSync(join(path, `${file}.npy`), npyBytes(tensor));
    return path;
  };
  const x = f32([2, 3], (i) => i - 2);

  for (const name of ['native', 'wasi']) {
    test(`${name}: the first value that differs is named, with by how much and where`, () => {
      const model = threeNodes('three.onnx');
      const right = f32([2, 3], (i) => -Math.abs(i - 2) * ((i % 3) + 1));
      assert.equal(pare(name, 'check', model, '--against', saved('right', { x, y: right })).code, 0);
      const wrong = saved('wrong', {
        x,
        size: f32([2, 3], (i) => Math.abs(i - 2)),
        scaled: f32([2, 3], (i) => Math.abs(i - 2) * ((i % 3) + 1) + (i === 4 ? 0.5 : 0)),
        y: f32([2, 3], (i) => -Math.abs(i - 2) * ((i % 3) + 1) - (i === 4 ? 0.5 : 0)),
      });
      const { code, out } = pare(name, 'check', model, '--against', wrong);
      assert.equal(code, 1);
      assert.match(out, /first that differs: 'scaled', made by node 'node_1' \(Mul\): 1 of 6 elements/);
      assert.match(out, /largest difference 0\.5 at \[1,1\] \(4 here, 4\.5 there\)/);
      assert.equal(pare(name, 'check', model, '--against', wrong, '--atol', '0.6').code, 0);
      const { first, outputs } = JSON.parse(pare(name, 'check', model, '--against', wrong, '--json').out);
      assert.deepEqual([first.name, first.node, first.at, outputs[0].name], ['scaled', 'node_1', '[1,1]', 'y']);
    });
  }

  test('another shape is said so, and a folder without outputs too', () => {
    const model = threeNodes('shape.onnx');
    assert.match(pare('native', 'check', model, '--against', saved('flat', { x, y: f32([6], () => 0) })).out, /the shape is another/);
    const { code, err } = pare('native', 'check', model, '--against', saved('nothing', { x }));
    assert.equal(code, 1);
    assert.match(err, /holds no output of the model/);
  });

  test("ONNX's own test data", () => {
    const data = '/usr/share/libonnx-testdata/data/node';
    for (const name of ['test_softmax_axis_1', 'test_conv_with_strides_padding', 'test_equal']) {
      const { code, out, err } = pare('native', 'check', join(data, name, 'model.onnx'), '--against', join(data, name, 'test_data_set_0'));
      assert.equal(code, 0, err + out);
    }
  });

  test('random inputs are the same for a seed, and others for another', () => {
    const model = threeNodes('seeded.onnx');
    const write = (name, seed) => JSON.parse(pare('native', 'check', model, '--write', join(folder, name), '--seed', seed, '--json').out);
    const { inputs, outputs } = write('seed1', '7');
    assert.equal(outputs, 3, 'every value is an output');
    const again = write('seed2', '7').inputs[0].file;
    const other = write('seed3', '8').inputs[0].file;
    const same = (a, b) => spawnSync('cmp', ['-s', a, b]).status === 0;
    assert.ok(same(inputs[0].file, again) && !same(again, other));
  });
});

/** A node of nobody's between two that are known. */
function strangeFile() {
  const path = join(folder, 'strange.onnx');
  const model = onnxModel({
    nodes: [
      { op: 'Relu', inputs: ['x'], outputs: ['a'] },
      { op: 'Shuffle', domain: 'acme', inputs: ['a'], outputs: ['b'], attrs: { order: [2, 0, 1] } },
      { op: 'Add', inputs: ['b', 'w'], outputs: ['y'] },
    ],
    inputs: new Map([['x', f32([2, 3], () => 0)]]),
    outputs: new Map([['y', f32([2, 3], () => 0)]]),
    constants: new Map([['w', f32([3], (i) => i + 1)]]),
  });
  writeFileSync(path, model);
  return path;
}

describe('show', () => {
  test('lists nodes with shapes, attributes, parameters and compute', () => {
    const { code, out } = pare('native', 'show', modelPath('lenet5'));
    assert.equal(code, 0);
    assert.match(out, /12 nodes, 61\.7 k parameters, 417 k MACs/);
    assert.match(out, /Conv '\/0\/Conv' .*kernel_shape=5,5 .*pads=2,2,2,2/);
    assert.match(out, /0\.weight f32 \[6,1,5,5\].*-> \/0\/Conv_output_0 f32 \[1,6,28,28\]/);
    assert.ok(
      out.split('\n').every((line) => line.length <= 110),
      'lines fit 110 columns',
    );
  });

  test('picks nodes by name or operator', () => {
    const { out } = pare('native', 'show', modelPath('resnet8'), '--nodes', 'Conv');
    assert.match(out, /9 of 22 nodes/);
    assert.doesNotMatch(out, /Relu '/);
    assert.match(pare('native', 'show', modelPath('resnet8'), '--nodes', '*conv1*').out, /3 of 22 nodes/);
  });

  test('a long graph is counted by operator', () => {
    const nodes = Array.from({ length: 200 }, (_, i) => ({
      op: i % 2 ? 'Neg' : 'Abs',
      inputs: [i ? `v${i - 1}` : 'x'],
      outputs: [i === 199 ? 'y' : `v${i}`],
    }));
    const path = join(folder, 'long.onnx');
    writeFileSync(
      path,
      onnxModel({ nodes, inputs: new Map([['x', f32([1], () => 0)]]), outputs: new Map([['y', f32([1], () => 0)]]), constants: new Map() }),
    );
    const { out } = pare('native', 'show', path);
    assert.ok(out.split('\n').length < 20);
    assert.match(out, /Abs +100/);
    assert.match(out, /--nodes PATTERN/);
  });

  test('as JSON and for Graphviz', () => {
    assert.equal(JSON.parse(pare('native', 'show', modelPath('lenet5'), '--json').out).nodes.length, 12);
    const { out } = pare('native', 'show', modelPath('lenet5'), '--dot');
    assert.match(out, /^digraph/);
    assert.equal(out.match(/ -> /g).length, 13);
  });

  test('what is not known is said', () => {
    const { code, out } = pare('native', 'show', strangeFile());
    assert.equal(code, 0);
    assert.match(out, /It cannot run: 1 operator is not there: acme\.Shuffle/);
    assert.match(out, /acme\.Shuffle 'node_1' +\(not there: carried along\) +order=2,0,1/);
    assert.match(out, /-> b \? \[\?\]/);
  });
});

test('info says which operators are not there, where, what still works and what does not', () => {
  for (const name of ['native', 'wasi']) {
    const { code, out } = pare(name, 'info', strangeFile());
    assert.equal(code, 0);
    assert.match(out, /acme\.Shuffle is not there: node 'node_1'/);
    assert.match(out, /still there +show, info, prune,.* quantize_weights,/);
    assert.match(out, /needs it run +infer, eval, bench,.* train,/);
  }
});
