/** Two bars a row, before and after: the base of the layer chart and of the profile. */
import { barX, plot, ruleX, text } from '@observablehq/plot';
import { html, nothing, type TemplateResult } from 'lit';
import { t } from '../i18n/index.ts';
import { Chart, type ChartTable } from './chart.ts';

export interface Bar {
  name: string;
  before: number | null;
  after: number | null;
}

export abstract class Bars extends Chart {
  static override properties = {
    ...Chart.properties,
    bars: { attribute: false, hasChanged: (now: unknown, old: unknown) => JSON.stringify(now) !== JSON.stringify(old) },
  };
  declare bars: Bar[];

  constructor() {
    super();
    this.bars = [];
  }

  protected abstract rowTitle(): string;
  protected abstract axisTitle(): string;
  protected abstract write(value: number | null): string;

  protected get compared(): boolean {
    return this.bars.some((b) => b.before !== null);
  }

  protected override naturalHeight(): number {
    return 52 + this.bars.length * (this.compared ? 32 : 24);
  }

  protected override footer(): TemplateResult | typeof nothing {
    if (!this.compared) return nothing;
    return html`<div class="muted">◻ ${t('chart.before')} &nbsp; ◼ ${t('chart.after')}</div>`;
  }

  protected table(): ChartTable {
    return {
      columns: [{ title: this.rowTitle() }, { title: t('chart.before'), number: true }, { title: t('chart.after'), number: true }],
      rows: this.bars.map((b) => [b.name, this.write(b.before), this.write(b.after)]),
    };
  }

  protected draw(width: number, height: number): Element | null {
    if (this.bars.length === 0 || this.bars.every((b) => !b.before && !b.after)) return null;
    const rows = this.bars.flatMap((b) => [
      ...(this.compared ? [{ name: b.name, side: 'before', value: b.before }] : []),
      { name: b.name, side: 'after', value: b.after },
    ]);
    const shown = rows.filter((r) => r.value !== null) as { name: string; side: string; value: number }[];
    const most = Math.max(...shown.map((r) => r.value));
    const short = (name: string) => (name.length > 20 ? `…${name.slice(-19)}` : name);
    return plot({
      width,
      height,
      marginLeft: 136,
      marginRight: 64,
      marginTop: 8,
      marginBottom: 36,
      style: { fontSize: '12px', background: 'none', overflow: 'visible' },
      ariaLabel: this.heading(),
      x: {
        label: this.axisTitle(),
        labelAnchor: 'center',
        labelArrow: 'none',
        domain: [0, most || 1],
        tickFormat: (d: number) => this.write(d),
        ticks: Math.max(2, Math.floor((width - 200) / 90)),
        grid: true,
      },
      y: { domain: ['before', 'after'].filter((s) => s === 'after' || this.compared), axis: null, padding: 0.1 },
      fy: { domain: this.bars.map((b) => b.name), label: null, axis: 'left', tickFormat: short, padding: 0.2 },
      marks: [
        barX(shown, {
          x: 'value',
          y: 'side',
          fy: 'name',
          fill: (d: { side: string }) => (d.side === 'after' ? 'var(--c-after)' : 'none'),
          stroke: (d: { side: string }) => (d.side === 'after' ? 'var(--c-after)' : 'var(--ink)'),
          strokeWidth: 1,
        }),
        text(shown, {
          x: 'value',
          y: 'side',
          fy: 'name',
          text: (d: { value: number }) => this.write(d.value),
          textAnchor: 'start',
          dx: 4,
          fontSize: 11,
        }),
        ruleX([0], { stroke: 'currentColor' }),
      ],
      color: { type: 'identity' },
    });
  }
}
