/**
 * The relaxed module with its dot product broken: another instruction of three vectors, v128.bitselect, stands in its place everywhere. It needs no
 * relaxed SIMD, so every engine runs it, and every int8 tile in it computes nonsense.
 */
const DOT = Buffer.from([0xfd, 0x93, 0x02]);
const BITSELECT = Buffer.from([0xfd, 0xd2, 0x00]); // its number, written in as many bytes

export function breakRelaxedDots(bytes) {
  const broken = Buffer.from(bytes);
  let n = 0;
  for (let at = broken.indexOf(DOT); at >= 0; at = broken.indexOf(DOT, at + 3), n++) BITSELECT.copy(broken, at);
  return { broken: new Uint8Array(broken), n };
}
