/**
 * Makes a network smaller and says what that did to it.
 * Usage: node compress.mjs MODEL.onnx DATA_FOLDER OUT.onnx [LIMIT]     DATA_FOLDER holds the four Fashion-MNIST files;
 * LIMIT: use only so many images for training and for testing.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLab } from 'pare';

const [modelFile, folder, outFile, limit = '0'] = process.argv.slice(2);
if (!outFile) {
  console.error('usage: node compress.mjs MODEL.onnx DATA_FOLDER OUT.onnx [LIMIT]');
  process.exit(2);
}
const names = ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'].map((name) => `${name}-ubyte.gz`);

const lab = await createLab();
const model = lab.loadModel(await readFile(modelFile));
const data = lab.loadDataset(await Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) }))));

const { accuracy } = await model.evaluate(data, { limit: Number(limit) });
console.log(`${modelFile}: ${(100 * accuracy).toFixed(2)} % right`);

const recipe = {
  seed: 1,
  steps: [{ pass: 'prune', amount: 0.8, scope: 'global' }, { pass: 'train', epochs: 1, learning_rate: 0.01 }, { pass: 'quantize' }],
};
const small = await model.run(recipe, { data, limitTrain: Number(limit), limitTest: Number(limit) });
for (const step of small.report.steps) {
  const kilobytes = (step.file_bytes / 1000).toFixed(0);
  console.log(`${step.name}: ${(100 * step.accuracy).toFixed(2)} % right, ${step.nonzeros} weights that are not zero, ${kilobytes} kB`);
}
await writeFile(outFile, small.model.save());
