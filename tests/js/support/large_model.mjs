/** A model that ends with its weights, so that a file of any size is a head and as many bytes as wanted. */

function varint(n) {
  const out = [];
  let rest = n;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Buffer.from([...out, rest]);
}
const field = (number, n) => Buffer.concat([varint(number * 8 + 2), varint(n)]);
const text = (number, value) => Buffer.concat([field(number, value.length), Buffer.from(value)]);

/** y = Gather(big, i), big f32 [megabytes, 2^18]: all of the file but its last `megabytes` * 2^20 bytes, which are big's. */
export function headOfLarge(megabytes) {
  const size = megabytes * 2 ** 20;
  const shape = [Buffer.from([8]), varint(megabytes), Buffer.from([8]), varint(2 ** 18)];
  const tensorHead = Buffer.concat([...shape, Buffer.from([16, 1]), text(8, 'big'), field(9, size)]);
  const initializer = Buffer.concat([field(5, tensorHead.length + size), tensorHead]);
  const node = Buffer.concat([text(1, 'big'), text(1, 'i'), text(2, 'z'), text(4, 'Gather')]);
  const row = Buffer.from([0x12, 10, 0x0a, 8, 8, 7, 0x12, 4, 0x0a, 2, 8, 1]); // s64 [1]
  const rest = Buffer.concat([field(1, node.length), node, field(11, 3 + row.length), text(1, 'i'), row, field(12, 3), text(1, 'z')]);
  const body = text(2, 'large');
  const graph = field(7, body.length + rest.length + initializer.length + size);
  const head = Buffer.concat([Buffer.from([8, 7]), field(8, 2), Buffer.from([16, 13])]);
  return Buffer.concat([head, graph, body, rest, initializer]);
}
