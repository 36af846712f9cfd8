/** Words that every tool of this folder uses: where the repository is, and running a program. Node built-ins only. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const JOBS = String(availableParallelism());

/** The full path of a program on PATH, or null. */
export function which(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder || '.', program);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {}
  }
  return null;
}

/** A program of node_modules. */
export const bin = (name) => join(ROOT, 'node_modules/.bin', name);

/** Runs a program in the root, its output shown; true when it ended well. */
export function tries(program, args, env = {}) {
  const { status, error } = spawnSync(program, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (error) console.error(`${program}: ${error.message}`);
  return status === 0;
}

/** The same, and ends this process when it does not end well. */
export function must(program, args, env) {
  if (tries(program, args, env)) return;
  console.error(`failed: ${[program, ...args].join(' ')}`);
  process.exit(1);
}

/** Every file below a folder of the repository (paths from the root), sorted; none when the folder is not there. */
export function filesBelow(folder, keep = () => true) {
  const found = [];
  const walk = (path) => {
    let entries = [];
    try {
      entries = readdirSync(join(ROOT, path), { withFileTypes: true });
    } catch {}
    for (const entry of entries) {
      const below = `${path}/${entry.name}`;
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'dist') walk(below);
      } else if (entry.isFile() && keep(below)) found.push(below);
    }
  };
  walk(folder);
  return found.sort();
}

export const isMain = (url) => process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
