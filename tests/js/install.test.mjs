/** What `cmake --install` gives is enough to build the C example, with pkg-config and with find_package, anywhere. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLE = join(ROOT, 'examples/c');
const MODEL = join(ROOT, 'examples/models/lenet5.onnx');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const run = (program, args, options = {}) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });

let folder;
let prefix;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pare-install-'));
  const first = join(folder, 'first');
  run('cmake', ['--install', join(ROOT, 'build/native'), '--prefix', first]);
  // An installed tree may be moved: nothing in it may name where it was.
  prefix = join(folder, 'moved');
  renameSync(first, prefix);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const pkgConfigFolder = () => {
  const found = readdirSync(prefix, { recursive: true }).find((path) => path.endsWith('pkgconfig/pare.pc'));
  assert.ok(found, 'pare.pc is installed');
  return join(prefix, found, '..');
};

/** Runs the example on a model, and on a file that is none. */
function check(program) {
  const info = JSON.parse(run(program, [MODEL]));
  assert.deepEqual(info.inputs.length, 1);
  assert.ok(info.layers.length > 0);
  const { status, stderr } = spawnSync(program, [join(EXAMPLE, 'evaluate.c')], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /^BAD_MODEL: ./);
}

test('the C example builds with pkg-config and runs', () => {
  const env = { ...process.env, PKG_CONFIG_PATH: pkgConfigFolder() };
  assert.equal(run('pkg-config', ['--modversion', 'pare'], { env }).trim(), version);
  const flags = run('pkg-config', ['--cflags', '--libs', 'pare'], { env }).trim().split(/\s+/);
  const program = join(folder, 'evaluate');
  run('cc', ['-std=c11', '-Wall', '-Wextra', '-Werror', join(EXAMPLE, 'evaluate.c'), ...flags, '-o', program]);
  check(program);
});

test('the C example builds with find_package and runs', () => {
  const build = join(folder, 'build');
  run('cmake', ['-S', EXAMPLE, '-B', build, `-DCMAKE_PREFIX_PATH=${prefix}`]);
  run('cmake', ['--build', build]);
  check(join(build, 'evaluate'));
});

test('the program and every public header are installed, and nothing of the inside is', () => {
  assert.ok(existsSync(join(prefix, 'bin/pare')));
  const headers = readdirSync(join(prefix, 'include'), { recursive: true }).filter((path) => path.endsWith('.h'));
  assert.deepEqual(
    headers.sort(),
    readdirSync(join(ROOT, 'include'), { recursive: true })
      .filter((path) => path.endsWith('.h'))
      .sort(),
  );
});
