/**
 * What comes with the page besides its code: the core, the example networks and Fashion-MNIST (a small part, and all of it), made from the
 * installed data set. In the folder build they are files beside the page; in the single-file build they are text inside it.
 */
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { IDX_FILES, smallPart } from './fashion.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VIRTUAL = 'virtual:pare-assets';
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 3h12L9 9v5l-2-1V9z" fill="#0072B2"/></svg>`;
/** The core: the first fetch, and what has every operator and pass; each also with relaxed SIMD. */
const CORES = ['pare.wasm', 'pare-relaxed.wasm', 'pare-wide.wasm', 'pare-relaxed-wide.wasm'];

/** Nothing is fetched by a single file: it needs no small first core. */
function collectCores(single: boolean, found: Map<string, Uint8Array>): void {
  if (process.env.PARE_WASM) found.set('pare.wasm', readFileSync(resolve(process.env.PARE_WASM)));
  else if (process.env.PARE_LAB) found.set('pare.wasm', new Uint8Array(8));
  else {
    for (const name of CORES) {
      const path = join(ROOT, 'build/npm', name);
      if ((!single || name.includes('wide')) && existsSync(path)) found.set(name, readFileSync(path));
    }
  }
}

function collect(single: boolean): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  collectCores(single, found);
  const models = join(ROOT, 'examples/models');
  for (const name of readdirSync(models).sort()) {
    if (name.endsWith('.onnx')) found.set(`models/${name}`, readFileSync(join(models, name)));
  }
  const data = process.env.PARE_DATA ?? '/usr/share/datasets/fashion-mnist';
  if (IDX_FILES.every((name) => existsSync(join(data, name)))) {
    for (const [name, bytes] of smallPart(data)) found.set(`data/fashion-small/${name}`, bytes);
    if (!single) for (const name of IDX_FILES) found.set(`data/fashion/${name}`, readFileSync(join(data, name)));
  }
  return found;
}

export function pareAssets(single: boolean): Plugin {
  let files: Map<string, Uint8Array> | null = null;
  const all = () => {
    files ??= collect(single);
    return files;
  };
  return {
    name: 'pare-assets',
    resolveId: (id) => (id === VIRTUAL ? `\0${VIRTUAL}` : undefined),
    load(id) {
      if (id !== `\0${VIRTUAL}`) return undefined;
      if (![...all().keys()].some((name) => name.endsWith('.wasm')))
        this.warn('the core (pare.wasm) is not built: the page will say that the lab cannot start');
      if (!all().has('data/fashion-small/train-labels-idx1-ubyte.gz'))
        this.warn('Fashion-MNIST was not found: the page has generated data only');
      const entries = [...all()].map(([path, bytes]) => [path, single ? { base64: Buffer.from(bytes).toString('base64') } : { url: path }]);
      return `export const files = ${JSON.stringify(Object.fromEntries(entries))};`;
    },
    generateBundle() {
      if (single) return;
      for (const [fileName, source] of all()) this.emitFile({ type: 'asset', fileName, source });
      this.emitFile({ type: 'asset', fileName: 'icon.svg', source: ICON });
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '').replace(/^\//, '');
        const bytes = all().get(path);
        if (!bytes) return next();
        response.setHeader('Content-Type', path.endsWith('.wasm') ? 'application/wasm' : 'application/octet-stream');
        response.end(bytes);
      });
    },
  };
}

/** The single file is called what it is. */
export function nameSingleFile(outDir: string): Plugin {
  return {
    name: 'pare-single-file',
    apply: 'build',
    closeBundle: {
      order: 'post',
      sequential: true,
      handler() {
        if (existsSync(join(outDir, 'index.html'))) renameSync(join(outDir, 'index.html'), join(outDir, 'pare.html'));
      },
    },
  };
}
