/** The small part of Fashion-MNIST that comes with the page: the first samples of each split, as IDX files again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

export const IDX_FILES = [
  'train-images-idx3-ubyte.gz',
  'train-labels-idx1-ubyte.gz',
  't10k-images-idx3-ubyte.gz',
  't10k-labels-idx1-ubyte.gz',
];
const N_TRAIN = 6000;
const N_TEST = 2000;

/** IDX: two zero bytes, the type, the rank, then the dimensions as big-endian u32, then the bytes. */
function first(bytes: Buffer, n: number): Buffer {
  const rank = bytes[3] ?? 0;
  const header = Buffer.from(bytes.subarray(0, 4 + 4 * rank));
  let each = 1;
  for (let i = 1; i < rank; i++) each *= header.readUInt32BE(4 + 4 * i);
  header.writeUInt32BE(n, 4);
  return Buffer.concat([header, bytes.subarray(header.length, header.length + n * each)]);
}

export function smallPart(folder: string): [string, Uint8Array][] {
  return IDX_FILES.map((name) => {
    const bytes = gunzipSync(readFileSync(join(folder, name)));
    return [name, gzipSync(first(bytes, name.startsWith('train') ? N_TRAIN : N_TEST), { level: 9 })];
  });
}
