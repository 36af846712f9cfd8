/** Races natively: Pare in a program of its own (tests/bench/infer.c), ONNX Runtime in this process; they take turns, so neither disturbs the other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asked } from './asked.mjs';
import { modelPath } from './models.mjs';
import { ROOT } from './places.mjs';
import { race, timed } from './race.mjs';

export const INFER = join(ROOT, 'build/native/bench_infer');

async function openPare(ask, { id, batch, numerics = 'exact', network, form, input }) {
  const { pare } = JSON.parse(await ask(`load ${id} ${batch} ${numerics} ${modelPath(network, form)}`));
  await ask(`input ${id} ${input.path}`);
  await ask(`run ${id} 1`);
  const answer = (await ask(`answer ${id}`)).split(' ').map(Number);
  return { run: async (n) => Number(await ask(`run ${id} ${n}`)), answer, ran: { build: pare.build, kernels: pare.kernels } };
}

async function openOrt(_, { network, form, input }) {
  const { default: ort } = await import('onnxruntime-node');
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all' };
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(modelPath(network, form))), options);
  const data = new Float32Array(new Uint8Array(readFileSync(input.path)).buffer);
  const feeds = { x: new ort.Tensor('float32', data, input.dims) };
  const once = async () => (await session.run(feeds)).y.data;
  return {
    run: timed(once),
    answer: [...(await once())],
    ran: { build: `onnxruntime-node ${ort.env.versions.node}` },
    close: () => session.release(),
  };
}

export async function raceNatively({ contestants, inputs }, options, check) {
  const { ask, close } = asked(INFER);
  const field = [];
  const opened = [];
  try {
    for (const contestant of contestants) {
      const { id, engine } = contestant;
      try {
        const made = await (engine === 'pare' ? openPare : openOrt)(ask, { ...contestant, input: inputs[id] });
        field.push({ id, ...made });
        opened.push({ id, answer: made.answer, ran: made.ran });
      } catch (error) {
        opened.push({ id, error: error.message });
      }
    }
    const results = check(opened);
    return {
      results,
      times: await race(
        field.filter(({ id }) => !results[id].error),
        options,
      ),
    };
  } finally {
    for (const { close: release } of field) await release?.();
    close();
  }
}
