/** ONNX Runtime, for tests that compare with it. */
import ort from 'onnxruntime-node';

const AT_ONCE = 250;

/** Logits of `n` images, computed by ONNX Runtime from the model's bytes. */
export async function ortLogits(bytes, pixels, n) {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const elements = pixels.length / n;
  let logits;
  for (let first = 0; first < n; first += AT_ONCE) {
    const count = Math.min(AT_ONCE, n - first);
    const image = new ort.Tensor('float32', pixels.slice(first * elements, (first + count) * elements), [count, 1, 28, 28]);
    const { data } = (await session.run({ image })).logits;
    logits ??= new Float32Array((data.length / count) * n);
    logits.set(data, first * (data.length / count));
  }
  await session.release();
  return logits;
}
