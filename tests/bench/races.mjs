/** Runs the rows that are asked for: makes their models, holds their races, checks answers before anything is timed, judges. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openChromium, raceInChromium } from './chromium.mjs';
import { inputFor, makeModels, MODELS } from './models.mjs';
import { raceNatively } from './native.mjs';
import { gmacs, judge, summary } from './numbers.mjs';

/** Rows of the same race, their contestants once each. */
function races(rows) {
  const found = new Map();
  for (const row of rows) {
    if (!found.has(row.race)) found.set(row.race, { name: row.race, place: row.place, rows: [], contestants: [] });
    const { rows: mine, contestants } = found.get(row.race);
    mine.push(row);
    for (const one of row.contestants) if (!contestants.some(({ id }) => id === one.id)) contestants.push(one);
  }
  return [...found.values()];
}

/** Of the largest answer: f32 sums in other orders, with room; int8 the same integers behind the same scale. */
const TOLERANCE = { f32: 1e-4, int8: 1e-5 };

function largestDifference(a, b) {
  if (a.length !== b.length) return Infinity;
  return a.reduce((worst, x, i) => Math.max(worst, Number.isFinite(x - b[i]) ? Math.abs(x - b[i]) : Infinity), 0);
}

/** Everybody's answer against the first of its form that is not Pare's, or the first there is: id -> {ran} or {error}. */
export function checkAnswers(contestants, opened) {
  const byId = Object.fromEntries(contestants.map((one) => [one.id, one]));
  const results = {};
  for (const { id, error, answer, ran } of opened) {
    const { form, engine } = byId[id];
    const alike = opened.filter((other) => !other.error && byId[other.id].form === form);
    const reference = alike.find((other) => byId[other.id].engine !== 'pare') ?? alike[0];
    results[id] = error ? { error } : { ran };
    if (error || reference.id === id) continue;
    const largest = Math.max(...reference.answer.map(Math.abs));
    const difference = largestDifference(answer, reference.answer) / largest;
    results[id].difference = difference;
    const bound = engine === 'pare' && form.startsWith('sparse') ? TOLERANCE.f32 : (TOLERANCE[form] ?? TOLERANCE.f32);
    if (!(difference <= bound))
      results[id].error = `its answer differs from ${reference.id}'s by ${difference.toExponential(1)} of the largest`;
  }
  return results;
}

function inputsOf(nets, contestants) {
  const inputs = {};
  for (const { id, network, batch } of contestants) {
    const { dims, data } = inputFor(nets[network], batch);
    const path = join(MODELS, `${network}.${batch}.f32`);
    writeFileSync(path, data);
    inputs[id] = { dims, path };
  }
  return inputs;
}

const finish = (row, results, nets) => {
  const judged = judge(row, results);
  const macs = nets[row.network].macs * row.contestants[0].batch;
  if (judged.ours.median_ms) judged.gmacs = gmacs(macs, judged.ours.median_ms);
  return { ...judged, macs };
};

async function holdRace(one, nets, chromium, options, say) {
  const inputs = inputsOf(nets, one.contestants);
  const check = (opened) => checkAnswers(one.contestants, opened);
  const held =
    one.place === 'chromium'
      ? await raceInChromium(await chromium(), { ...one, inputs }, options, check, say)
      : await raceNatively({ ...one, inputs }, options, check);
  for (const [id, times] of Object.entries(held.times)) Object.assign(held.results[id], summary(times), { times });
  return held.results;
}

export async function runRows(rows, options, say) {
  const inferences = races(rows.filter(({ kind }) => kind === 'inference'));
  const nets = await makeModels(
    inferences.flatMap(({ contestants }) => contestants),
    say,
  );
  const judged = [];
  let opening;
  const chromium = () => (opening ??= openChromium());
  try {
    for (const one of inferences) {
      say(`racing ${one.name}: ${one.contestants.map(({ id }) => id).join(', ')}`);
      const results = await holdRace(one, nets, chromium, options, say).catch((error) =>
        Object.fromEntries(one.contestants.map(({ id }) => [id, { error: error.message }])),
      );
      for (const row of one.rows) judged.push(finish(row, results, nets));
    }
    const version = opening && (await opening.catch(() => null))?.version;
    return { chromium: version ?? null, rows: rows.map(({ name }) => judged.find((row) => row.name === name)).filter(Boolean) };
  } finally {
    await (await opening?.catch(() => null))?.close();
  }
}
