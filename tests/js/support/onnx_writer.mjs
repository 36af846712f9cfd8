/** Writes small ONNX models (protobuf by hand) and NPY files, for tests that compare Pare with ONNX Runtime. */

/** What each element type is: its number in ONNX, its code in NPY, its array. */
const TYPES = {
  f32: [1, '<f4', Float32Array],
  u8: [2, '|u1', Uint8Array],
  s8: [3, '|i1', Int8Array],
  u16: [4, '<u2', Uint16Array],
  s16: [5, '<i2', Int16Array],
  s32: [6, '<i4', Int32Array],
  s64: [7, '<i8', BigInt64Array],
  bool: [9, '|b1', Uint8Array],
  f64: [11, '<f8', Float64Array],
  u32: [12, '<u4', Uint32Array],
  u64: [13, '<u8', BigUint64Array],
  f16: [10], // the last four have bytes only
  bf16: [16],
  u4: [21],
  s4: [22],
};
const column = (i) => Object.fromEntries(Object.entries(TYPES).map(([dtype, facts]) => [dtype, facts[i]]));
const DTYPES = column(0);
const NPY = column(1);
export const ARRAYS = column(2);

const bytesOf = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

function varint(value) {
  const out = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    out.push(rest ? low | 128 : low);
  } while (rest);
  return Buffer.from(out);
}
const int = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field, value) => {
  const data = Buffer.from(value);
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);
};
const float = (field, value) => {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return Buffer.concat([varint((field << 3) | 5), data]);
};
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));

/** A tensor: { dtype: 'u8', dims: [..], data: typed array }, or with external: { location, offset } in place of its data. */
function tensorProto(name, { dtype, dims, data, external }) {
  const head = [...dims.map((d) => int(1, d)), int(2, DTYPES[dtype]), bytes(8, name)];
  if (!external) return Buffer.concat([...head, bytes(9, bytesOf(data))]);
  const entries = Object.entries(external).map(([key, value]) => message(13, bytes(1, key), bytes(2, String(value))));
  return Buffer.concat([...head, ...entries, int(14, 1)]);
}

const sparseProto = (name, { values, indices, dims }) =>
  Buffer.concat([message(1, tensorProto(name, values)), message(2, tensorProto('', indices)), ...dims.map((d) => int(3, d))]);

/** A dimension that is a text is open, and has that name; without a dtype only the name is told. `kind`: 4 makes it a sequence of such tensors, 9 an optional one. */
function valueInfo(name, { dtype, dims, kind }) {
  if (!dtype) return bytes(1, name);
  const shape = message(2, ...dims.map((d) => message(1, typeof d === 'string' ? bytes(2, d) : int(1, d))));
  const tensor = message(1, int(1, DTYPES[dtype]), shape);
  return Buffer.concat([bytes(1, name), message(2, kind ? message(kind, message(1, tensor)) : tensor)]);
}

/** Numbers become ints; arrays ints; texts, and arrays of them, strings; { float }, { floats }, { tensor }, { graph }, { reference } what they say. */
function attribute(name, value) {
  const head = bytes(1, name);
  if (Array.isArray(value) && typeof value[0] === 'string') return Buffer.concat([head, ...value.map((v) => bytes(9, v)), int(20, 8)]);
  if (Array.isArray(value)) return Buffer.concat([head, ...value.map((v) => int(8, v)), int(20, 7)]);
  if (typeof value === 'string') return Buffer.concat([head, bytes(4, value), int(20, 3)]);
  if (typeof value !== 'object') return Buffer.concat([head, int(3, value), int(20, 2)]);
  if (value.graph) return Buffer.concat([head, message(6, graphProto(value.graph)), int(20, 5)]);
  if (value.tensor) return Buffer.concat([head, message(5, tensorProto('', value.tensor)), int(20, 4)]);
  if (value.floats) return Buffer.concat([head, ...value.floats.map((v) => float(7, v)), int(20, 6)]);
  if (value.reference) return Buffer.concat([head, int(20, value.type), bytes(21, value.reference)]);
  return Buffer.concat([head, float(2, value.float), int(20, 1)]);
}

function nodeProto(node, i) {
  return Buffer.concat([
    ...node.inputs.map((name) => bytes(1, name)),
    ...node.outputs.map((name) => bytes(2, name)),
    bytes(3, `node_${i}`),
    bytes(4, node.op),
    ...Object.entries(node.attrs ?? {}).map(([name, value]) => message(5, attribute(name, value))),
    bytes(7, node.domain ?? ''),
  ]);
}

const opsetProto = ([domain, version]) => Buffer.concat([bytes(1, domain), int(2, version)]);

function graphProto({ nodes, inputs, outputs, constants = [], sparse = [] }) {
  const graph = nodes.map((node, i) => message(1, nodeProto(node, i)));
  graph.push(bytes(2, 'cases'));
  for (const [name, tensor] of constants) graph.push(message(5, tensorProto(name, tensor)));
  for (const [name, tensor] of sparse) graph.push(message(15, sparseProto(name, tensor)));
  for (const [name, tensor] of inputs) graph.push(message(11, valueInfo(name, tensor)));
  for (const [name, tensor] of outputs) graph.push(message(12, valueInfo(name, tensor)));
  return Buffer.concat(graph);
}

/** A model-local function: names of inputs and outputs, { name, domain, inputs, outputs, attributes, nodes, opset }. */
function functionProto({ name, domain, inputs, outputs, attributes = [], nodes, opset = 13 }) {
  return Buffer.concat([
    bytes(1, name),
    ...inputs.map((text) => bytes(4, text)),
    ...outputs.map((text) => bytes(5, text)),
    ...attributes.map((text) => bytes(6, text)),
    ...nodes.map((node, i) => message(7, nodeProto(node, i))),
    ...[
      ['', opset],
      [domain, 1],
    ].map((one) => message(9, opsetProto(one))),
    bytes(10, domain),
  ]);
}

/**
 * node: { op, domain, inputs: [names], outputs: [names], attrs: {} }; inputs, outputs, constants: Map (or pairs) name -> tensor; sparse:
 * name -> { values, indices, dims }; domains: more opset imports, [domain, version].
 */
export function onnxModel({ functions = [], domains = [], opset = 13, ir = 7, ...graph }) {
  const opsets = [['', opset], ['com.microsoft', 1], ...domains].map((one) => message(8, opsetProto(one)));
  const local = functions.map((one) => message(25, functionProto(one)));
  return Buffer.concat([int(1, ir), message(7, graphProto(graph)), ...opsets, ...local]);
}

export function npyBytes({ dtype, dims, data }) {
  const text = `{'descr': '${NPY[dtype]}', 'fortran_order': False, 'shape': (${dims.map((d) => `${d},`).join(' ')}), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${header}`, 'latin1');
  head.writeUInt16LE(header.length, 8);
  return Buffer.concat([head, bytesOf(data)]);
}

export function readNpy(file) {
  const start = 10 + file.readUInt16LE(8);
  const header = file.toString('latin1', 10, start);
  const descr = /'descr': '([^']+)'/.exec(header)[1];
  const dtype = Object.keys(NPY).find((name) => NPY[name] === descr);
  const dims = /'shape': \(([^)]*)\)/
    .exec(header)[1]
    .split(',')
    .map((d) => d.trim())
    .filter((d) => d !== '')
    .map(Number);
  return { dtype, dims, data: new ARRAYS[dtype](file.buffer.slice(file.byteOffset + start, file.byteOffset + file.length)) };
}
