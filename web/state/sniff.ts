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
