/** What a dropped file is, by its bytes; its name decides nothing. */
export type FileKind = 'data' | 'recipe' | 'model';

export function sniff(head: Uint8Array): FileKind {
  const [a, b, c, d] = head;
  if (a === 0x1f && b === 0x8b) return 'data'; // gzip
  if (a === 0 && b === 0 && c !== undefined && c >= 0x08 && c <= 0x0e && d !== undefined && d >= 1 && d <= 8) return 'data'; // IDX
  if (a === 0x93 && b === 0x4e && c === 0x55) return 'data'; // NPY
  const text = new TextDecoder().decode(head).trimStart();
  if (text.startsWith('{')) return 'recipe';
  return 'model'; // ONNX has no magic number; the core says what is wrong with it
}

/** ONNX writers put ir_version, a small number, first. */
const looksLikeOnnx = (bytes: Uint8Array): boolean => bytes[0] === 8 && (bytes[1] ?? 0) >= 1 && (bytes[1] ?? 0) < 32;

/** Of files that are neither data nor recipes: the network, and the rest, which must be its weights (ONNX external data). */
export function chooseModel<F extends { name: string; bytes: Uint8Array }>(files: F[]): { model: F | null; weights: F[] } {
  const alike = files.filter((file) => looksLikeOnnx(file.bytes));
  const model = alike.find((file) => /\.onnx$/i.test(file.name)) ?? alike[0] ?? files[0] ?? null;
  return { model, weights: files.filter((file) => file !== model) };
}
