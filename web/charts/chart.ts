/**
 * What every chart is: a figure with a title, a drawing that fits its width, and its table one key away (`t`, or the button). A chart gets
 * plain properties and sends events; it knows nothing of the page, so a lesson or another site can embed it.
 */
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { LanguageController, t } from '../i18n/index.ts';

export interface ChartTable {
  columns: { title: string; number?: boolean }[];
  rows: string[][];
}

export abstract class Chart extends LitElement {
  static override styles = [
    base,
    css`
      figure { margin: 0; display: flex; flex-direction: column; height: 100%; gap: 4px; }
      figcaption { display: flex; gap: 8px; align-items: center; min-height: 28px; flex-wrap: wrap; }
      figcaption h2 { flex: 1 1 200px; }
      .plot { flex: 1; min-height: 0; position: relative; }
      .plot svg { display: block; overflow: visible; max-width: 100%; background: none; }
      .plot figure { margin: 0; }
      .plot text { fill: currentColor; }
      .table { max-height: 320px; }
      .controls { display: flex; gap: 8px; flex-wrap: wrap; align-items: center; }
      label { color: var(--muted); display: inline-flex; gap: 4px; align-items: center; }
      .empty { display: grid; place-items: center; text-align: center; color: var(--muted); padding: 24px; height: 100%; }
      .readout { min-height: 20px; color: var(--muted); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    `,
  ];

  static override properties = { asTable: { state: true } };
  declare asTable: boolean;
  #width = 0;
  #height = 0;
  #observer = new ResizeObserver(() => this.#resized());
  #frame = 0;

  constructor() {
    super();
    this.asTable = false;
    new LanguageController(this);
    this.addEventListener('keydown', (event) => {
      const target = event.composedPath()[0] as HTMLElement;
      if (event.key === 't' && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) {
        this.asTable = !this.asTable;
        event.stopPropagation();
      }
    });
  }

  /** What is seen, in one line. */
  protected abstract heading(): string;
  protected abstract table(): ChartTable;
  /** The drawing; null when there is nothing to draw yet. */
  protected abstract draw(width: number, height: number): Element | null;
  /** What to say instead of an empty box. */
  protected abstract empty(): string;
  protected controls(): TemplateResult | typeof nothing {
    return nothing;
  }
  protected footer(): TemplateResult | typeof nothing {
    return nothing;
  }
  /** Pixels, when the chart's place does not say; 0: fills the place. */
  protected naturalHeight(_width: number): number {
    return 240;
  }
  protected afterDraw(_svg: Element): void {}

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  override render(): TemplateResult {
    const { columns, rows } = this.asTable ? this.table() : { columns: [], rows: [] };
    return html`<figure part="figure" aria-label=${this.heading()}>
      <figcaption>
        <h2>${this.heading()}</h2>
        <div class="controls">${this.controls()}
          <button class="quiet" aria-pressed=${this.asTable} title=${t('chart.table-key')} @click=${() => {
            this.asTable = !this.asTable;
          }}>${this.asTable ? t('chart.show-chart') : t('chart.show-table')}</button>
        </div>
      </figcaption>
      ${
        this.asTable
          ? html`<div class="scroll table" tabindex="0" role="region" aria-label=${this.heading()}><table>
              <thead><tr>${columns.map((c) => html`<th scope="col" class=${c.number ? 'number' : ''}>${c.title}</th>`)}</tr></thead>
              <tbody>${rows.map((row) => html`<tr>${row.map((cell, i) => html`<td class=${columns[i]?.number ? 'number' : ''}>${cell}</td>`)}</tr>`)}</tbody>
            </table></div>`
          : html`<div class="plot"></div>`
      }
      ${this.footer()}
    </figure>`;
  }

  override updated(changed: PropertyValues): void {
    // Drawing again would take the point away from under the finger that is about to lift.
    if (changed.size === 1 && changed.has('readout')) return;
    const place = this.renderRoot.querySelector('.plot');
    this.#observer.disconnect();
    if (!place) return;
    this.#observer.observe(place);
    this.#width = place.clientWidth;
    this.#height = place.clientHeight;
    this.#paint(place);
  }

  #resized(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      const place = this.renderRoot.querySelector('.plot');
      if (!place || (place.clientWidth === this.#width && place.clientHeight === this.#height)) return;
      this.#width = place.clientWidth;
      this.#height = place.clientHeight;
      this.#paint(place);
    });
  }

  #paint(place: Element): void {
    if (this.#width < 40) return;
    const natural = this.naturalHeight(this.#width);
    const drawing = this.draw(this.#width, natural || Math.max(160, this.#height));
    if (!drawing) {
      const words = document.createElement('div');
      words.className = 'empty';
      words.textContent = this.empty();
      place.replaceChildren(words);
      return;
    }
    const focused = (this.shadowRoot?.activeElement as SVGElement | null)?.dataset?.id;
    place.replaceChildren(drawing);
    // Plot labels its groups; without a role of their own that says nothing to anybody.
    for (const group of drawing.querySelectorAll('g[aria-label]:not([role])')) group.removeAttribute('aria-label');
    drawing.setAttribute('role', 'img');
    this.afterDraw(drawing);
    if (focused) (place.querySelector(`[data-id="${CSS.escape(focused)}"]`) as SVGElement | null)?.focus();
  }
}
