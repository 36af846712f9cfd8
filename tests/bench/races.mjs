/** Runs the rows that are asked for: makes their models, holds their races, checks answers before anything is timed, judges. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countBytes } from './bytes.mjs';
import { ceilingsOf } from './ceilings.mjs';
import { openChromium, raceInChromium } from './chromium.mjs';
import { inputFor, makeModels, MODELS } from './models.mjs';
import { raceNatively } from './native.mjs';
import { gmacs, judge, summary } from './numbers.mjs';
import { raceTraining } from './training.mjs';
import { raceWorkers } from './workers.mjs';

/** Rows of the same race, their contestants once each. */
function races(rows) {
  const found = new Map();
  for (const row of rows) {
    if (!found.has(row.race)) found.set(row.race, { name: row.race, kind: row.kind, place: row.place, rows: [], contestants: [] });
    const { rows: mine, contestants } = found.get(row.race);
    mine.push(row);
    for (const one of row.contestants) if (!contestants.some(({ id }) => id === one.id)) contestants.push(one);
  }
  return [...found.values()];
}

/** Of the largest answer: f32 sums in other orders, with room; int8 the same integers behind the same scale. */
const TOLERANCE = { f32: 1e-4, int8: 1e-5 };
const toleranceOf = (form) => (form.endsWith('int8') ? TOLERANCE.int8 : TOLERANCE.f32);

function largestDifference(a, b) {
  if (a.length !== b.length) return Infinity;
  return a.reduce((worst, x, i) => Math.max(worst, Number.isFinite(x - b[i]) ? Math.abs(x - b[i]) : Infinity), 0);
}

/** Everybody's answer against the first of its form that is not Pare's, or the first there is: id -> {ran} or {error}. */
export function checkAnswers(contestants, opened) {
  const byId = Object.fromEntries(contestants.map((one) => [one.id, one]));
  const results = {};
  for (const { id, error, answer, ran } of opened) {
    const { form } = byId[id];
    const alike = opened.filter((other) => !other.error && byId[other.id].form === form);
    const reference = alike.find((other) => byId[other.id].engine !== 'pare') ?? alike[0];
    results[id] = error ? { error } : { ran };
    if (error || reference.id === id) continue;
    const difference = largestDifference(answer, reference.answer) / Math.max(...reference.answer.map(Math.abs));
    results[id].difference = difference;
    if (!(difference <= toleranceOf(form)))
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

async function hold(one, { nets, chromium, options, say }) {
  const inputs = inputsOf(nets, one.contestants);
  const check = (opened) => checkAnswers(one.contestants, opened);
  if (one.kind === 'training') return raceTraining(one, options, chromium);
  if (one.kind === 'workers') return raceWorkers(one, options, chromium);
  if (one.kind === 'bytes') return countBytes({ ...one, inputs }, await chromium(), say);
  if (one.place === 'native') return raceNatively({ ...one, inputs }, options, check);
  return raceInChromium(await chromium(), { ...one, inputs }, options, check, say);
}

/** id -> {median, p10, p90, times, ran} or {error}; a race that falls fails all of its contestants. */
async function resultsOf(one, tools) {
  try {
    const { results, times } = await hold(one, tools);
    for (const [id, list] of Object.entries(times)) Object.assign(results[id], summary(list), { times: list });
    return results;
  } catch (error) {
    return Object.fromEntries(one.contestants.map(({ id }) => [id, { error: error.message }]));
  }
}

/** Training is a pass forward and two of its size backward. */
const PASSES = { inference: 1, training: 3 };

async function judged(row, results, { nets, macs, ceiling }) {
  const said = judge(row, results);
  if (!(said.ours.median > 0) || !PASSES[row.kind]) return said;
  const { network, form, batch } = row.contestants.find(({ id }) => id === row.ours);
  const images = row.kind === 'training' ? 1 : batch;
  said.macs = (macs[`${network} ${form}`] ?? nets[network].macs) * images * PASSES[row.kind];
  said.gmacs = gmacs(said.macs, said.ours.median);
  const { build } = said.ours.ran ?? {};
  if (build) said.ceiling = await ceiling(row.place, build, form.endsWith('int8') ? 'int8' : 'f32');
  return said;
}

export async function runRows(rows, options, say) {
  const all = races(rows);
  const made = await makeModels(
    all.flatMap(({ contestants }) => contestants),
    say,
  );
  let opening;
  const chromium = () => (opening ??= openChromium());
  const tools = { ...made, chromium, options, say, ceiling: ceilingsOf(chromium, say) };
  const done = new Map();
  try {
    for (const one of all) {
      say(`racing ${one.name}: ${one.contestants.map(({ id }) => id).join(', ')}`);
      const results = await resultsOf(one, tools);
      for (const row of one.rows) done.set(row.name, await judged(row, results, tools));
    }
    const version = opening && (await opening.catch(() => null))?.version;
    return { chromium: version ?? null, rows: rows.map(({ name }) => done.get(name)) };
  } finally {
    await (await opening?.catch(() => null))?.close();
  }
}
