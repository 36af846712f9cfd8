/** One row a layer, the chosen network beside the original. Sorted by a click on a heading; a click on a row narrows the other tabs. */
import { css, html, nothing, type TemplateResult } from 'lit';
import type { LayerReport } from '../../wasm/js/types.ts';
import { base } from '../app/styles.ts';
import { LAYER_MEASURES, type LayerMeasure } from '../charts/layer-bars.ts';
import { t, type Key } from '../i18n/index.ts';
import * as format from '../state/format.ts';
import { app } from '../state/lab.ts';
import { pairLayers, type LayerPair } from '../state/layers.ts';
import { Panel } from './panel.ts';

type Column = { id: string; title: Key; value: (l: LayerReport) => number | null; write: (v: number | null) => string; both: boolean };

const COLUMNS: Column[] = [
  { id: 'parameters', title: 'column.parameters', value: (l) => l.parameters || null, write: format.integer, both: true },
  {
    id: 'sparsity',
    title: 'column.sparsity',
    value: (l) => (l.parameters > 0 ? 1 - l.nonzeros / l.parameters : null),
    write: (v) => format.percent(v),
    both: true,
  },
  { id: 'bits', title: 'column.bits', value: (l) => l.bits || null, write: (v) => format.significant(v), both: true },
  { id: 'bytes', title: 'column.bytes', value: (l) => (l.parameters > 0 ? l.bytes : null), write: format.bytes, both: true },
  { id: 'macs', title: 'column.macs', value: (l) => l.macs || null, write: format.count, both: true },
  { id: 'time', title: 'column.time', value: (l) => l.time_ms, write: format.milliseconds, both: true },
  { id: 'sqnr', title: 'column.sqnr', value: (l) => l.sqnr_db, write: format.decibels, both: false },
];

export class LayersTab extends Panel {
  static override styles = [
    base,
    css`
      :host { display: grid; grid-template-columns: minmax(0, 1fr) minmax(280px, 380px); gap: 16px; }
      th button { border: 0; background: none; padding: 0; min-height: 0; font-weight: 600; color: var(--muted); }
      thead th { vertical-align: bottom; }
      tbody tr { cursor: pointer; }
      tbody tr:hover { background: var(--raised); }
      tr.chosen { background: var(--raised); outline: 2px solid var(--accent); outline-offset: -2px; }
      .before { color: var(--muted); }
      .bar { display: inline-block; width: 40px; height: 8px; border: 1px solid var(--edge); margin-right: 4px; vertical-align: 0; }
      .bar > div { height: 100%; background: var(--accent); }
      td .name { border: 0; background: none; padding: 0; min-height: 0; max-width: 200px; overflow: hidden; text-overflow: ellipsis; display: block; text-align: left; }
      td { padding: 2px 8px; }
      .side { min-width: 0; }
      pare-layer-bars { max-width: 720px; }
      @media (max-width: 1600px) { :host { grid-template-columns: minmax(0, 1fr); } }
    `,
  ];
  static override properties = { sort: { state: true }, down: { state: true }, measure: { state: true } };
  declare sort: string;
  declare down: boolean;
  declare measure: LayerMeasure;

  constructor() {
    super();
    this.sort = '';
    this.down = true;
    this.measure = 'bytes';
  }

  #sortBy(id: string): void {
    if (this.sort === id && !this.down) this.sort = '';
    else {
      this.down = this.sort !== id;
      this.sort = id;
    }
  }

  #sorted(pairs: LayerPair[]): LayerPair[] {
    const column = COLUMNS.find((c) => c.id === this.sort);
    if (!column) return pairs;
    const value = (p: LayerPair) => column.value((p.after ?? p.before) as LayerReport) ?? Number.NEGATIVE_INFINITY;
    return [...pairs].sort((a, b) => (this.down ? value(b) - value(a) : value(a) - value(b)));
  }

  #heading(column: Column, compared: boolean): TemplateResult {
    const sorted = this.sort === column.id;
    return html`<th scope="col" class="number" colspan=${compared && column.both ? 2 : 1} aria-sort=${sorted ? (this.down ? 'descending' : 'ascending') : 'none'}>
      <button @click=${() => this.#sortBy(column.id)}>${t(column.title)} ${sorted ? (this.down ? '▾' : '▴') : ''}</button></th>`;
  }

  #cell(column: Column, layer: LayerReport | undefined, isBefore: boolean): TemplateResult {
    const value = layer ? column.value(layer) : null;
    const bar =
      column.id === 'sparsity' && !isBefore && value !== null
        ? html`<span class="bar" aria-hidden="true"><div style="width:${(value * 100).toFixed(0)}%"></div></span>`
        : nothing;
    return html`<td class="number ${isBefore ? 'before' : ''}">${bar}${column.write(value)}</td>`;
  }

  #row(pair: LayerPair, compared: boolean): TemplateResult {
    const layer = (pair.after ?? pair.before) as LayerReport;
    const chosen = this.state.layer === pair.name;
    return html`<tr class=${chosen ? 'chosen' : ''} @click=${() => app.store.set({ layer: chosen ? '' : pair.name })}>
      <td><button class="name" aria-pressed=${chosen} title=${layer.kernel ? `${pair.name} · ${layer.kernel}` : pair.name}>${pair.name}</button></td><td>${layer.op}</td><td>${format.shape(layer.shape)}</td>
      ${COLUMNS.map((c) => html`${compared && c.both ? this.#cell(c, pair.before, true) : nothing}${this.#cell(c, pair.after, false)}`)}</tr>`;
  }

  override render(): TemplateResult {
    const point = app.selected;
    if (!point) return html`<p class="muted">${t('tab.nothing')}</p>`;
    const original = app.original;
    const compared = original !== undefined && original !== point;
    const pairs = pairLayers(compared ? original.step.layers : [], point.step.layers);
    const value = (l: LayerReport | undefined) => (l ? (l[this.measure] ?? null) : null);
    const bars = pairs
      .filter((p) => (value(p.before) ?? 0) > 0 || (value(p.after) ?? 0) > 0)
      .map((p) => ({ name: p.name, before: compared ? value(p.before) : null, after: value(p.after) }));
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${t('tab.layers')}><table>
        <thead><tr><th scope="col">${t('column.layer')}</th><th scope="col">${t('column.operator')}</th><th scope="col">${t('column.shape')}</th>
          ${COLUMNS.map((c) => this.#heading(c, compared))}</tr>
          ${
            compared
              ? html`<tr><td></td><td></td><td></td>${COLUMNS.map((c) =>
                  c.both
                    ? html`<th scope="col" class="number">${t('chart.before')}</th><th scope="col" class="number">${t('chart.after')}</th>`
                    : html`<th scope="col" class="number">${t('chart.after')}</th>`,
                )}</tr>`
              : nothing
          }</thead>
        <tbody>${this.#sorted(pairs).map((p) => this.#row(p, compared))}</tbody></table></div>
      <div class="side"><div class="row"><label class="muted" for="measure">${t('layers.measure')}</label>
        <select id="measure" @change=${(event: Event) => {
          this.measure = (event.target as HTMLSelectElement).value as LayerMeasure;
        }}>${LAYER_MEASURES.map((m) => html`<option value=${m} ?selected=${m === this.measure}>${t(`measure.${m}`)}</option>`)}</select></div>
        <pare-layer-bars .bars=${bars} .measure=${this.measure}></pare-layer-bars></div>`;
  }
}
customElements.define('pare-layers', LayersTab);
