/**
 * Builds what its arguments name, in this order, or everything that ships: native debug clang fuzz wasm relaxed js web.
 * CMake and tsc see for themselves what is new; the page is built again only when something that it is made of changed.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JOBS, ROOT, bin, filesBelow, isMain, must, tries } from './run.mjs';
import { setup } from './setup.mjs';
import { printSizes } from './sizes.mjs';

/** A folder that was configured with another compiler can only be configured afresh. */
function cmake(preset) {
  const configure = ['--preset', preset, '--log-level=WARNING'];
  if (!tries('cmake', configure)) must('cmake', ['--fresh', ...configure]);
  must('cmake', ['--build', '--preset', preset, '-j', JOBS]);
}

/** What each preset links for the npm package; the page carries the modules, all but the command line. */
const SHIPPED = { 'wasm-simd': ['pare', 'pare-wide', 'pare-cli'], 'wasm-relaxed': ['pare-relaxed', 'pare-relaxed-wide'] };
const packaged = (name) => join('build/npm', `${name}.wasm`);

const FEATURES = ['simd', 'relaxed-simd', 'bulk-memory', 'bulk-memory-opt', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals'];

/** clang links without optimising (wasi.cmake says why): this is that step, into the npm package. */
function wasm(preset) {
  cmake(preset);
  mkdirSync(join(ROOT, 'build/npm'), { recursive: true });
  for (const name of SHIPPED[preset]) {
    const [from, to] = [join(ROOT, 'build', preset, `${name}.wasm`), join(ROOT, packaged(name))];
    if (existsSync(to) && statSync(to).mtimeMs >= statSync(from).mtimeMs) continue;
    must(bin('wasm-opt'), ['-Os', ...FEATURES.map((feature) => `--enable-${feature}`), from, '-o', to]);
  }
}

/** The npm package: compiled wasm/js beside the modules that it loads. */
const js = () => must(bin('tsc'), ['-p', 'wasm/js/tsconfig.json']);

/** One line for each file that the page is made of: when all are as they were, so is the page. */
function pageInputs() {
  const paths = ['web', 'wasm/js', 'examples'].flatMap((folder) => filesBelow(folder));
  const modules = Object.values(SHIPPED)
    .flat()
    .filter((name) => name !== 'pare-cli');
  paths.push('package-lock.json', ...modules.map(packaged));
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
  wasm: () => wasm('wasm-simd'),
  relaxed: () => wasm('wasm-relaxed'),
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
