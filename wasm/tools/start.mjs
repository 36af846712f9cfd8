/** `npm start`: installs what is missing, builds, and serves web/dist, on PORT (4173) or the next free one. */
import { build } from './build.mjs';
import { ROOT } from './run.mjs';
import { setup } from './setup.mjs';
import { printSizes } from './sizes.mjs';

setup('build');
build();
printSizes();
const { preview } = await import('vite'); // only now is it sure to be installed
const port = Number(process.env.PORT) || 4173;
const server = await preview({ root: `${ROOT}/web`, preview: { port, strictPort: false, host: process.env.HOST ?? 'localhost' } });
console.log('Pare is ready (Ctrl+C ends it):');
server.printUrls();
