/**
 * The instance and its memory: everything that knows about pointers. No view of the memory is kept across a call, because a call may make
 * the memory grow.
 */
import type { PareCode } from './types.ts';

/** The functions of wasm/exports.c; addresses and handles are numbers. */
interface Exports {
  memory: WebAssembly.Memory;
  _initialize?: () => void;
  pare_js_alloc(lenBytes: number): number;
  pare_js_free(address: number): void;
  pare_js_result(): number;
  pare_js_status_name(status: number): number;
  pare_js_version(): number;
  pare_js_build(): number;
  pare_js_evaluation_chunk(): number;
  pare_js_release(handle: number): void;
  [name: string]: unknown;
}

/** What a failed call becomes; `message` names the place and the cause. */
export class PareError extends Error {
  override readonly name: string = 'PareError';
  constructor(
    readonly code: PareCode,
    message: string,
  ) {
    super(message);
  }
}

const ERRNO_BADF = 8;

/**
 * The few WASI calls that a module without files makes, by hand: the whole shim package is thirty times this size, and its file system
 * would never be used.
 */
function wasiImports(memory: () => WebAssembly.Memory): WebAssembly.ModuleImports {
  const clock = (_id: number, _precision: bigint, out: number): number => {
    new DataView(memory().buffer).setBigUint64(out, BigInt(Math.round(performance.now() * 1e6)), true);
    return 0;
  };
  const sizes = (count: number, bytes: number): number => {
    new DataView(memory().buffer).setUint32(count, 0, true);
    new DataView(memory().buffer).setUint32(bytes, 0, true);
    return 0;
  };
  const known: Record<string, (...args: never[]) => unknown> = {
    clock_time_get: clock,
    environ_sizes_get: sizes,
    args_sizes_get: sizes,
    environ_get: () => 0,
    args_get: () => 0,
    proc_exit: (code: number) => {
      throw new Error(`the core stopped with code ${code}`);
    },
  };
  // No file is ever open: every other call is about one.
  return new Proxy(known, {
    get: (target, name) => target[name as string] ?? (() => ERRNO_BADF),
    has: () => true,
  }) as WebAssembly.ModuleImports;
}

/** One block of memory of the core is at most this. */
const MAX_BYTES = 2 ** 31 - 2 ** 16;

/** A stretch of the memory as an array; made again only when the memory has grown, which detaches the old one. */
export class Place<A extends ArrayBufferView> {
  private buffer: ArrayBuffer | undefined;
  private array: A | undefined;

  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly make: new (buffer: ArrayBuffer, address: number, length: number) => A,
    private readonly address: number,
    private readonly length: number,
  ) {}

  /** Good until the next call. */
  view(): A {
    const { buffer } = this.memory;
    if (this.buffer !== buffer || !this.array) {
      this.buffer = buffer;
      this.array = new this.make(buffer, this.address, this.length);
    }
    return this.array;
  }
}

export class Core {
  private readonly exports: Exports;

  private constructor(exports: Exports) {
    this.exports = exports;
  }

  static async start(module: WebAssembly.Module): Promise<Core> {
    let exports: Exports | undefined;
    const wasi = wasiImports(() => (exports as Exports).memory);
    // A Proxy is no plain record for some engines: name what this module asks for.
    const asked: WebAssembly.ModuleImports = {};
    for (const { name } of WebAssembly.Module.imports(module)) asked[name] = wasi[name] as WebAssembly.ImportValue;
    exports = (await WebAssembly.instantiate(module, { wasi_snapshot_preview1: asked })).exports as unknown as Exports;
    exports._initialize?.();
    return new Core(exports);
  }

  /** A fallible export; its results stand in `handle()`, `bytes()` or `text()` until the next call. */
  call(name: string, ...args: number[]): void {
    this.check(this.export(name)(...args));
  }

  /** For calls that are made often: look it up once, and `check` what it gives. */
  export(name: string): (...args: number[]) => number {
    return this.exports[name] as (...args: number[]) => number;
  }

  check(status: number): void {
    if (status !== 0) throw new PareError(this.textAt(this.exports.pare_js_status_name(status)) as PareCode, this.text() || 'it failed');
  }

  private resultWord(i: number): number {
    return new DataView(this.exports.memory.buffer).getUint32(this.exports.pare_js_result() + 4 * i, true);
  }

  handle(): number {
    return this.resultWord(0);
  }

  /** A copy. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.copy(this.resultWord(1), this.resultWord(2));
  }

  text(): string {
    return new TextDecoder().decode(this.bytes());
  }

  json<T>(): T {
    return JSON.parse(this.text()) as T;
  }

  copy(address: number, lenBytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.exports.memory.buffer, address, lenBytes).slice();
  }

  write(address: number, bytes: Uint8Array): void {
    new Uint8Array(this.exports.memory.buffer, address, bytes.length).set(bytes);
  }

  place<A extends ArrayBufferView>(make: new (buffer: ArrayBuffer, address: number, length: number) => A, address: number, length: number) {
    return new Place(this.exports.memory, make, address, length);
  }

  /** Memory with these bytes; the caller frees it or hands it over. */
  allocate(bytes: Uint8Array): number {
    const address = bytes.length <= MAX_BYTES ? this.exports.pare_js_alloc(bytes.length) >>> 0 : 0;
    if (!address)
      throw new PareError('OUT_OF_MEMORY', `there is no memory for ${bytes.length} bytes: it is too large for WebAssembly here`);
    this.write(address, bytes);
    return address;
  }

  /** Memory for each of these, or for none. */
  allocateAll(parts: Uint8Array[]): number[] {
    const made: number[] = [];
    try {
      for (const part of parts) made.push(this.allocate(part));
    } catch (error) {
      for (const address of made) this.exports.pare_js_free(address);
      throw error;
    }
    return made;
  }

  /** Runs `use` with a place for numbers and texts that is freed afterwards. */
  scoped<T>(use: (place: { bytes(bytes: Uint8Array): number; text(text: string): number; words(words: number[]): number }) => T): T {
    const made: number[] = [];
    const bytes = (given: Uint8Array): number => {
      const address = this.allocate(given);
      made.push(address);
      return address;
    };
    try {
      return use({
        bytes,
        text: (text) => bytes(new TextEncoder().encode(`${text}\0`)),
        words: (words) => bytes(new Uint8Array(Uint32Array.from(words).buffer)),
      });
    } finally {
      for (const address of made) this.exports.pare_js_free(address);
    }
  }

  private textAt(address: number): string {
    const memory = new Uint8Array(this.exports.memory.buffer);
    return new TextDecoder().decode(memory.slice(address, memory.indexOf(0, address)));
  }

  /** How many numbers this module's relaxed kernels get wrong in this engine; a module without any has none. */
  selfTest(): number {
    const check = this.exports.pare_js_self_test as (() => number) | undefined;
    return check?.() ?? 0;
  }

  release(handle: number): void {
    this.exports.pare_js_release(handle);
  }

  get version(): string {
    return this.textAt(this.exports.pare_js_version());
  }

  /** Samples of an evaluation that are added up before the sums are. */
  get evaluationChunk(): number {
    return this.exports.pare_js_evaluation_chunk();
  }

  get build(): string {
    return this.textAt(this.exports.pare_js_build());
  }
}
