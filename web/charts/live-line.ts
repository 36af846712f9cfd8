/** The small live line of a running step: loss falling, accuracy rising, each in its own scale, with its newest number beside it. */
import { css, html, LitElement, nothing, svg, type TemplateResult } from 'lit';
import { base } from '../app/styles.ts';
import { LanguageController, t } from '../i18n/index.ts';
import * as format from '../state/format.ts';
import type { LivePoint } from '../state/types.ts';

const [W, H] = [200, 32];

export class LiveLine extends LitElement {
  static override styles = [
    base,
    css`
      .line { display: grid; grid-template-columns: 64px 1fr auto; gap: 8px; align-items: center; }
      svg { width: 100%; height: 32px; display: block; }
      path { fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke; }
    `,
  ];
  static override properties = { history: { attribute: false } };
  declare history: LivePoint[];

  constructor() {
    super();
    this.history = [];
    new LanguageController(this);
  }

  #line(
    pick: (p: LivePoint) => number | null,
    title: string,
    write: (v: number | null) => string,
    colour: string,
  ): TemplateResult | typeof nothing {
    const values = this.history.flatMap((p) => {
      const value = pick(p);
      return value === null || !Number.isFinite(value) ? [] : [{ at: p.at, value }];
    });
    const last = values.at(-1);
    if (!last) return nothing;
    const [first] = values;
    const span = Math.max(1e-9, last.at - (first?.at ?? 0));
    const low = Math.min(...values.map((v) => v.value));
    const high = Math.max(...values.map((v) => v.value));
    const x = (at: number) => ((at - (first?.at ?? 0)) / span) * W;
    const y = (value: number) => (high > low ? H - 3 - ((value - low) / (high - low)) * (H - 6) : H / 2);
    const d = values.map((v, i) => `${i === 0 ? 'M' : 'L'}${x(v.at).toFixed(1)},${y(v.value).toFixed(1)}`).join('');
    return html`<div class="line"><span class="muted">${title}</span>
      <svg viewBox="0 0 ${W} ${H}" preserveAspectRatio="none" aria-hidden="true">${svg`<path d=${d} stroke=${colour}></path>`}</svg>
      <span class="number">${write(last.value)}</span></div>`;
  }

  override render(): TemplateResult {
    return html`${this.#line(
      (p) => p.loss,
      t('metric.loss'),
      (v) => format.decimal(v, 4),
      'var(--c-quantize)',
    )}
      ${this.#line(
        (p) => p.accuracy,
        t('metric.accuracy'),
        (v) => format.percent(v),
        'var(--c-after)',
      )}`;
  }
}
customElements.define('pare-live-line', LiveLine);
