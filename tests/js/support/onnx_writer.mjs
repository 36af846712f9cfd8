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

/** A dimension that is a text is open, and has that name; without a dtype only the name is told. */
function valueInfo(name, { dtype, dims }) {
  if (!dtype) return bytes(1, name);
  const shape = message(2, ...dims.map((d) => message(1, typeof d === 'string' ? bytes(2, d) : int(1, d))));
  return Buffer.concat([bytes(1, name), message(2, message(1, int(1, DTYPES[dtype]), shape))]);
}

/** Numbers become ints; { float: x } a float, { floats: [..] } floats; arrays ints; texts, and arrays of them, strings. */
function attribute(name, value) {
  const head = bytes(1, name);
  if (Array.isArray(value) && typeof value[0] === 'string') return Buffer.concat([head, ...value.map((v) => bytes(9, v)), int(20, 8)]);
  if (Array.isArray(value)) return Buffer.concat([head, ...value.map((v) => int(8, v)), int(20, 7)]);
  if (typeof value === 'string') return Buffer.concat([head, bytes(4, value), int(20, 3)]);
  if (value.floats) return Buffer.concat([head, ...value.floats.map((v) => float(7, v)), int(20, 6)]);
  if (typeof value === 'object') return Buffer.concat([head, float(2, value.float), int(20, 1)]);
  return Buffer.concat([head, int(3, value), int(20, 2)]);
}

/** node: { op, domain, inputs: [names], outputs: [names], attrs: {} }; inputs, outputs, constants: Map name -> tensor. */
export function onnxModel({ nodes, inputs, outputs, constants, opset = 13 }) {
  const graph = [];
  for (const [i, node] of nodes.entries()) {
    graph.push(
      message(
        1,
        ...node.inputs.map((name) => bytes(1, name)),
        ...node.outputs.map((name) => bytes(2, name)),
        bytes(3, `node_${i}`),
        bytes(4, node.op),
        ...Object.entries(node.attrs ?? {}).map(([name, value]) => message(5, attribute(name, value))),
        bytes(7, node.domain ?? ''),
      ),
    );
  }
  graph.push(bytes(2, 'cases'));
  for (const [name, tensor] of constants) graph.push(message(5, tensorProto(name, tensor)));
  for (const [name, tensor] of inputs) graph.push(message(11, valueInfo(name, tensor)));
  for (const [name, tensor] of outputs) graph.push(message(12, valueInfo(name, tensor)));
  const opsets = [
    ['', opset],
    ['com.microsoft', 1],
  ].map(([domain, version]) => message(8, bytes(1, domain), int(2, version)));
  return Buffer.concat([int(1, 7), message(7, ...graph), ...opsets]);
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
