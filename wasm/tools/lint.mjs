/**
 * Every style and fault check: clang-format, clang-tidy with clang's warnings, tsc, Biome. `--fix` formats instead.
 * clang-tidy is slow, so a file that passed is not looked at again until it, a header or the check list changes.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JOBS, ROOT, bin, filesBelow, must, tries } from './run.mjs';
import { setup } from './setup.mjs';

const fix = process.argv.includes('--fix');
setup('test');
const read = (path) => readFileSync(join(ROOT, path));
const cFiles = ['include', 'src', 'tests', 'wasm', 'examples'].flatMap((folder) => filesBelow(folder, (path) => /\.[ch]$/.test(path)));

const clangFormat = () => tries('clang-format', [...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...cFiles]);

const biome = () =>
  tries(bin('biome'), ['check', '--error-on-warnings', '--no-errors-on-unmatched', ...(fix ? ['--write'] : []), '--max-diagnostics=50']);

const projects = ['wasm/js/tsconfig.json', 'web/tsconfig.json'].filter((path) => existsSync(join(ROOT, path)));
const types = () => projects.map((path) => tries(bin('tsc'), ['--noEmit', '-p', path])).every(Boolean);

/** Runs clang-tidy over one file; resolves to its output, '' when there is nothing to say. Tests get clang's warnings and one cheap check (clang-tidy wants at least one). */
const tidyOne = (path) =>
  new Promise((done) => {
    const checks = path.startsWith('tests/') ? ['--checks=-*,clang-diagnostic-*,misc-redundant-expression'] : [];
    const child = spawn('clang-tidy', ['--quiet', '-p', 'build/native-clang', ...checks, path], { cwd: ROOT });
    let out = '';
    let err = '';
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (err += text));
    child.on('error', (error) => done(error.message));
    child.on('close', (code) => done(code === 0 ? '' : out + err));
  });

async function clangTidy() {
  must('cmake', ['--preset', 'native-clang', '--log-level=WARNING']);
  const commands = JSON.parse(read('build/native-clang/compile_commands.json').toString());
  const compiled = [...new Set(commands.map(({ file }) => file.slice(ROOT.length + 1)))].sort();
  const common = createHash('sha256').update(read('.clang-tidy')).update(read('src/cmake/PareFlags.cmake'));
  for (const path of cFiles.filter((path) => path.endsWith('.h'))) common.update(path).update(read(path));
  for (const path of filesBelow('src', (path) => path.endsWith('.def'))) common.update(path).update(read(path));
  const stampPath = join(ROOT, 'build/lint.json');
  const before = existsSync(stampPath) ? JSON.parse(readFileSync(stampPath, 'utf8')) : {};
  const passed = {};
  let failures = 0;
  const queue = compiled.map((path) => ({ path, key: common.copy().update(read(path)).digest('hex') }));
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const said = before[next.path] === next.key ? '' : await tidyOne(next.path);
      if (said === '') passed[next.path] = next.key;
      else {
        failures += 1;
        console.error(said);
      }
    }
  };
  await Promise.all(Array.from({ length: Number(JOBS) }, worker));
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  writeFileSync(stampPath, JSON.stringify(passed));
  return failures === 0;
}

const CHECKS = fix ? { 'clang-format': clangFormat, biome } : { 'clang-format': clangFormat, biome, tsc: types, 'clang-tidy': clangTidy };
let failed = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  const ok = await check();
  console.log(`lint: ${name} ${ok ? 'passed' : 'FAILED'}`);
  if (!ok) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
