/**
 * `npm run bench`: Pare against its peers, interleaved, every row of rows.mjs. Prints a table and writes build/bench/report.json. Progress goes to
 * stderr. A row that cannot run says why, and the others go on. Nothing is asserted about speed: the exit code is 1 only when a row has no result.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../../wasm/tools/build.mjs';
import { must } from '../../wasm/tools/run.mjs';
import { setup } from '../../wasm/tools/setup.mjs';
import { choose, table } from './numbers.mjs';
import { BENCH, ROOT } from './places.mjs';

const HELP = `npm run bench [-- OPTIONS]
  --only NAME     only rows with NAME in their name (repeatable, or a list with commas)
  --list          the rows' names, and what they ask for
  --rounds N      rounds of each race (15)
  --json          print the report instead of a table
  --no-build      measure what is built already
  --help
For steady figures on a machine that does other things too, as root, one core, before all others:
  chrt -r 1 taskset -c 1 npm run bench      (the rows named workers want two cores: without taskset)`;

const OPTIONS = {
  only: { type: 'string', multiple: true, default: [] },
  list: { type: 'boolean' },
  rounds: { type: 'string', default: '15' },
  json: { type: 'boolean' },
  'no-build': { type: 'boolean' },
  help: { type: 'boolean' },
};

function readArguments() {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    const rounds = Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 10_000)
      throw new Error(`--rounds takes a whole number from 1, not '${values.rounds}'`);
    return { ...values, rounds, only: values.only.flatMap((text) => text.split(',')).filter((text) => text !== '') };
  } catch (error) {
    console.error(`bench: ${error.message}\n${HELP}`);
    process.exit(2);
  }
}

const say = (text) => process.stderr.write(`bench: ${text}\n`);

function chooseRows(rows, texts) {
  try {
    return choose(rows, texts);
  } catch (error) {
    console.error(`bench: ${error.message}`);
    process.exit(2);
  }
}

const args = readArguments();
if (args.help) {
  console.log(HELP);
  process.exit(0);
}
if (!args['no-build'] && !args.list) {
  setup('test');
  build(['native', 'js']);
}
const { ROWS } = await import('./rows.mjs');
const rows = chooseRows(ROWS, args.only);
if (args.list) {
  for (const { name, title, least, aim } of rows) console.log(`${name.padEnd(34)} ${title} (at least ${least}x, aim ${aim}x)`);
  process.exit(0);
}
if (!args['no-build']) {
  const modules = ['wasm-simd', 'wasm-relaxed'].filter((preset) => existsSync(join(ROOT, 'build', preset, 'build.ninja')));
  for (const preset of modules) must('cmake', ['--build', '--preset', preset, '--target', 'bench_kernels']);
}

const { runRows } = await import('./races.mjs'); // only now is it sure that what it imports is built
const results = await runRows(rows, { rounds: args.rounds }, say);
const report = { date: new Date().toISOString(), cpu: cpus()[0]?.model, node: process.version, rounds: args.rounds, ...results };
mkdirSync(BENCH, { recursive: true });
writeFileSync(join(BENCH, 'report.json'), `${JSON.stringify(report, null, 1)}\n`);
if (args.json) console.log(JSON.stringify(report));
else {
  console.log(table(report.rows).join('\n'));
  for (const { name, errors } of report.rows) for (const error of errors) console.log(`${name}: ${error}`);
  console.log('written: build/bench/report.json');
}
process.exit(report.rows.every(({ ratio }) => ratio !== null) ? 0 : 1);
