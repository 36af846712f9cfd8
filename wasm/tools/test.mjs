/**
 * `npm test`: installs what is missing, builds, and runs every test; with names, only those: native debug js web lint.
 * A part that fails does not keep the others from running; the exit code is 0 only when all passed.
 */
import { join } from 'node:path';
import { build } from './build.mjs';
import { JOBS, ROOT, filesBelow, tries } from './run.mjs';
import { setup } from './setup.mjs';
import { printSizes } from './sizes.mjs';

const ctest = (preset) => tries('ctest', ['--preset', preset, '-j', JOBS]);

function nodeTests(folder) {
  const files = filesBelow(folder, (path) => path.endsWith('.test.mjs'));
  if (files.length === 0) {
    console.error(`no tests in ${folder}`);
    return false;
  }
  return tries(process.execPath, ['--test', '--test-reporter=spec', ...files.map((path) => join(ROOT, path))]);
}

const PARTS = {
  lint: { builds: [], run: () => tries(process.execPath, [join(ROOT, 'wasm/tools/lint.mjs')]) },
  native: { builds: ['native'], run: () => ctest('native') },
  debug: { builds: ['debug'], run: () => ctest('native-debug') },
  js: { builds: ['native', 'js', 'web'], run: () => nodeTests('tests/js') },
  web: { builds: ['native', 'js', 'web'], run: () => nodeTests('tests/web') },
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in PARTS));
if (unknown) {
  console.error(`test.mjs: no part '${unknown}'; there are: ${Object.keys(PARTS).join(' ')}`);
  process.exit(2);
}
setup('test');
const chosen = Object.keys(PARTS).filter((name) => names.length === 0 || names.includes(name));
build([...new Set(chosen.flatMap((name) => PARTS[name].builds))]);
printSizes();

const results = [];
for (const name of chosen) {
  console.log(`\n==== ${name}`);
  const started = Date.now();
  results.push({ name, passed: PARTS[name].run(), seconds: (Date.now() - started) / 1000 });
}
console.log('');
for (const { name, passed, seconds } of results) console.log(`${passed ? 'passed' : 'FAILED'}  ${name}  (${seconds.toFixed(0)} s)`);
process.exit(results.every(({ passed }) => passed) ? 0 : 1);
