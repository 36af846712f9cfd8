/** The lock file and the package hold what they should, and nothing that ties them to a place. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const json = (path) => JSON.parse(readFileSync(ROOT + path, 'utf8'));

test('the lock file names no registry', () => {
  const places = Object.values(json('package-lock.json').packages).map((entry) => entry.resolved ?? '');
  assert.deepEqual(
    places.filter((place) => /^https?:/.test(place)),
    [],
  );
});

test('installing the package downloads nothing and runs nothing', () => {
  const { scripts, dependencies } = json('package.json');
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.equal(scripts[name], undefined);
  assert.equal(dependencies, undefined);
});

test('npm pack has the compiled interface, its types, the modules and the command', () => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], { cwd: ROOT, encoding: 'utf8' }),
  );
  const paths = packed.files.map(({ path }) => path);
  const { exports, bin } = json('package.json');
  const named = [
    ...Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry))),
    ...Object.values(bin),
  ];
  const wanted = [...new Set(named.map((path) => path.replace(/^\.\//, ''))), 'build/npm/pare-cli.wasm', 'README.md', 'LICENSE'];
  assert.deepEqual(
    wanted.filter((path) => !paths.includes(path)),
    [],
  );
  assert.deepEqual(
    paths.filter((path) => /^(src|tests|web|node_modules)\//.test(path)),
    [],
  );
});
