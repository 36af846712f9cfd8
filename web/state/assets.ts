/** The networks and data that come with the page. vite.config.ts says where each file is: beside the page, or inside it. */
import { files } from 'virtual:pare-assets';
import type { Key } from '../i18n/index.ts';
import type { AssetSource, CoreAssets } from '../lab/api.ts';

export interface BundledData {
  id: string;
  title: Key;
  /** A generated set has no files. */
  generated?: 'spirals' | 'sequence';
  files: string[];
  /** The key of its classes' names, with | between them. */
  classes?: Key;
}

const IDX = (folder: string) =>
  ['train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz', 't10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz'].map(
    (name) => `${folder}/${name}`,
  );

export const DATA_SETS: BundledData[] = (
  [
    { id: 'fashion-small', title: 'data.fashion-small', files: IDX('data/fashion-small'), classes: 'data.fashion-classes' },
    { id: 'fashion', title: 'data.fashion', files: IDX('data/fashion'), classes: 'data.fashion-classes' },
    { id: 'spirals', title: 'data.spirals', generated: 'spirals', files: [] },
    { id: 'sequence', title: 'data.sequence', generated: 'sequence', files: [] },
  ] satisfies BundledData[] as BundledData[]
).filter((set) => set.files.every((file) => file in files));

export const NETWORKS: string[] = Object.keys(files)
  .filter((path) => path.startsWith('models/'))
  .map((path) => path.replace(/^models\//, '').replace(/\.onnx$/, ''))
  .sort((a, b) => order(a) - order(b));

function order(name: string): number {
  const known = ['lenet5', 'lenet5_caffe', 'lenet300', 'dscnn', 'resnet8', 'lstm_teacher', 'lstm_student'].indexOf(name);
  return known < 0 ? 99 : known;
}

export const FIRST_NETWORK = 'lenet5';
export const FIRST_DATA = 'fashion-small';

export function asset(path: string): AssetSource {
  const source = files[path];
  if (!source) throw new Error(`the page was built without ${path}`);
  return 'url' in source ? { url: new URL(source.url, document.baseURI).href } : source;
}

/** What a page may have been built without. */
const assetIfThere = (path: string): AssetSource | undefined => (path in files ? asset(path) : undefined);

/** The first core is small; the wide one has every operator and pass. A page may come with only one of them. */
export function coreAssets(kind: 'first' | 'wide'): CoreAssets | undefined {
  const [plain, relaxed] = kind === 'first' ? ['pare.wasm', 'pare-relaxed.wasm'] : ['pare-wide.wasm', 'pare-relaxed-wide.wasm'];
  const wasm = assetIfThere(plain);
  const faster = assetIfThere(relaxed);
  return wasm && { wasm, ...(faster && { relaxed: faster }) };
}

export const networkAsset = (name: string): AssetSource => asset(`models/${name}.onnx`);
