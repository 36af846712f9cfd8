/** What differs between the layers of two networks, as words beside each node of their drawings. */
import type { LayerReport } from '../../wasm/js/types.ts';
import { t } from '../i18n/index.ts';
import * as format from './format.ts';
import { pairLayers } from './layers.ts';

/** By layer: what changed; layers that stayed as they were are not in it. */
export type Changes = ReadonlyMap<string, string>;

const zeros = (layer: LayerReport): number => (layer.parameters > 0 ? 1 - layer.nonzeros / layer.parameters : 0);

function difference(before: LayerReport, after: LayerReport): string {
  const found: string[] = [];
  const arrow = (a: string, b: string) => `${a} → ${b}`;
  if (before.op !== after.op) found.push(arrow(before.op, after.op));
  if (format.shape(before.shape) !== format.shape(after.shape)) found.push(arrow(format.shape(before.shape), format.shape(after.shape)));
  if (before.parameters !== after.parameters)
    found.push(t('graph.parameters', { change: arrow(format.count(before.parameters), format.count(after.parameters)) }));
  if ((before.bits ?? 0) !== (after.bits ?? 0))
    found.push(t('graph.bits', { change: arrow(format.significant(before.bits), format.significant(after.bits)) }));
  if (Math.abs(zeros(before) - zeros(after)) >= 0.0005)
    found.push(t('graph.zeros', { change: arrow(format.percent(zeros(before)), format.percent(zeros(after))) }));
  return found.join(', ');
}

/** Of the network `side` of the two. */
export function changesOf(before: readonly LayerReport[], after: readonly LayerReport[], side: 'before' | 'after'): Changes {
  const found = new Map<string, string>();
  for (const pair of pairLayers(before, after)) {
    const words =
      pair.before && pair.after
        ? difference(pair.before, pair.after)
        : pair.after
          ? t('graph.new')
          : side === 'before'
            ? t('graph.gone')
            : '';
    const here = side === 'before' ? pair.before : pair.after;
    if (words && here) found.set(here.name, words);
  }
  return found;
}
