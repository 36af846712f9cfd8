/** The harness's own arithmetic: medians, ratios, verdicts, the table, which rows are wanted. */

/** Of a list of numbers; linear between neighbours, as NumPy's default. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}

export const median = (values) => percentile(values, 0.5);

/** What one contestant needed (ms for a piece of work, or bytes) in short. */
export const summary = (times) => ({
  median: median(times),
  p10: percentile(times, 0.1),
  p90: percentile(times, 0.9),
  best: Math.min(...times),
  rounds: times.length,
});

/**
 * What a row says of a race: ours against the fastest of its peers that took part. `results`: id -> {median, times} or {error}.
 * `ratio` above 1 says that ours needs less; a row whose ours or whose every peer failed has no ratio, and says why.
 */
export function judge(row, results) {
  const ours = results[row.ours];
  const finished = (id) => results[id]?.median > 0 && !results[id].error;
  const peers = row.peers.filter(finished).sort((a, b) => results[a].median - results[b].median);
  const errors = [row.ours, ...row.peers].filter((id) => results[id]?.error).map((id) => `${id}: ${results[id].error}`);
  const { name, title, unit, least, aim } = row;
  const base = { name, title, unit, least, aim, ours: { id: row.ours, ...ours }, errors };
  if (!finished(row.ours) || peers.length === 0) return { ...base, peer: null, ratio: null, met: null };
  const peer = results[peers[0]];
  const ratio = peer.median / ours.median;
  // The same from round to round: a slow spell hits both of a round.
  const rounds = Math.min(ours.times?.length ?? 0, peer.times?.length ?? 0);
  const ratios = Array.from({ length: rounds }, (_, i) => peer.times[i] / ours.times[i]);
  const spread = rounds > 0 ? [percentile(ratios, 0.1), percentile(ratios, 0.9)] : null;
  // What a quiet machine would show: the best round of each.
  const ofBest = ours.best > 0 && peer.best > 0 ? peer.best / ours.best : null;
  return { ...base, peer: { id: peers[0], ...peer }, ratio, spread, ofBest, met: ratio >= row.least, aimed: ratio >= row.aim };
}

/** Billions of multiply-adds a second. */
export const gmacs = (macs, ms) => macs / ms / 1e6;

/** Rows whose name holds any of the texts; all when there is none. A text that fits no row is an error. */
export function choose(rows, texts) {
  const lost = texts.find((text) => !rows.some(({ name }) => name.includes(text)));
  if (lost !== undefined) throw new Error(`no row has '${lost}' in its name; --list shows them`);
  return texts.length === 0 ? rows : rows.filter(({ name }) => texts.some((text) => name.includes(text)));
}

const digits = (x) => (x >= 100 ? x.toFixed(0) : x >= 1 ? x.toFixed(2) : x.toFixed(4));
const times = (ratio) => (ratio === null || ratio === undefined ? '-' : `${ratio.toFixed(2)}x`);
const FIGURES = {
  ms: (ms) => `${digits(ms)} ms`,
  images: (ms) => `${(1000 / ms).toFixed(0)} images/s`,
  bytes: (bytes) => `${(bytes / 1000).toFixed(0)} kB`,
};

function cells(row) {
  const figure = (side) => (side?.median > 0 ? FIGURES[row.unit ?? 'ms'](side.median) : '-');
  return [
    row.name,
    figure(row.ours),
    figure(row.peer),
    row.peer?.id ?? '-',
    times(row.ratio),
    row.spread ? `${times(row.spread[0])}-${times(row.spread[1])}` : '-',
    times(row.ofBest),
    row.gmacs ? row.gmacs.toFixed(1) : '-',
    row.ceiling ? `${((100 * row.gmacs) / row.ceiling).toFixed(0)} %` : '-',
    times(row.least),
    row.met === null ? 'no result' : row.aimed ? 'yes, aim' : row.met ? 'yes' : 'NO',
  ];
}

const HEAD = ['row', 'Pare', 'peer', '', 'ratio', 'p10-p90', 'of best', 'GMAC/s', 'of ceiling', 'at least', 'met'];
const LEFT = new Set([0, 3, 10]);

/** Lines of aligned columns. */
export function table(rows) {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const line = (texts) => texts.map((text, i) => (LEFT.has(i) ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join('  ');
  return lines.map((texts) => line(texts).trimEnd());
}
