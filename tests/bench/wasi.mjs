/** Runs a WASI command that only reads its arguments and the clock and writes to standard output: in the page and in every Node alike. */
const ERRNO_BADF = 8;

export async function runCommand(bytes, args) {
  let memory;
  let out = '';
  const view = () => new DataView(memory.buffer);
  const texts = ['program', ...args].map((text) => new TextEncoder().encode(`${text}\0`));
  const known = {
    args_sizes_get(count, size) {
      view().setUint32(count, texts.length, true);
      const total = texts.reduce((sum, text) => sum + text.length, 0);
      view().setUint32(size, total, true);
      return 0;
    },
    args_get(pointers, at) {
      let to = at;
      for (const [i, text] of texts.entries()) {
        view().setUint32(pointers + 4 * i, to, true);
        new Uint8Array(memory.buffer, to, text.length).set(text);
        to += text.length;
      }
      return 0;
    },
    environ_sizes_get(count, size) {
      view().setUint32(count, 0, true);
      view().setUint32(size, 0, true);
      return 0;
    },
    environ_get: () => 0,
    clock_time_get(_id, _precision, to) {
      view().setBigUint64(to, BigInt(Math.round(performance.now() * 1e6)), true);
      return 0;
    },
    fd_write(_fd, pieces, count, written) {
      let total = 0;
      for (let i = 0; i < count; i++) {
        const [at, length] = [view().getUint32(pieces + 8 * i, true), view().getUint32(pieces + 8 * i + 4, true)];
        out += new TextDecoder().decode(new Uint8Array(memory.buffer, at, length).slice());
        total += length;
      }
      view().setUint32(written, total, true);
      return 0;
    },
    proc_exit(code) {
      if (code !== 0) throw new Error(`it ended with code ${code}: ${out}`);
      throw known; // the only way out of the program
    },
  };
  const module = await WebAssembly.compile(bytes);
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = known[name] ?? (() => (from === 'env' ? undefined : ERRNO_BADF));
  }
  const { exports } = await WebAssembly.instantiate(module, imports);
  memory = exports.memory;
  try {
    exports._start();
  } catch (end) {
    if (end !== known) throw end;
  }
  return out;
}
