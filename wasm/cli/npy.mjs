/** NPY files to ONNX Runtime's tensors and back. */
const KINDS = {
  '<f4': ['float32', Float32Array],
  '<f8': ['float64', Float64Array],
  '<f2': ['float16', globalThis.Float16Array ?? Uint16Array],
  '|u1': ['uint8', Uint8Array],
  '|i1': ['int8', Int8Array],
  '<u2': ['uint16', Uint16Array],
  '<i2': ['int16', Int16Array],
  '<u4': ['uint32', Uint32Array],
  '<i4': ['int32', Int32Array],
  '<u8': ['uint64', BigUint64Array],
  '<i8': ['int64', BigInt64Array],
  '|b1': ['bool', Uint8Array],
};

export function tensorOf(ort, file) {
  const start = 10 + file.readUInt16LE(8);
  const header = file.toString('latin1', 10, start);
  const [type, Values] = KINDS[/'descr': '([^']+)'/.exec(header)[1]];
  const dims = /'shape': \(([^)]*)\)/
    .exec(header)[1]
    .split(',')
    .map((dim) => dim.trim());
  const bytes = file.buffer.slice(file.byteOffset + start, file.byteOffset + file.length);
  return new ort.Tensor(type, new Values(bytes), dims.filter((dim) => dim !== '').map(Number));
}

/** Null for what NPY has no type for: sequences, strings. */
export function npyOf(tensor) {
  const kind = Object.entries(KINDS).find(([, [type]]) => type === tensor.type);
  if (!kind || !tensor.dims) return null;
  const text = `{'descr': '${kind[0]}', 'fortran_order': False, 'shape': (${[...tensor.dims].map((dim) => `${dim},`).join(' ')}), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${header}`, 'latin1');
  head.writeUInt16LE(header.length, 8);
  const { buffer, byteOffset, byteLength } = tensor.data;
  return Buffer.concat([head, Buffer.from(buffer, byteOffset, byteLength)]);
}
