/**
 * Builds what its arguments name, in this order, or everything that ships: native debug clang fuzz wasm relaxed js web.
 * CMake and tsc see for themselves what is new; the page is built again only when something that it is made of changed.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { JOBS, ROOT, bin, filesBelow, isMain, must } from './run.mjs';
import { setup } from './setup.mjs';
import { printSizes } from './sizes.mjs';

// Debian's emcc is a Python script started for each file: its own Python, not a version manager's slow stand-in.
if (existsSync('/usr/share/emscripten/emcc.py')) process.env.EMSDK_PYTHON ??= '/usr/bin/python3';

function cmake(preset) {
  must('cmake', ['--preset', preset, '--log-level=WARNING']);
  must('cmake', ['--build', '--preset', preset, '-j', JOBS]);
}

/** clang links without optimising (wasi.cmake says why): this is that step, for the modules that a page fetches. */
function relaxed() {
  cmake('wasm-relaxed');
  const folder = join(ROOT, 'build/wasm-relaxed');
  const features = ['simd', 'relaxed-simd', 'bulk-memory', 'bulk-memory-opt', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals'];
  for (const name of ['pare', 'pare-wide']) {
    const [from, to] = [join(folder, `${name}.wasm`), join(folder, `${name.replace('pare', 'pare-relaxed')}.wasm`)];
    if (existsSync(to) && statSync(to).mtimeMs >= statSync(from).mtimeMs) continue;
    must(bin('wasm-opt'), ['-Os', ...features.map((feature) => `--enable-${feature}`), from, '-o', to]);
  }
}

const MODULES = ['wasm-simd/pare', 'wasm-simd/pare-wide', 'wasm-relaxed/pare-relaxed', 'wasm-relaxed/pare-relaxed-wide'].map(
  (path) => `build/${path}.wasm`,
);

/** The npm package: compiled wasm/js beside the modules that it loads. */
function js() {
  must(bin('tsc'), ['-p', 'wasm/js/tsconfig.json']);
  const out = join(ROOT, 'build/npm');
  mkdirSync(out, { recursive: true });
  for (const path of MODULES) copyFileSync(join(ROOT, path), join(out, basename(path)));
  copyFileSync(join(ROOT, 'build/wasi/pare-cli.wasm'), join(out, 'pare-cli.wasm'));
}

/** One line for each file that the page is made of: when all are as they were, so is the page. */
function pageInputs() {
  const paths = ['web', 'wasm/js', 'examples'].flatMap((folder) => filesBelow(folder));
  paths.push('package-lock.json', ...MODULES);
  const hash = createHash('sha256');
  for (const path of paths) {
    const { mtimeMs, size } = statSync(join(ROOT, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

function web() {
  const stamp = join(ROOT, 'build/web.stamp');
  const inputs = pageInputs();
  if (existsSync(join(ROOT, 'web/dist/index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return;
  must(bin('vite'), ['build', 'web', '--logLevel', 'warn']);
  must(bin('vite'), ['build', 'web', '--mode', 'single', '--logLevel', 'warn']); // build/single/pare.html
  writeFileSync(stamp, inputs);
}

const PARTS = {
  native: () => cmake('native'),
  debug: () => cmake('native-debug'),
  clang: () => cmake('native-clang'),
  fuzz: () => cmake('fuzz'),
  wasm: () => ['wasm-simd', 'wasi'].forEach(cmake),
  relaxed,
  js,
  web,
};
const EVERYTHING = ['native', 'wasm', 'relaxed', 'js', 'web'];
const BEFORE = { js: ['wasm', 'relaxed'], web: ['wasm', 'relaxed'] };

export function build(names = EVERYTHING) {
  const wanted = new Set(names.flatMap((name) => [...(BEFORE[name] ?? []), name]));
  for (const name of Object.keys(PARTS)) {
    if (wanted.has(name)) PARTS[name]();
  }
}

if (isMain(import.meta.url)) {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !(name in PARTS));
  if (unknown) {
    console.error(`build.mjs: no part '${unknown}'; there are: ${Object.keys(PARTS).join(' ')}`);
    process.exit(2);
  }
  setup('build');
  build(names.length > 0 ? names : EVERYTHING);
  printSizes();
}
