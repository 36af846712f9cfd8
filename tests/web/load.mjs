/** Bundles a TypeScript module of the page for Node, so that its logic is tested without a browser. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export async function load(path) {
  const folder = mkdtempSync(join(tmpdir(), 'pare-web-'));
  const outfile = join(folder, 'module.mjs');
  try {
    await build({
      entryPoints: [fileURLToPath(new URL(`../../web/${path}`, import.meta.url))],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'error',
    });
    return await import(pathToFileURL(outfile));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
