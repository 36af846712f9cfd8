/** What a visitor fetches, gzip-compressed, against its limits: the page without networks and data, and the core. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ROOT, isMain } from './run.mjs';
import { readdirSync } from 'node:fs';

const gzipped = (path) => gzipSync(readFileSync(path), { level: 9 }).length;

/** [{ name, bytes, limit }] for what is built. */
export function sizes() {
  const found = [];
  const dist = join(ROOT, 'web/dist');
  if (existsSync(dist)) {
    const files = readdirSync(dist, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .filter((path) => !/\/(models|data)\//.test(path.slice(dist.length)) && !/\.(wasm|onnx|gz|map)$/.test(path));
    found.push({
      name: 'page, without core, networks and data',
      bytes: files.reduce((sum, path) => sum + gzipped(path), 0),
      limit: 400_000,
    });
  }
  for (const name of ['pare.wasm', 'pare-relaxed.wasm']) {
    const core = join(ROOT, 'build/npm', name);
    if (existsSync(core)) found.push({ name: `core, build/npm/${name}`, bytes: gzipped(core), limit: 200_000 });
  }
  return found;
}

export function printSizes() {
  for (const { name, bytes, limit } of sizes()) {
    console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB gzip of at most ${limit / 1000} kB: ${name}`);
  }
}

if (isMain(import.meta.url)) printSizes();
