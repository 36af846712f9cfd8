/** A key for bytes: 64-bit FNV-1a over 32-bit words, as two 32-bit lanes, plus the length. Names content; guards against nothing. */
export function keyOf(...parts: Uint8Array[]): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  let total = 0;
  for (const bytes of parts) {
    total += bytes.length;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(b ^ (byte + (a >>> 24)), 0x85ebca6b);
    }
  }
  return `${(a >>> 0).toString(16).padStart(8, '0')}${(b >>> 0).toString(16).padStart(8, '0')}-${total.toString(36)}`;
}
