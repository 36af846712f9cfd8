/**
 * `npm run fuzz`: libFuzzer on the reader and writer (onnx: reading, shape inference, writing) and on planning and running (session), side
 * by side, under ASan and UBSan, ten minutes in all. They start from tests/fuzz/corpus and ONNX's own backend cases; what they find goes
 * to build/fuzz/corpus and is used again. `--seconds N` changes how long, `--only NAME` what (also data, json, recipe). Ends with 1, and
 * the file that shows it, on a crash, a leak, an input that takes too long or takes too much memory.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ROOT, filesBelow } from './run.mjs';
import { setup } from './setup.mjs';

const TESTDATA = '/usr/share/libonnx-testdata/data';
const SEEDS = 'tests/fuzz/corpus';
const MAX_LEN = 8192; // bytes: the models of most operators are far smaller, and small inputs run often
const LIMITS = { rss_limit_mb: 1024, malloc_limit_mb: 256, timeout: 20, max_len: MAX_LEN };
const USUAL = ['onnx', 'session'];
const TARGETS = [...USUAL, 'data', 'json', 'recipe'];

function options(words) {
  const chosen = { seconds: 600, names: USUAL };
  for (let i = 0; i < words.length; i += 2) {
    const [word, value] = [words[i], words[i + 1]];
    if (word === '--seconds' && Number(value) >= 1) chosen.seconds = Math.floor(Number(value));
    else if (word === '--only' && TARGETS.includes(value)) chosen.names = [value];
    else {
      console.error(`fuzz.mjs: '${word} ${value ?? ''}'; there are --seconds N and --only ${TARGETS.join('|')}`);
      process.exit(2);
    }
  }
  return chosen;
}

/** The models and tensors of ONNX's cases that are small enough, each once, named by what is in them. */
function onnxCases(folder) {
  mkdirSync(folder, { recursive: true });
  let entries = [];
  try {
    entries = readdirSync(TESTDATA, { recursive: true, withFileTypes: true });
  } catch {}
  for (const entry of entries) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (!/\.(onnx|pb)$/.test(entry.name) || statSync(path).size > MAX_LEN) continue;
    const bytes = readFileSync(path);
    writeFileSync(join(folder, createHash('sha256').update(bytes).digest('hex').slice(0, 16)), bytes);
  }
  return readdirSync(folder).length;
}

/** Runs one target; gives { name, code, runs, coverage, seconds, artifacts }. */
function fuzz(name, seconds, seeds) {
  const own = join(ROOT, 'build/fuzz/corpus', name);
  const found = join(ROOT, 'build/fuzz/found', name);
  rmSync(found, { recursive: true, force: true });
  for (const folder of [own, found]) mkdirSync(folder, { recursive: true });
  const limits = Object.entries({ ...LIMITS, max_total_time: seconds, detect_leaks: 1, print_final_stats: 1 });
  const args = [...limits.map(([key, value]) => `-${key}=${value}`), `-artifact_prefix=${found}/`, own, ...seeds];
  const started = Date.now();
  const child = spawn(join(ROOT, `build/fuzz/fuzz_${name}`), args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ASAN_OPTIONS: 'allocator_may_return_null=1', UBSAN_OPTIONS: 'print_stacktrace=1' },
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log += text;
  });
  return new Promise((resolve) => {
    child.on('error', ({ message }) =>
      resolve({ name, code: 1, log: message, artifacts: [], runs: 0, coverage: 0, features: 0, seconds: 0 }),
    );
    child.on('close', (code) => {
      const last = [...log.matchAll(/^#(\d+)\s.*cov: (\d+) ft: (\d+)/gm)].at(-1) ?? [];
      const runs = Number(/stat::number_of_executed_units:\s+(\d+)/.exec(log)?.[1] ?? last[1] ?? 0);
      const artifacts = readdirSync(found).filter((file) => !file.startsWith('slow-unit'));
      writeFileSync(join(ROOT, `build/fuzz/fuzz_${name}.log`), log);
      const [coverage, features] = [Number(last[2] ?? 0), Number(last[3] ?? 0)];
      resolve({
        name,
        code: code ?? 1,
        log,
        artifacts: artifacts.map((file) => join(found, file)),
        runs,
        coverage,
        features,
        seconds: (Date.now() - started) / 1000,
      });
    });
  });
}

/** What a run ended on: the sanitizer's or libFuzzer's own words, and the frames of the core. */
function explain({ name, log, artifacts }) {
  const lines = log.split('\n');
  const at = lines.findIndex((line) => /ERROR: |runtime error: |bytes leaked|last error: /.test(line));
  const frames = lines.slice(Math.max(at, 0)).filter((line) => /^\s+#\d+ .*\/src\//.test(line));
  console.error(`\n${name}: ${at < 0 ? lines.slice(-5).join('\n') : lines[at]}`);
  for (const line of frames.slice(0, 8)) console.error(line.replace(`${ROOT}/`, ''));
  for (const path of artifacts) console.error(`  build/fuzz/fuzz_${name} ${path.replace(`${ROOT}/`, '')}`);
  console.error(`  all that it said: build/fuzz/fuzz_${name}.log`);
}

const { seconds, names } = options(process.argv.slice(2));
setup('test');
build(['fuzz']);
const cases = join(ROOT, 'build/fuzz/onnx-cases');
const nCases = onnxCases(cases);
const nSeeds = filesBelow(SEEDS).length;
console.log(`${names.join(' and ')}: ${seconds} s from ${nSeeds} files of ${SEEDS} and ${nCases} of ONNX's cases`);

const results = await Promise.all(names.map((name) => fuzz(name, seconds, USUAL.includes(name) ? [join(ROOT, SEEDS), cases] : [])));
console.log('target          runs   runs/s   edges  features  crashes');
for (const { name, runs, coverage, features, artifacts, seconds: took } of results) {
  const cells = [
    String(runs).padStart(10),
    (runs / took).toFixed(0).padStart(8),
    String(coverage).padStart(7),
    String(features).padStart(9),
  ];
  console.log(`${name.padEnd(10)}${cells.join(' ')} ${String(artifacts.length).padStart(8)}`);
}
const bad = results.filter(({ code, artifacts }) => code !== 0 || artifacts.length > 0);
bad.forEach(explain);
process.exit(bad.length === 0 ? 0 : 1);
