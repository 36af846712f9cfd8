/**
 * `npm run conformance`: ONNX's own backend cases (Debian's libonnx-testdata) through the native and the WASI build of the core, and how
 * many passed, failed and are unsupported (because the core said so), per operator and in all. With a text, only the cases whose path has
 * it; `--json` for programs. Ends with 1 when a case failed, the builds disagree, or an operator that is there was refused for anything
 * but strings.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.mjs';
import { JOBS, ROOT, must } from './run.mjs';
import { setup } from './setup.mjs';

const OUTCOMES = ['passed', 'failed', 'unsupported'];
const asJson = process.argv.includes('--json');
const only = process.argv.slice(2).filter((word) => word !== '--json');

function cases(program, args, env = {}) {
  const { status, stdout, stderr } = spawnSync(program, [...args, ...only], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, ...env },
  });
  if (status !== 0) {
    console.error(stderr || `no case found: is libonnx-testdata installed?`);
    process.exit(2);
  }
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** { passed, failed, unsupported } of a list of cases. */
const count = (list) => Object.fromEntries(OUTCOMES.map((outcome) => [outcome, list.filter((one) => one.outcome === outcome).length]));

function tableOf(native, wasi) {
  const ops = [...new Set(native.map(({ op }) => op))].sort();
  const of = (list, op) => count(list.filter((one) => one.op === op));
  return ops.map((op) => ({ op, native: of(native, op), wasi: of(wasi, op) }));
}

function printRow(title, { native, wasi }) {
  const cells = [native, wasi].flatMap((counts) => OUTCOMES.map((outcome) => String(counts[outcome]).padStart(12)));
  console.log(title.padEnd(32) + cells.join(''));
}

setup('test');
build(['native']);
must('cmake', ['--preset', 'wasm-simd', '--log-level=WARNING']);
must('cmake', ['--build', '--preset', 'wasm-simd', '-j', JOBS, '--target', 'pare_conformance']);

const native = cases(join(ROOT, 'build/native/tests/conformance'), []);
const wasi = cases(process.execPath, [join(ROOT, 'wasm/cli/pare.mjs')], {
  PARE_CLI_WASM: join(ROOT, 'build/wasm-simd/pare-conformance.wasm'),
});

const operators = tableOf(native, wasi);
const totals = { native: count(native), wasi: count(wasi) };
const share = totals.native.passed / native.length;
const failed = [...native, ...wasi].filter(({ outcome }) => outcome === 'failed');
const refused = native.filter(({ outcome, claimed }) => outcome === 'unsupported' && claimed);
const notStrings = refused.filter(({ message }) => !message.includes('string'));
const differ = native.filter((one, i) => one.outcome !== wasi[i]?.outcome || one.name !== wasi[i]?.name);

if (asJson) {
  console.log(JSON.stringify({ cases: native.length, share, totals, operators, failed, refused, differ }));
} else {
  console.log(`${' '.repeat(32)}${'native'.padStart(12)}${' '.repeat(24)}${'WASI'.padStart(12)}`);
  console.log('operator'.padEnd(32) + [...OUTCOMES, ...OUTCOMES].map((outcome) => outcome.padStart(12)).join(''));
  for (const row of operators) printRow(row.op, row);
  printRow('all', totals);
  console.log(`\n${native.length} cases, ${(100 * share).toFixed(1)} % pass`);
  for (const { group, name, message } of failed) console.log(`failed: ${group}/${name}: ${message}`);
  for (const { group, name, message } of refused) console.log(`refused: ${group}/${name}: ${message}`);
  for (const { group, name } of differ) console.log(`the builds differ: ${group}/${name}`);
}
process.exit(failed.length === 0 && notStrings.length === 0 && differ.length === 0 ? 0 : 1);
