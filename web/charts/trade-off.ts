/**
 * The trade-off: every measured network as a point on two axes that can be chosen. Shape and colour say which kind of pass made it, the
 * area is its MACs, the stepped line is the Pareto front, thin lines join the steps of one run. Points take the focus: Enter opens one,
 * `p` pins it.
 */
import { dot, line, plot, text, tip, pointer, ruleY } from '@observablehq/plot';
import { css, html, nothing, type TemplateResult } from 'lit';
import { said, t, type Key } from '../i18n/index.ts';
import * as format from '../state/format.ts';
import { paretoFront } from '../state/pareto.ts';
import type { Metric, Point } from '../state/types.ts';
import { Chart, type ChartTable } from './chart.ts';

export const METRICS: Metric[] = ['file_bytes', 'entropy_bytes', 'macs', 'effective_macs', 'latency_ms', 'peak_bytes', 'accuracy', 'loss'];
const SHAPES: Record<string, string> = {
  original: 'circle',
  prune: 'triangle',
  train: 'square',
  distill: 'star',
  quantize: 'diamond',
  init: 'wye',
};
const LEGEND_PATHS: Record<string, string> = {
  circle: 'M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z',
  triangle: 'M0,-6L5.5,4.5H-5.5z',
  square: 'M-4.5,-4.5H4.5V4.5H-4.5z',
  star: 'M0,-6L1.6,-2 5.8,-1.8 2.5,0.9 3.6,5 0,2.7 -3.6,5 -2.5,0.9 -5.8,-1.8 -1.6,-2z',
  diamond: 'M0,-6.5L4,0 0,6.5 -4,0z',
  wye: 'M-1.5,6V1L-5.5,-2 -4,-4.5 0,-2 4,-4.5 5.5,-2 1.5,1V6z',
};
const larger = (metric: Metric) => metric === 'accuracy';

const kindOf = (point: Point): string => (point.run === '' ? 'original' : point.step.kind in SHAPES ? point.step.kind : 'train');
const colour = (kind: string) => `var(--c-${kind})`;

export class TradeOff extends Chart {
  static override styles = [
    ...Chart.styles,
    css`
      :host { height: 100%; }
      .legend { display: flex; flex-wrap: wrap; gap: 0 12px; color: var(--muted); align-items: center; }
      .legend span { display: inline-flex; align-items: center; gap: 4px; white-space: nowrap; }
      .plot [data-id] { cursor: pointer; }
      .plot [data-id]:focus-visible { outline: none; stroke: var(--ink); stroke-width: 3px; }
      select { max-width: 148px; }
    `,
  ];
  static override properties = {
    ...Chart.properties,
    points: { attribute: false },
    selected: {},
    pinned: { attribute: false },
    xAxis: {},
    yAxis: {},
    describe: { attribute: false },
    readout: { state: true },
  };
  declare points: Point[];
  declare selected: string;
  declare pinned: string[];
  declare xAxis: Metric;
  declare yAxis: Metric;
  /** One line for a point; by itself, what the core said. */
  declare describe: (point: Point) => string;
  declare readout: string;

  constructor() {
    super();
    this.points = [];
    this.selected = '';
    this.pinned = [];
    this.xAxis = 'file_bytes';
    this.yAxis = 'accuracy';
    this.describe = (point) => (point.run === '' ? t('kind.original') : said(point.step.describe));
    this.readout = '';
  }

  protected heading(): string {
    return t('chart.trade-off', { y: t(`metric.${this.yAxis}`), x: t(`metric.${this.xAxis}`) });
  }

  protected empty(): string {
    return this.points.length === 0 ? t('chart.trade-off-empty') : t('chart.not-measured');
  }

  protected override naturalHeight(): number {
    return 0;
  }

  #send(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  protected override controls(): TemplateResult {
    const select = (which: 'x' | 'y', value: Metric) => html`<label>${t(which === 'x' ? 'chart.across' : 'chart.up')}
      <select .value=${value} @change=${(event: Event) => this.#send('axis', { which, metric: (event.target as HTMLSelectElement).value })}>
        ${METRICS.map((m) => html`<option value=${m} ?selected=${m === value}>${t(`metric.${m}`)}</option>`)}
      </select></label>`;
    return html`${select('y', this.yAxis)}${select('x', this.xAxis)}`;
  }

  protected override footer(): TemplateResult | typeof nothing {
    if (this.points.length === 0) return nothing;
    const kinds = [...new Set(this.points.map(kindOf))];
    return html`<div class="readout">${this.readout || t('chart.trade-off-hint')}</div>
      <div class="legend">
        ${kinds.map(
          (
            kind,
          ) => html`<span><svg width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true"><path d=${LEGEND_PATHS[SHAPES[kind] ?? 'circle'] ?? ''}
            fill=${colour(kind)}></path></svg>${t(`kind.${kind}` as Key)}</span>`,
        )}
        <span><svg width="20" height="14" aria-hidden="true"><path d="M0,3H10V11H20" fill="none" stroke="currentColor" stroke-width="2"></path></svg>${t('chart.pareto')}</span>
        <span>${t('chart.area')}</span>
      </div>`;
  }

  #value(point: Point, metric: Metric): number | null {
    const value = point.step[metric];
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  }

  #drawn(): Point[] {
    return this.points.filter((p) => this.#value(p, this.xAxis) !== null && this.#value(p, this.yAxis) !== null);
  }

  #words(point: Point): string {
    const facts = [this.yAxis, this.xAxis].map((m) => `${t(`metric.${m}`)} ${format.metric(m, this.#value(point, m))}`);
    const macs = this.xAxis === 'macs' || this.yAxis === 'macs' ? [] : [`MACs ${format.count(point.step.macs)}`];
    return [`${point.label}: ${this.describe(point)}`, ...facts, ...macs].join(' · ');
  }

  protected table(): ChartTable {
    return {
      columns: [
        { title: t('column.run') },
        { title: t('column.what') },
        { title: t(`metric.${this.yAxis}`), number: true },
        { title: t(`metric.${this.xAxis}`), number: true },
        { title: 'MACs', number: true },
        { title: t('chart.pareto') },
      ],
      rows: this.points.map((p) => [
        p.label,
        this.describe(p),
        format.metric(this.yAxis, this.#value(p, this.yAxis)),
        format.metric(this.xAxis, this.#value(p, this.xAxis)),
        format.count(p.step.macs),
        this.#front().includes(p) ? '●' : '',
      ]),
    };
  }

  #front(): Point[] {
    const { xAxis, yAxis } = this;
    const value = (metric: Metric) => (p: Point) => this.#value(p, metric) ?? 0;
    return paretoFront(
      this.#drawn(),
      value(xAxis),
      value(yAxis),
      larger(xAxis) ? 'larger' : 'smaller',
      larger(yAxis) ? 'larger' : 'smaller',
    );
  }

  #axis(metric: Metric) {
    const log = metric !== 'accuracy' && metric !== 'loss';
    const short = (d: number) =>
      metric === 'accuracy' ? `${+(d * 100).toFixed(1)}` : metric === 'loss' ? String(d) : this.#tick(metric, d);
    const values = this.#drawn().map((p) => this.#value(p, metric) as number);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const pad = high > low ? (high - low) * 0.15 : metric === 'accuracy' ? 0.01 : high * 0.1;
    const domain = log
      ? [Math.max(low, 1e-6) / (high / low > 1.5 ? 1.25 : 2), high * (high / low > 1.5 ? 1.25 : 2)]
      : [Math.max(0, low - pad), metric === 'accuracy' ? Math.min(1, high + pad) : high + pad];
    return { type: log ? ('log' as const) : ('linear' as const), tickFormat: short, domain, nice: false };
  }

  #tick(metric: Metric, value: number): string {
    return format.metric(metric, value).replace(' MAC', '');
  }

  /** Log axes: the roundest numbers of which at least four are in view. */
  #ticks(domain: number[], room: number): number[] {
    const [low = 1, high = 10] = domain;
    const within = (steps: number[]) => {
      const found: number[] = [];
      for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
        for (const m of steps) if (m * 10 ** e >= low && m * 10 ** e <= high) found.push(m * 10 ** e);
      }
      return found;
    };
    const choices = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9]].map(within);
    const fits = choices.filter((c) => c.length <= room);
    return fits.find((c) => c.length >= 4) ?? fits.at(-1) ?? choices[0] ?? [];
  }

  protected draw(width: number, height: number): Element | null {
    const points = this.#drawn();
    if (points.length === 0) return null;
    const { xAxis, yAxis } = this;
    const x = (p: Point) => this.#value(p, xAxis) as number;
    const y = (p: Point) => this.#value(p, yAxis) as number;
    const mostMacs = Math.max(1, ...points.map((p) => p.step.macs));
    const radius = (p: Point) => 4 + 8 * Math.sqrt(p.step.macs / mostMacs);
    const front = this.#front();
    const original = points.find((p) => p.run === '');
    const chains = points.filter((p) => p.run !== '').map((p) => ({ p, z: p.run }));
    const roots = original ? [...new Set(chains.map((c) => c.z))].map((z) => ({ p: original, z })) : [];
    const chosen = points.filter((p) => p.id === this.selected);
    const pins = this.pinned.flatMap((id, i) => points.filter((p) => p.id === id).map((p) => ({ p, name: i === 0 ? 'A' : 'B' })));
    const xScale = this.#axis(xAxis);
    const yScale = this.#axis(yAxis);
    const unit = (metric: Metric) => `${t(`metric.${metric}`)}${metric === 'accuracy' ? ' (%)' : metric.endsWith('macs') ? ' (MAC)' : ''}`;
    const onFront = front.length > 1 ? front.sort((a, b) => x(a) - x(b)) : [];
    return plot({
      width,
      height,
      marginLeft: 56,
      marginRight: 24,
      marginTop: 24,
      marginBottom: 40,
      style: { fontSize: '12px', background: 'none', overflow: 'visible' },
      ariaLabel: this.heading(),
      x: {
        ...xScale,
        label: unit(xAxis),
        labelAnchor: 'center',
        labelArrow: 'none',
        grid: true,
        ticks: xScale.type === 'log' ? this.#ticks(xScale.domain, Math.max(3, width / 72)) : Math.max(3, Math.floor(width / 90)),
      },
      y: {
        ...yScale,
        label: unit(yAxis),
        labelArrow: 'none',
        grid: true,
        ticks: yScale.type === 'log' ? this.#ticks(yScale.domain, 9) : 6,
      },
      r: { type: 'identity' },
      symbol: { type: 'identity' },
      color: { type: 'identity' },
      marks: [
        original ? ruleY([y(original)], { stroke: 'var(--edge)', strokeDasharray: '2 4' }) : null,
        line([...roots, ...chains], {
          x: (c) => x(c.p),
          y: (c) => y(c.p),
          z: 'z',
          stroke: 'var(--edge)',
          strokeWidth: 1,
          strokeOpacity: 0.6,
        }),
        line(onFront, {
          x,
          y,
          curve: larger(yAxis) !== larger(xAxis) ? 'step-after' : 'step-before',
          stroke: 'currentColor',
          strokeWidth: 2,
          strokeOpacity: 0.7,
        }),
        dot(chosen, { x, y, r: (p: Point) => radius(p) + 5, stroke: 'var(--ink)', strokeWidth: 1.5 }),
        dot(points, {
          x,
          y,
          r: radius,
          sort: null,
          symbol: (p: Point) => SHAPES[kindOf(p)],
          fill: (p: Point) => colour(kindOf(p)),
          stroke: 'var(--bg)',
          strokeWidth: 1,
          className: 'points',
        }),
        text(pins, { x: (c) => x(c.p), y: (c) => y(c.p), text: 'name', dy: -18, fontWeight: 600 }),
        tip(
          points,
          pointer({
            x,
            y,
            title: (p: Point) => this.#words(p).split(' · ').join('\n'),
            fill: 'var(--raised)',
            stroke: 'var(--edge)',
            maxRadius: 24,
          }),
        ),
      ],
    });
  }

  /** A click opens a point; Plot's own use of it, pinning the tip so that it covers other points, is kept from hearing of it. */
  override firstUpdated(): void {
    this.renderRoot.addEventListener(
      'pointerdown',
      (event) => {
        if ((event.target as Element).closest('.plot')) event.stopPropagation();
      },
      true,
    );
  }

  protected override afterDraw(svg: Element): void {
    const points = this.#drawn();
    svg.setAttribute('role', 'group');
    for (const element of svg.querySelectorAll<SVGElement>('.points > path, .points > circle')) {
      const index = (element as unknown as { __data__: number }).__data__;
      const point = points[index];
      if (!point) continue;
      element.dataset.id = point.id;
      element.setAttribute('tabindex', '0');
      element.setAttribute('role', 'button');
      element.setAttribute('aria-label', this.#words(point));
      element.setAttribute('aria-pressed', String(point.id === this.selected));
      element.addEventListener('click', () => this.#send('open-point', point.id));
      element.addEventListener('focus', () => {
        this.readout = this.#words(point);
      });
      element.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' || event.key === ' ') this.#send('open-point', point.id);
        else if (event.key === 'p') this.#send('pin-point', point.id);
        else return;
        event.preventDefault();
        event.stopPropagation();
      });
    }
  }
}
customElements.define('pare-trade-off', TradeOff);
