/**
 * Builds the page: `vite build web` writes web/dist (a folder for any file server, from any sub-path, offline after the first visit);
 * with `--mode single` build/single/pare.html, one file that opens from file://. PARE_LAB names another module that gives createLab
 * (the tests use one), PARE_WASM another core, PARE_OUT another folder.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';
import { viteSingleFile } from 'vite-plugin-singlefile';
import { nameSingleFile, pareAssets } from './tools/assets.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig(({ mode }) => {
  const single = mode === 'single';
  const outDir = process.env.PARE_OUT ? resolve(process.env.PARE_OUT) : resolve(here, single ? '../build/single' : 'dist');
  const entries = ['browser.ts', 'worker.ts', 'index.ts'].map((name) => resolve(here, '../wasm/js', name));
  const lab = process.env.PARE_LAB ? resolve(process.env.PARE_LAB) : (entries.find((path) => existsSync(path)) ?? 'no-lab');
  return {
    root: here,
    base: './',
    publicDir: false,
    resolve: {
      alias: [
        { find: '#lab-worker', replacement: `${resolve(here, 'lab/worker.ts')}?worker${single ? '&inline' : ''}` },
        { find: '#lab', replacement: lab },
      ],
    },
    worker: { format: single ? 'iife' : 'es' },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2022',
      modulePreload: false,
      chunkSizeWarningLimit: 1000,
      reportCompressedSize: false,
    },
    plugins: [
      pareAssets(single),
      ...(single
        ? [viteSingleFile({ removeViteModuleLoader: true }), nameSingleFile(outDir)]
        : [
            VitePWA({
              registerType: 'autoUpdate',
              injectRegister: null,
              manifest: {
                name: 'Pare',
                short_name: 'Pare',
                description: 'Prune, distil and quantize neural networks in the browser, with true accuracy.',
                start_url: './',
                scope: './',
                display: 'standalone',
                background_color: '#ffffff',
                theme_color: '#005a8f',
                icons: [{ src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' }],
              },
              workbox: {
                globPatterns: ['**/*.{js,css,html,wasm,onnx,gz,svg}'],
                globIgnores: ['data/fashion/**'],
                maximumFileSizeToCacheInBytes: 8_000_000,
                runtimeCaching: [{ urlPattern: /\/data\/fashion\//, handler: 'CacheFirst', options: { cacheName: 'data' } }],
              },
            }),
          ]),
    ],
  };
});
