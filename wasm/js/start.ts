/**
 * Which module runs. The one with relaxed SIMD is several times faster in int8 where the processor has VNNI, and wrong where it has not, or where
 * the engine has a fault; no flag tells. So a tiny probe comes first, before anything is fetched, and then the module's own tiles run on extreme
 * values, cold and again once the engine's optimizing compiler has had its turn. Whatever fails, the module without them runs.
 */
import { Core, PareError } from './core.ts';
import type { LabOptions } from './types.ts';

type Load = () => Promise<BufferSource>;

/** dot(w): 4 products of w and 255, added by i32x4.relaxed_dot_i8x16_i7x16_add_s. */
const PROBE = 'AGFzbQEAAAABBgFgAX8BfwMCAQAHBwEDZG90AAAKJQEjACAA/Q9B/wH9D/0MAAAAAAAAAAAAAAAAAAAAAP2TAv0bAAs=';
const WARM_MS = 30;

function probeIsExact(): boolean {
  const bytes = Uint8Array.from(atob(PROBE), (character) => character.charCodeAt(0));
  if (!WebAssembly.validate(bytes)) return false;
  const { dot } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as { dot(w: number): number };
  return [127, -128, 1].every((w) => dot(w) === 4 * 255 * w);
}

const compiled = async (load: Load) => WebAssembly.compile(await load());
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** The module once its tiles have proved right; null when they have not, or when there is none. */
async function proved(load: Load): Promise<WebAssembly.Module | null> {
  try {
    const module = await compiled(load);
    const core = await Core.start(module);
    const end = performance.now() + WARM_MS;
    do {
      for (let i = 0; i < 8; i++) if (core.selfTest() !== 0) return null;
      await turn();
    } while (performance.now() < end);
    return module;
  } catch {
    return null;
  }
}

/** `relaxed` is loaded only when it may run. UNSUPPORTED when it was asked for and computes wrongly here. */
async function choose(plain: Load, relaxed: Load | undefined, simd: LabOptions['simd'] = 'auto'): Promise<WebAssembly.Module> {
  if (!['auto', 'simd128', 'relaxed'].includes(simd))
    throw new PareError('BAD_ARGUMENT', `simd is auto, simd128 or relaxed, not '${simd}'`);
  if (relaxed && (simd === 'relaxed' || (simd === 'auto' && probeIsExact()))) {
    const module = await proved(relaxed);
    if (module) return module;
  }
  if (simd === 'relaxed') throw new PareError('UNSUPPORTED', 'relaxed SIMD is not there, or does not compute exactly here');
  return compiled(plain);
}

/** What the entries share: where the two modules are found unless they are given. A given `wasm` runs alone. */
export function compileWith(
  options: LabOptions,
  name: string,
  read: (address: URL | string) => Promise<BufferSource>,
): Promise<WebAssembly.Module> {
  const { wasm, relaxed, simd } = options;
  const load =
    (source: NonNullable<LabOptions['relaxed']>): Load =>
    async () => {
      if (typeof source === 'function') return source();
      return typeof source === 'string' || source instanceof URL ? read(source) : source;
    };
  const beside = (file: string) => load(new URL(file, import.meta.url));
  const other = relaxed ? load(relaxed) : wasm ? undefined : beside(`${name.replace('pare', 'pare-relaxed')}.wasm`);
  return choose(wasm ? load(wasm) : beside(`${name}.wasm`), other, simd);
}
