/** Histograms of the chosen network's weights, with the original's outline. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { t } from '../i18n/index.ts';
import type { Histogram } from '../lab/api.ts';
import { baseName } from '../lab/histogram.ts';
import * as format from '../state/format.ts';
import { app } from '../state/lab.ts';
import { Panel } from './panel.ts';
import '../charts/weight-histogram.ts';

type Tensor = { name: string; dtype: string; shape: number[]; count: number };

export class WeightsTab extends Panel {
  static override styles = [
    base,
    css`:host { display: flex; flex-direction: column; gap: 8px; } select { max-width: 320px; } pare-weight-histogram { height: 320px; }`,
  ];
  static override properties = { tensors: { state: true }, tensor: { state: true }, old: { state: true }, now: { state: true } };
  declare tensors: Tensor[];
  declare tensor: string;
  declare old: Histogram | null;
  declare now: Histogram | null;
  #shown = '';
  #layer = '';

  constructor() {
    super();
    this.tensors = [];
    this.tensor = '';
    this.old = null;
    this.now = null;
  }

  override willUpdate(): void {
    const point = app.selected;
    if (this.state.layer !== this.#layer && this.tensors.length > 0) this.#narrow();
    const wanted = `${point?.modelKey}|${this.tensor}`;
    if (point && wanted !== this.#shown) {
      this.#shown = wanted;
      void this.#load(wanted);
    }
  }

  #narrow(): void {
    this.#layer = this.state.layer;
    this.tensor = this.#ofLayer(this.#layer) ?? '';
  }

  /** Exporters name a node after its module, "/layers.3/conv1/Conv", and its weight "layers.3.conv1.weight". */
  #ofLayer(layer: string): string | undefined {
    const module = layer.split('/').filter(Boolean).slice(0, -1).join('.');
    const name = module ? this.tensors.find((x) => x.name.startsWith(`${module}.`))?.name : undefined;
    return name === undefined ? undefined : baseName(name);
  }

  async #load(wanted: string): Promise<void> {
    const point = app.selected;
    const original = app.original;
    if (!point) return;
    try {
      const tensors = await app.withModel(point.modelKey, () => app.client.tensors(point.modelKey));
      if (wanted !== this.#shown) return;
      this.tensors = tensors.filter((x) => x.shape.length >= 2 && x.count > 1);
      if (this.state.layer !== this.#layer) this.#narrow();
      if (!wanted.endsWith(`|${this.tensor}`)) return; // drawn again for the layer's own tensor
      let before: Histogram | null = null;
      if (original && original !== point) {
        before = await app.withModel(original.modelKey, () => app.client.histogram(original.modelKey, this.tensor, null)).catch(() => null);
      }
      const after = await app.client.histogram(point.modelKey, this.tensor, before?.range ?? null);
      if (wanted !== this.#shown) return;
      this.old = before;
      this.now = after;
    } catch (error) {
      this.now = null;
      this.old = null;
      app.problem('problem.weights', this.tensor || point.label, error);
    }
  }

  override render(): TemplateResult {
    const point = app.selected;
    if (!point) return html`<p class="muted">${t('tab.nothing')}</p>`;
    return html`<div class="row"><label class="muted" for="tensor">${t('weights.tensor')}</label>
        <select id="tensor" @change=${(event: Event) => {
          this.tensor = (event.target as HTMLSelectElement).value;
        }}><option value="" ?selected=${this.tensor === ''}>${t('weights.all')}</option>
          ${this.tensors.map((x) => html`<option value=${baseName(x.name)} ?selected=${baseName(x.name) === this.tensor}>${x.name} (${x.dtype}, ${format.shape(x.shape)})</option>`)}</select>
        ${this.now ? html`<span class="muted">${t('weights.range', { low: format.significant(this.now.minimum), high: format.significant(this.now.maximum) })}</span>` : nothing}</div>
      <pare-weight-histogram .old=${this.old} .now=${this.now} .name=${this.tensor}></pare-weight-histogram>`;
  }
}
customElements.define('pare-weights', WeightsTab);
