/**
 * Writes tests/fuzz/corpus/seed_*.onnx: one small model for each thing that reading, planning and running do in their own way. Not run by
 * the build; `node tests/fuzz/make_seeds.mjs` makes the same files again.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnxModel } from '../js/support/onnx_writer.mjs';

const FOLDER = fileURLToPath(new URL('corpus', import.meta.url));
const size = (dims) => dims.reduce((a, b) => a * b, 1);
const value = (dtype, ...dims) => ({ dtype, dims });
const f32 = (...dims) => ({ dtype: 'f32', dims, data: Float32Array.from({ length: size(dims) }, (_, i) => ((i * 7) % 11) / 8 - 0.5) });
const s64 = (...values) => ({ dtype: 's64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
const scalar = (dtype, data) => ({ dtype, dims: [], data });
const bytes = (dtype, n, ...dims) => ({ dtype, dims, data: Uint8Array.from({ length: n }, (_, i) => (i * 37) % 251) });
const node = (op, inputs, outputs, attrs = {}, domain = '') => ({
  op,
  inputs: inputs.split(',').filter((text, i, all) => text || all.length > 1),
  outputs: outputs.split(','),
  attrs,
  domain,
});
const F = { float: 1 };

const MODELS = {
  convnet: {
    nodes: [
      node('Conv', 'x,w', 'a', { pads: [1, 1, 1, 1], strides: [2, 2] }),
      node('BatchNormalization', 'a,s,s,s,v', 'b'),
      node('Relu', 'b', 'c'),
      node('MaxPool', 'c', 'd', { kernel_shape: [2, 2] }),
      node('GlobalAveragePool', 'd', 'e'),
      node('Flatten', 'e', 'f'),
      node('Gemm', 'f,g,h', 'y', { transB: 1 }),
    ],
    inputs: [['x', value('f32', 'N', 2, 8, 8)]],
    outputs: [['y', value('f32', 'N', 3)]],
    constants: [['w', f32(4, 2, 3, 3)], ['s', f32(4)], ['v', { ...f32(4), data: Float32Array.of(1, 2, 3, 4) }], ['g', f32(3, 4)], ['h', f32(3)]],
  },
  conv_forms: {
    nodes: [
      node('Conv', 'x,w', 'a', { group: 2, dilations: [2], auto_pad: 'SAME_UPPER' }),
      node('ConvTranspose', 'a,t', 'b', { strides: [2], output_padding: [1] }),
      node('AveragePool', 'b', 'c', { kernel_shape: [3], ceil_mode: 1, count_include_pad: 1, pads: [1, 1] }),
      node('LRN', 'c', 'y', { size: 3 }),
    ],
    inputs: [['x', value('f32', 1, 4, 6)]],
    outputs: [['y', value('f32', 1, 3, 'L')]],
    constants: [['w', f32(4, 2, 3)], ['t', f32(4, 3, 2)]],
  },
  qdq: {
    nodes: [
      node('QuantizeLinear', 'x,s,z', 'xq'),
      node('DequantizeLinear', 'xq,s,z', 'xd'),
      node('DequantizeLinear', 'w,ws,wz', 'wd', { axis: 0 }),
      node('Conv', 'xd,wd', 'a'),
      node('Relu', 'a', 'b'),
      node('QuantizeLinear', 'b,s,z', 'yq'),
      node('DequantizeLinear', 'yq,s,z', 'y'),
    ],
    inputs: [['x', value('f32', 'N', 2, 4, 4)]],
    outputs: [['y', value('f32', 'N', 2, 2, 2)]],
    constants: [
      ['w', bytes('s8', 36, 2, 2, 3, 3)],
      ['ws', { ...f32(2), data: Float32Array.of(0.01, 0.02) }],
      ['wz', bytes('s8', 2, 2)],
      ['s', scalar('f32', Float32Array.of(0.1))],
      ['z', scalar('u8', Uint8Array.of(128))],
    ],
  },
  qoperator: {
    nodes: [
      node('DynamicQuantizeLinear', 'x', 'q,s,z'),
      node('MatMulInteger', 'q,w,z,wz', 'i'),
      node('QLinearMatMul', 'q,s,z,w,s,wz,s,z', 'm'),
      node('DequantizeLinear', 'm,s,z', 'd'),
      node('Cast', 'i', 'f', { to: 1 }),
      node('Add', 'f,d', 'y'),
    ],
    inputs: [['x', value('f32', 'N', 4)]],
    outputs: [['y', value('f32', 'N', 3)]],
    constants: [['w', bytes('s8', 12, 4, 3)], ['wz', scalar('s8', Int8Array.of(0))]],
  },
  four_bits: {
    opset: 21,
    ir: 10,
    nodes: [
      node('DequantizeLinear', 'w,s,z', 'd', { block_size: 2, axis: 0 }),
      node('MatMul', 'x,d', 'a'),
      node('MatMulNBits', 'a,b,bs', 'y', { K: 16, N: 2, bits: 4, block_size: 16 }, 'com.microsoft'),
    ],
    inputs: [['x', value('f32', 'N', 4)]],
    outputs: [['y', value('f32', 'N', 2)]],
    constants: [['w', bytes('u4', 32, 4, 16)], ['s', f32(2, 16)], ['z', bytes('u4', 16, 2, 16)], ['b', bytes('u8', 16, 2, 1, 8)], ['bs', f32(2)]],
  },
  sparse: {
    ir: 8,
    nodes: [node('MatMul', 'x,w', 'a'), node('Add', 'a,v', 'y')],
    inputs: [['x', value('f32', 'N', 4)]],
    outputs: [['y', value('f32', 'N', 3)]],
    sparse: [
      ['w', { values: f32(2), indices: s64(1, 7), dims: [4, 3] }],
      ['v', { values: f32(2), indices: { ...s64(0, 1, 0, 2), dims: [2, 2] }, dims: [1, 3] }],
    ],
  },
  external: {
    nodes: [node('Add', 'x,w', 'y')],
    inputs: [['x', value('f32', 4)]],
    outputs: [['y', value('f32', 4)]],
    constants: [['w', { dtype: 'f32', dims: [4], external: { location: 'weights.bin', offset: 0, length: 16 } }]],
  },
  if: {
    nodes: [
      node('Greater', 'x,w', 'g'),
      node('ReduceMax', 'gi', 'm', { keepdims: 0 }),
      node('Cast', 'g', 'gi', { to: 1 }),
      node('Cast', 'm', 'c', { to: 9 }),
      node('If', 'c', 'y', {
        then_branch: { graph: { nodes: [node('Neg', 'x', 't')], inputs: [], outputs: [['t', value('f32', 4)]] } },
        else_branch: { graph: { nodes: [node('Add', 'x,k', 'e')], inputs: [], outputs: [['e', value('f32', 4)]], constants: [['k', f32(4)]] } },
      }),
    ],
    inputs: [['x', value('f32', 4)]],
    outputs: [['y', value('f32', 4)]],
    constants: [['w', f32(4)]],
  },
  loop: {
    nodes: [
      node('Loop', 'n,c,x', 'y,all', {
        body: {
          graph: {
            nodes: [node('Add', 'acc,w', 'next'), node('Identity', 'go', 'on'), node('Cast', 'i', 'fi', { to: 1 }), node('Mul', 'next,fi', 'row')],
            inputs: [['i', value('s64')], ['go', value('bool')], ['acc', value('f32', 2)]],
            outputs: [['on', value('bool')], ['next', value('f32', 2)], ['row', value('f32', 2)]],
          },
        },
      }),
    ],
    inputs: [['x', value('f32', 2)], ['n', value('s64')]],
    outputs: [['y', value('f32', 2)], ['all', value('f32', 'T', 2)]],
    constants: [['w', f32(2)], ['c', scalar('bool', Uint8Array.of(1))]],
  },
  scan: {
    nodes: [
      node('Scan', 'h,x', 'last,all', {
        num_scan_inputs: 1,
        scan_input_directions: [1],
        scan_output_axes: [1],
        body: {
          graph: {
            nodes: [node('Add', 'a,b', 'c'), node('Identity', 'c', 'd')],
            inputs: [['a', value('f32', 2)], ['b', value('f32', 2)]],
            outputs: [['c', value('f32', 2)], ['d', value('f32', 2)]],
          },
        },
      }),
    ],
    inputs: [['h', value('f32', 2)], ['x', value('f32', 3, 2)]],
    outputs: [['last', value('f32', 2)], ['all', value('f32', 2, 3)]],
  },
  functions: {
    ir: 8,
    domains: [['my', 1]],
    nodes: [node('f', 'x', 'a', { slope: { float: 0.5 } }, 'my'), node('f', 'a', 'y', {}, 'my')],
    inputs: [['x', value('f32', 2)]],
    outputs: [['y', value('f32', 2)]],
    functions: [
      {
        name: 'f',
        domain: 'my',
        inputs: ['a'],
        outputs: ['c'],
        attributes: ['slope'],
        nodes: [node('LeakyRelu', 'a', 'b', { alpha: { reference: 'slope', type: 1 } }), node('g', 'b', 'c', {}, 'my')],
      },
      { name: 'g', domain: 'my', inputs: ['p'], outputs: ['q'], opset: 11, nodes: [node('ReduceSum', 'p', 's', { axes: [-1] }), node('Add', 'p,s', 'q')] },
    ],
  },
  sequences: {
    opset: 17,
    ir: 8,
    nodes: [
      node('SplitToSequence', 'x', 's', { axis: 0 }),
      node('SequenceInsert', 's,w,p', 't'),
      node('SequenceMap', 't', 'u', {
        body: { graph: { nodes: [node('Neg', 'i', 'o')], inputs: [['i', value('f32', 'A', 2)]], outputs: [['o', value('f32', 'A', 2)]] } },
      }),
      node('SequenceErase', 'u,p', 'v'),
      node('ConcatFromSequence', 'v', 'y', { axis: 0, new_axis: 0 }),
      node('SequenceLength', 'v', 'n'),
      node('SequenceAt', 'v,p', 'z'),
    ],
    inputs: [['x', value('f32', 3, 2)], ['p', value('s64')]],
    outputs: [['y', value('f32', 'L', 2)], ['n', value('s64')], ['z', value('f32', 'A', 2)], ['v', { ...value('f32', 'A', 2), kind: 4 }]],
    constants: [['w', f32(1, 2)]],
  },
  product_of_a_sequence: {
    nodes: [node('MatMul', 'a,b', 'y')],
    inputs: [
      ['a', { ...value('f32', 2, 3), kind: 4 }],
      ['b', value('f32', 3, 2)],
    ],
    outputs: [['y', value('f32', 2, 2)]],
  },
  optional: {
    opset: 18,
    ir: 8,
    nodes: [node('OptionalHasElement', 'o', 'h'), node('OptionalGetElement', 'o', 'g'), node('Optional', 'g', 'again'), node('Relu', 'g', 'y')],
    inputs: [['o', { ...value('f32', 2), kind: 9 }]],
    outputs: [['y', value('f32', 2)], ['h', value('bool')], ['again', { ...value('f32', 2), kind: 9 }]],
  },
  shapes: {
    nodes: [
      node('Shape', 'x', 's'),
      node('Gather', 's,zero', 'n'),
      node('Unsqueeze', 'n,zero1', 'n1'),
      node('Concat', 'n1,rest', 'to', { axis: 0 }),
      node('Reshape', 'x,to', 'r'),
      node('NonZero', 'r', 'nz'),
      node('Transpose', 'nz', 'nt', { perm: [1, 0] }),
      node('GatherND', 'r,nt', 'picked'),
      node('Slice', 'picked,zero1,n1', 'some'),
      node('TopK', 'some,k', 'y,i', { axis: -1 }),
      node('Pad', 'r,pads', 'p', { mode: 'reflect' }),
      node('Expand', 'p,e', 'big'),
    ],
    inputs: [['x', value('f32', 'N', 2, 3)]],
    outputs: [['y', value('f32', 'K')], ['i', value('s64', 'K')], ['big', value('f32', 'A', 'B', 'C')]],
    constants: [
      ['zero', scalar('s64', BigInt64Array.of(0n))],
      ['zero1', s64(0)],
      ['rest', s64(-1)],
      ['k', s64(1)],
      ['pads', s64(0, 1, 0, 1)],
      ['e', s64(2, 1, 1)],
    ],
  },
  recurrent: {
    nodes: [
      node('LSTM', 'x,w,r,b', 'a,ah,ac', { hidden_size: 2, direction: 'bidirectional' }),
      node('GRU', 'x,gw,gr', ',gh', { hidden_size: 2, linear_before_reset: 1 }),
      node('RNN', 'x,nw,nr', 'n', { hidden_size: 2, activations: 'Tanh', clip: { float: 3 } }),
      node('Squeeze', 'gh,axes', 'g'),
      node('Add', 'ah,g', 'y'),
    ],
    inputs: [['x', value('f32', 3, 'N', 2)]],
    outputs: [['y', value('f32', 2, 'N', 2)], ['n', value('f32', 3, 1, 'N', 2)], ['a', value('f32', 3, 2, 'N', 2)]],
    constants: [
      ['w', f32(2, 8, 2)],
      ['r', f32(2, 8, 2)],
      ['b', f32(2, 16)],
      ['gw', f32(1, 6, 2)],
      ['gr', f32(1, 6, 2)],
      ['nw', f32(1, 2, 2)],
      ['nr', f32(1, 2, 2)],
      ['axes', s64(0)],
    ],
  },
  attention: {
    opset: 17,
    ir: 8,
    nodes: [
      node('LayerNormalization', 'x,g,g', 'a'),
      node('MatMul', 'a,w', 'qkv'),
      node('Split', 'qkv', 'q,k,v', { axis: -1 }),
      node('Einsum', 'q,k', 's', { equation: 'bid,bjd->bij' }),
      node('Trilu', 's', 't', { upper: 0 }),
      node('Softmax', 't', 'p'),
      node('MatMul', 'p,v', 'o'),
      node('Erf', 'o', 'e'),
      node('Where', 'mask,e,o', 'y'),
    ],
    inputs: [['x', value('f32', 'N', 3, 4)]],
    outputs: [['y', value('f32', 'N', 3, 4)]],
    constants: [['g', f32(4)], ['w', f32(4, 12)], ['mask', bytes('bool', 4, 4)]],
  },
  opset_6: {
    opset: 6,
    ir: 3,
    nodes: [
      node('Add', 'x,b', 'a', { broadcast: 1, axis: 1 }),
      node('Clip', 'a', 'c', { min: { float: -1 }, max: F }),
      node('Pad', 'c', 'p', { pads: [0, 0, 1, 1, 0, 0, 1, 1], value: F }),
      node('Slice', 'p', 's', { starts: [1], ends: [3], axes: [2] }),
      node('Upsample', 's', 'u', { height_scale: { float: 2 }, width_scale: { float: 2 } }),
      node('Softmax', 'u', 'y'),
    ],
    inputs: [['x', value('f32', 1, 2, 2, 2)]],
    outputs: [['y', value('f32', 1, 2, 4, 8)]],
    constants: [['b', f32(2)]],
  },
  opset_9: {
    opset: 9,
    ir: 4,
    nodes: [
      node('Unsqueeze', 'x', 'a', { axes: [0] }),
      node('Upsample', 'a,s', 'u', { mode: 'linear' }),
      node('Dropout', 'u', 'd', { ratio: { float: 0.5 } }),
      node('ReduceSum', 'd', 'r', { axes: [1], keepdims: 1 }),
      node('Squeeze', 'r', 'y', { axes: [0] }),
    ],
    inputs: [['x', value('f32', 2, 2, 2)]],
    outputs: [['y', value('f32', 1, 4, 4)]],
    constants: [['s', { ...f32(4), data: Float32Array.of(1, 1, 2, 2) }]],
  },
  images: {
    opset: 16,
    ir: 8,
    nodes: [
      node('Resize', 'x,,,size', 'r', { mode: 'cubic', coordinate_transformation_mode: 'align_corners' }),
      node('GridSample', 'r,grid', 'g', { padding_mode: 'reflection', mode: 'bicubic' }),
      node('RoiAlign', 'r,rois,which', 'a', { output_height: 2, output_width: 2, sampling_ratio: 2 }),
      node('NonMaxSuppression', 'boxes,scores,most,th', 'n'),
      node('MaxPool', 'x', 'm,mi', { kernel_shape: [2, 2], strides: [2, 2] }),
      node('MaxUnpool', 'm,mi', 'u', { kernel_shape: [2, 2], strides: [2, 2] }),
      node('DepthToSpace', 'x', 'd', { blocksize: 2, mode: 'CRD' }),
    ],
    inputs: [['x', value('f32', 1, 4, 4, 4)], ['boxes', value('f32', 1, 3, 4)]],
    outputs: ['g', 'a', 'n', 'u', 'd'].map((name) => [name, value(name === 'n' ? 's64' : 'f32', 'A')]),
    constants: [
      ['size', s64(1, 4, 5, 6)],
      ['grid', f32(1, 2, 2, 2)],
      ['rois', f32(2, 4)],
      ['which', s64(0, 0)],
      ['scores', f32(1, 2, 3)],
      ['most', s64(2)],
      ['th', { ...f32(1), data: Float32Array.of(0.5) }],
    ],
  },
  resize_to_nothing: {
    nodes: [node('Resize', 'x,,,size', 'y', { mode: 'linear' })],
    inputs: [
      ['x', value('f32', 2, 3)],
      ['size', value('s64', 2)],
    ],
    outputs: [['y', value('f32', 'A', 'B')]],
  },
  scatter: {
    opset: 18,
    ir: 8,
    nodes: [
      node('ScatterElements', 'x,i,u', 'a', { axis: 1, reduction: 'add' }),
      node('ScatterND', 'a,n,u2', 'b', { reduction: 'max' }),
      node('GatherElements', 'b,i', 'c', { axis: 1 }),
      node('OneHot', 'i,depth,values', 'd'),
      node('Compress', 'b,keep', 'e', { axis: 0 }),
      node('Unique', 'x', 'f,fi', { sorted: 1 }),
      node('CumSum', 'b,axis', 'g', { reverse: 1 }),
      node('ReverseSequence', 'b,lens', 'h', { batch_axis: 0, time_axis: 1 }),
    ],
    inputs: [['x', value('f32', 2, 3)], ['i', value('s64', 2, 1)]],
    outputs: ['c', 'd', 'e', 'f', 'g', 'h'].map((name) => [name, value('f32', 'A')]),
    constants: [
      ['u', f32(2, 1)],
      ['n', { ...s64(0, 1), dims: [2, 1] }],
      ['u2', f32(2, 3)],
      ['depth', s64(3)],
      ['values', f32(2)],
      ['keep', bytes('bool', 2, 2)],
      ['axis', s64(1)],
      ['lens', s64(2, 3)],
    ],
  },
  types: {
    nodes: [
      node('Cast', 'h', 'a', { to: 1 }),
      node('Cast', 'b', 'c', { to: 1 }),
      node('Add', 'd,d', 'e'),
      node('Mod', 'i,i2', 'm'),
      node('BitShift', 'u,u', 's', { direction: 'LEFT' }),
      node('Constant', '', 'k', { value_floats: { floats: [1, 2] } }),
      node('Constant', '', 'k2', { value: { tensor: f32(2) } }),
      node('Sum', 'a,c,k,k2', 'y'),
    ],
    inputs: [['h', value('f16', 2)], ['d', value('f64', 2)], ['i', value('s32', 2)], ['u', value('u8', 2)]],
    outputs: [['y', value('f32', 2)], ['e', value('f64', 2)], ['m', value('s32', 2)], ['s', value('u8', 2)]],
    constants: [['b', bytes('bf16', 4, 2)], ['i2', { dtype: 's32', dims: [2], data: Int32Array.of(3, -2) }]],
  },
  training: {
    domains: [['ai.onnx.preview.training', 1]],
    nodes: [
      node('SoftmaxCrossEntropyLoss', 'x,t', 'l', { reduction: 'mean', ignore_index: -1 }),
      node('Adam', 'r,step,w,g,m,m2', 'wn,mn,m2n', { alpha: { float: 0.9 } }, 'ai.onnx.preview.training'),
      node('Momentum', 'r,step,w,g,m', 'wo,mo', { alpha: F, beta: F, norm_coefficient: F, mode: 'nesterov' }, 'ai.onnx.preview.training'),
    ],
    inputs: [['x', value('f32', 2, 3)], ['t', value('s64', 2)], ['step', value('s64')]],
    outputs: [['l', value('f32')], ['wn', value('f32', 2)], ['wo', value('f32', 2)]],
    constants: [['r', scalar('f32', Float32Array.of(0.1))], ['w', f32(2)], ['g', f32(2)], ['m', f32(2)], ['m2', f32(2)]],
  },
  signals: {
    opset: 17,
    ir: 8,
    nodes: [
      node('HannWindow', 'n', 'w'),
      node('STFT', 'x,step,w', 's'),
      node('DFT', 'x', 'd', { axis: 1, onesided: 1 }),
      node('MelWeightMatrix', 'bins,n,rate,lo,hi', 'm'),
      node('RandomNormal', '', 'q', { shape: [2, 2], seed: F }),
      node('Det', 'q', 'z'),
    ],
    inputs: [['x', value('f32', 1, 16, 1)]],
    outputs: ['s', 'd', 'm', 'z'].map((name) => [name, value('f32', 'A')]),
    constants: [
      ['n', scalar('s64', BigInt64Array.of(8n))],
      ['step', scalar('s64', BigInt64Array.of(4n))],
      ['bins', scalar('s64', BigInt64Array.of(4n))],
      ['rate', scalar('s64', BigInt64Array.of(16n))],
      ['lo', scalar('f32', Float32Array.of(0))],
      ['hi', scalar('f32', Float32Array.of(8))],
    ],
  },
  unknown: {
    domains: [['other', 3]],
    nodes: [node('Whatever', 'x,w', 'a', { axis: 1, text: 'kept', list: { floats: [1] } }, 'other'), node('Relu', 'a', 'y')],
    inputs: [['x', value('f32', 'N', 4)]],
    outputs: [['y', value('f32', 'N', 4)]],
    constants: [['w', f32(4)]],
  },
};

for (const [name, model] of Object.entries(MODELS)) writeFileSync(join(FOLDER, `seed_${name}.onnx`), onnxModel(model));
