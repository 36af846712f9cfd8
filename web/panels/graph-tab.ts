/** The chosen network as a drawing, the original beside it, coloured by a measure of the layers. */
import { css, html, nothing, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { GRAPH_MEASURES, type GraphMeasure } from '../charts/graph-view.ts';
import { t } from '../i18n/index.ts';
import type { DrawnGraph } from '../lab/graph-layout.ts';
import { changesOf } from '../state/graph-diff.ts';
import { app } from '../state/lab.ts';
import type { Point } from '../state/types.ts';
import { Panel } from './panel.ts';

/** What the panel draws before anything is measured: a network that cannot run has no point, but it has a graph. */
interface Subject {
  key: string;
  label: string;
  layers: Point['step']['layers'];
}

export class GraphTab extends Panel {
  static override styles = [
    base,
    css`
      :host { display: flex; flex-direction: column; gap: 8px; }
      .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
      pare-graph { height: 560px; min-width: 0; }
    `,
  ];
  static override properties = { measure: { state: true }, graphs: { state: true } };
  declare measure: GraphMeasure;
  declare graphs: ReadonlyMap<string, DrawnGraph | null>;

  constructor() {
    super();
    this.measure = 'bytes';
    this.graphs = new Map();
  }

  #subjects(): Subject[] {
    const { model } = this.state;
    const point = app.selected;
    const original = app.original;
    if (!point) return model ? [{ key: model.key, label: model.name, layers: [] }] : [];
    const subject = (p: Point): Subject => ({ key: p.modelKey, label: p.label, layers: p.step.layers });
    return original && original !== point ? [subject(original), subject(point)] : [subject(point)];
  }

  override willUpdate(): void {
    for (const { key, label } of this.#subjects()) {
      if (this.graphs.has(key)) continue;
      this.graphs = new Map([...this.graphs, [key, null]]);
      void this.#load(key, label);
    }
  }

  async #load(key: string, label: string): Promise<void> {
    try {
      const graph = await app.withModel(key, () => app.client.graph(key));
      this.graphs = new Map([...this.graphs, [key, graph]]);
    } catch (error) {
      app.problem('problem.graph', label, error);
    }
  }

  override render(): TemplateResult {
    const subjects = this.#subjects();
    if (subjects.length === 0) return html`<p class="muted">${t('tab.nothing')}</p>`;
    const compared = subjects.length > 1;
    const [before, after] = [subjects[0]?.layers ?? [], subjects[1]?.layers ?? []];
    return html`<div class="row"><label class="muted" for="measure">${t('graph.by')}</label>
        <select id="measure" @change=${(event: Event) => {
          this.measure = (event.target as HTMLSelectElement).value as GraphMeasure;
        }}>${GRAPH_MEASURES.map((m) => html`<option value=${m} ?selected=${m === this.measure}>${t(`graph.measure-${m}`)}</option>`)}</select>
        ${compared ? html`<span class="muted">${t('graph.marked')}</span>` : nothing}</div>
      <div class="pair">${subjects.map((subject, i) => {
        const graph = this.graphs.get(subject.key) ?? null;
        return html`<pare-graph .graph=${graph} .waiting=${graph === null} .layers=${subject.layers} .name=${subject.label} .measure=${this.measure}
          .layer=${this.state.layer} .changes=${compared ? changesOf(before, after, i === 0 ? 'before' : 'after') : new Map()}
          @choose-layer=${(event: CustomEvent<string>) => app.store.set({ layer: event.detail })}></pare-graph>`;
      })}</div>`;
  }
}
customElements.define('pare-graph-tab', GraphTab);
