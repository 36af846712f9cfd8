/** How the weights are spread, before (outline) and after (filled). Zeros are counted apart: one bar of them would hide the rest. */
import { areaY, line, plot, ruleX, ruleY } from '@observablehq/plot';
import { html, nothing, type TemplateResult } from 'lit';
import { t } from '../i18n/index.ts';
import type { Histogram } from '../lab/api.ts';
import * as format from '../state/format.ts';
import { Chart, type ChartTable } from './chart.ts';

interface Bin {
  at: number;
  n: number;
}

function outline(histogram: Histogram): Bin[] {
  const [low, high] = histogram.range;
  const width = (high - low) / histogram.bins.length;
  return histogram.bins.flatMap((n, i) => [
    { at: low + i * width, n },
    { at: low + (i + 1) * width, n },
  ]);
}

export class WeightHistogram extends Chart {
  static override properties = { ...Chart.properties, old: { attribute: false }, now: { attribute: false }, name: {} };
  declare old: Histogram | null;
  declare now: Histogram | null;
  declare name: string;

  constructor() {
    super();
    this.old = null;
    this.now = null;
    this.name = '';
  }

  protected heading(): string {
    return t('chart.histogram', { name: this.name || t('weights.all') });
  }

  protected empty(): string {
    return t('chart.histogram-empty');
  }

  protected override footer(): TemplateResult | typeof nothing {
    if (!this.now) return nothing;
    const { minimum, maximum, range } = this.now;
    const beyond = minimum < range[0] || maximum > range[1];
    const zeros = (h: Histogram) => t('chart.zeros', { n: format.integer(h.zeros), part: format.percent(h.zeros / Math.max(1, h.count)) });
    return html`<div class="muted">
      ${this.old ? html`<div>◻ ${t('chart.before')}: ${zeros(this.old)}</div>` : nothing}
      <div>◼ ${t('chart.after')}: ${zeros(this.now)}</div>
      ${beyond ? html`<div>${t('chart.beyond')}</div>` : nothing}</div>`;
  }

  protected table(): ChartTable {
    const { old: before, now: after } = this;
    const [low, high] = after?.range ?? [0, 1];
    const width = (high - low) / (after?.bins.length ?? 1);
    return {
      columns: [
        { title: t('chart.from'), number: true },
        { title: t('chart.to'), number: true },
        { title: t('chart.before'), number: true },
        { title: t('chart.after'), number: true },
      ],
      rows: (after?.bins ?? []).map((n, i) => [
        format.significant(low + i * width),
        format.significant(low + (i + 1) * width),
        format.integer(before?.bins[i]),
        format.integer(n),
      ]),
    };
  }

  protected draw(width: number, height: number): Element | null {
    const { old: before, now: after } = this;
    if (!after) return null;
    return plot({
      width,
      height,
      marginLeft: 56,
      marginBottom: 40,
      style: { fontSize: '12px', background: 'none', overflow: 'visible' },
      ariaLabel: this.heading(),
      x: { label: t('chart.weight-value'), labelAnchor: 'center', labelArrow: 'none', domain: after.range },
      y: { label: t('chart.weight-count'), labelArrow: 'none', grid: true, ticks: 5, tickFormat: (d: number) => format.integer(d) },
      marks: [
        areaY(outline(after), { x: 'at', y1: 0, y2: 'n', fill: 'var(--c-after)', fillOpacity: 0.55 }),
        before ? line(outline(before), { x: 'at', y: 'n', stroke: 'currentColor', strokeWidth: 1.25 }) : null,
        ruleX([0], { stroke: 'var(--edge)', strokeDasharray: '2 4' }),
        ruleY([0], { stroke: 'currentColor' }),
      ],
    });
  }
}
customElements.define('pare-weight-histogram', WeightHistogram);
