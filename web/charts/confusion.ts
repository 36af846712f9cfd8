/** The confusion matrix: rows are the true classes, columns the answers; the number in each cell says what its shade shows. */
import { cell, plot, text } from '@observablehq/plot';
import { css } from 'lit';
import { t } from '../i18n/index.ts';
import * as format from '../state/format.ts';
import { Chart, type ChartTable } from './chart.ts';

interface Cell {
  truth: string;
  answer: string;
  n: number;
  part: number;
  right: boolean;
}

export class Confusion extends Chart {
  static override styles = [...Chart.styles, css`.plot { min-height: 200px; }`];
  static override properties = { ...Chart.properties, matrix: { attribute: false }, classes: { attribute: false }, name: {} };
  declare matrix: number[][] | null;
  declare classes: string[] | null;
  declare name: string;

  constructor() {
    super();
    this.matrix = null;
    this.classes = null;
    this.name = '';
  }

  protected heading(): string {
    return t('chart.confusion', { name: this.name });
  }

  protected empty(): string {
    return t('chart.confusion-empty');
  }

  protected override naturalHeight(width: number): number {
    return Math.min(380, Math.max(260, width * 0.8));
  }

  #names(): string[] {
    return (this.matrix ?? []).map((_, i) => this.classes?.[i] ?? String(i));
  }

  #cells(): Cell[] {
    const names = this.#names();
    return (this.matrix ?? []).flatMap((row, i) => {
      const total = Math.max(
        1,
        row.reduce((a, b) => a + b, 0),
      );
      return row.map((n, j) => ({ truth: names[i] ?? '', answer: names[j] ?? '', n, part: n / total, right: i === j }));
    });
  }

  protected table(): ChartTable {
    const names = this.#names();
    return {
      columns: [{ title: t('chart.truth') }, ...names.map((title) => ({ title, number: true }))],
      rows: (this.matrix ?? []).map((row, i) => [names[i] ?? '', ...row.map((n) => format.integer(n))]),
    };
  }

  protected draw(width: number, height: number): Element | null {
    if (!this.matrix || this.matrix.length === 0) return null;
    const names = this.#names();
    const longest = Math.max(...names.map((n) => n.length));
    const tight = width < 420;
    return plot({
      width,
      height,
      marginLeft: Math.min(96, 24 + longest * 6.5),
      marginTop: 32,
      marginBottom: longest > 2 ? 64 : 36,
      marginRight: 8,
      padding: 0,
      style: { fontSize: tight ? '10px' : '12px', background: 'none', overflow: 'visible' },
      ariaLabel: this.heading(),
      x: {
        domain: names,
        label: t('chart.answer'),
        labelAnchor: 'center',
        labelArrow: 'none',
        tickRotate: longest > 2 ? -40 : 0,
        tickSize: 0,
      },
      y: { domain: names, label: t('chart.truth'), labelArrow: 'none', tickSize: 0 },
      color: { type: 'identity' },
      marks: [
        cell(this.#cells(), {
          x: 'answer',
          y: 'truth',
          fill: (d: Cell) => (d.right ? 'var(--c-after)' : 'var(--c-quantize)'),
          fillOpacity: (d: Cell) => (d.n === 0 ? 0 : d.right ? 0.08 + 0.4 * d.part : 0.1 + 0.45 * Math.min(1, d.part * 3)),
          stroke: 'var(--line)',
          strokeWidth: 0.5,
          title: (d: Cell) => t('chart.confusion-cell', { truth: d.truth, answer: d.answer, n: d.n, part: format.percent(d.part) }),
        }),
        text(this.#cells(), { x: 'answer', y: 'truth', text: (d: Cell) => (d.n === 0 ? '' : String(d.n)), fill: 'currentColor' }),
      ],
    });
  }
}
customElements.define('pare-confusion', Confusion);
