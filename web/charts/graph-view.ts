/**
 * A network as a drawing: one box an operator, filled and metered by a measure of its layer, what changed marked. Only what is in view is
 * in the page, and text only where it can be read, so that networks of thousands of operators stay smooth.
 */
import { css, html, nothing, type TemplateResult } from 'lit';
import type { LayerReport } from '../../wasm/js/types.ts';
import { t } from '../i18n/index.ts';
import type { DrawnGraph, DrawnNode } from '../lab/graph-layout.ts';
import * as format from '../state/format.ts';
import type { Changes } from '../state/graph-diff.ts';
import { Chart, type ChartTable } from './chart.ts';
import { Camera } from './graph-camera.ts';

export type GraphMeasure = 'bytes' | 'macs' | 'sparsity' | 'bits';
export const GRAPH_MEASURES: GraphMeasure[] = ['bytes', 'macs', 'sparsity', 'bits'];

const SVG = 'http://www.w3.org/2000/svg';
const READABLE = 0.6; /* of full size: below, boxes have no text */
const MARGIN = 160; /* drawn around the view, so that a small move shows no hole */

const measured = (layer: LayerReport | undefined, measure: GraphMeasure): number | null => {
  if (!layer) return null;
  if (measure === 'sparsity') return layer.parameters > 0 ? 1 - layer.nonzeros / layer.parameters : null;
  return layer[measure] || null;
};

const writeMeasure = (value: number | null, measure: GraphMeasure): string => {
  if (value === null) return '';
  if (measure === 'bytes') return format.bytes(value);
  if (measure === 'sparsity') return t('graph.zeros', { change: format.percent(value, 0) });
  if (measure === 'bits') return t('graph.bits', { change: format.significant(value) });
  return `${format.count(value)} MAC`;
};

function element(name: string, attributes: Record<string, string | number>, text?: string): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

const shortened = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

export class GraphView extends Chart {
  static override styles = [
    ...(Array.isArray(Chart.styles) ? Chart.styles : [Chart.styles]),
    css`
      .plot { min-height: 360px; border: 1px solid var(--line); border-radius: 4px; background: var(--bg); overflow: hidden; touch-action: none; cursor: grab; }
      .plot svg { overflow: hidden; }
      .edges { fill: none; stroke: var(--edge); stroke-width: 1.25; }
      .box { stroke: var(--edge); }
      .node:focus-visible { outline: none; }
      .node:focus-visible .box { stroke: var(--accent); stroke-width: 3; }
      .chosen .box { stroke: var(--accent); stroke-width: 3; }
      .changed .box { stroke: var(--c-quantize); stroke-width: 2; }
      .missing .box { stroke: var(--bad); stroke-dasharray: 5 3; stroke-width: 2; }
      .node text { font-size: 12px; pointer-events: none; }
      .node .op { font-weight: 600; }
      .node .quiet { fill: var(--muted); }
      .meter { fill: var(--c-after); }
      .badge { fill: var(--c-quantize); font-weight: 600; }
    `,
  ];
  static override properties = {
    ...Chart.properties,
    graph: {},
    layers: {},
    changes: {},
    measure: {},
    layer: {},
    name: {},
    waiting: {},
    readout: { state: true },
  };
  declare graph: DrawnGraph | null;
  declare layers: readonly LayerReport[];
  declare changes: Changes;
  declare measure: GraphMeasure;
  /** The chosen one; '' for none. */
  declare layer: string;
  declare name: string;
  declare waiting: boolean;
  declare readout: string;
  #camera = new Camera(1, 1);
  #framed: DrawnGraph | null = null;
  #svg: SVGElement | null = null;
  #focus = '';
  #pointers = new Map<number, { x: number; y: number }>();
  #moved = false;

  constructor() {
    super();
    this.graph = null;
    this.layers = [];
    this.changes = new Map();
    this.measure = 'bytes';
    this.layer = '';
    this.name = '';
    this.waiting = false;
    this.readout = '';
  }

  protected heading(): string {
    return t('chart.graph', { name: this.name });
  }

  protected empty(): string {
    return this.waiting ? t('graph.waiting') : t('graph.nothing');
  }

  protected override controls(): TemplateResult {
    const zoom = (factor: number) => () => {
      this.#camera.zoom(factor);
      this.#refresh();
    };
    const fit = () => {
      this.#camera.fit();
      this.#refresh();
    };
    return html`<button class="quiet" title=${t('graph.out')} aria-label=${t('graph.out')} @click=${zoom(0.8)}>−</button>
      <button class="quiet" title=${t('graph.in')} aria-label=${t('graph.in')} @click=${zoom(1.25)}>+</button>
      <button class="quiet" title=${t('graph.fit')} @click=${fit}>${t('graph.fit-short')}</button>`;
  }

  protected override footer(): TemplateResult | typeof nothing {
    return this.graph ? html`<div class="readout">${this.readout || t('graph.hint')}</div>` : nothing;
  }

  protected override naturalHeight(): number {
    return 0;
  }

  #layerOf(node: DrawnNode): LayerReport | undefined {
    return this.layers.find(({ name }) => name === node.layer);
  }

  #words(node: DrawnNode): string {
    if (node.kind !== 'operator') return `${t(`graph.${node.kind}`)} ${node.name}: ${format.shape(node.shape)}`;
    const layer = this.#layerOf(node);
    const facts = [`${node.op} ${node.name}`, format.shape(node.shape)];
    if (node.weights.length > 0) facts.push(t('graph.weights', { shapes: node.weights.map((shape) => format.shape(shape)).join('; ') }));
    if (!node.supported) facts.push(t('graph.missing'));
    for (const measure of GRAPH_MEASURES) {
      const value = measured(layer, measure);
      if (value !== null) facts.push(writeMeasure(value, measure));
    }
    const changed = this.changes.get(node.layer);
    if (changed) facts.push(t('graph.changed', { what: changed }));
    return facts.join(' · ');
  }

  protected table(): ChartTable {
    const number = (title: string) => ({ title, number: true });
    return {
      columns: [
        { title: t('column.layer') },
        { title: t('column.operator') },
        { title: t('column.shape') },
        number(t('column.bytes')),
        number(t('column.macs')),
        number(t('column.sparsity')),
        number(t('column.bits')),
        { title: t('graph.change') },
      ],
      rows: (this.graph?.nodes ?? [])
        .filter(({ kind }) => kind === 'operator')
        .map((node) => {
          const layer = this.#layerOf(node);
          const head = layer && node.name.startsWith(layer.name) ? layer : undefined;
          const measures = GRAPH_MEASURES.map((measure) => writeMeasure(measured(head, measure), measure));
          const missing = node.supported ? '' : t('graph.missing');
          return [node.name, node.op, format.shape(node.shape), ...measures, this.changes.get(node.layer) ?? missing];
        }),
    };
  }

  protected draw(width: number, height: number): Element | null {
    const { graph } = this;
    if (!graph || graph.nodes.length === 0) return null;
    if (this.#framed !== graph) {
      this.#framed = graph;
      this.#camera = new Camera(graph.width, graph.height);
      this.#camera.resize(width, height);
      this.#camera.start(READABLE);
    } else this.#camera.resize(width, height);
    const svg = element('svg', { width, height, 'aria-label': this.heading() });
    this.#svg = svg;
    this.#listen(svg);
    this.#refresh();
    return svg;
  }

  protected override afterDraw(svg: Element): void {
    svg.setAttribute('role', 'group');
  }

  // ---- what is in view -------------------------------------------------------------------------------------------

  #refresh(): void {
    const { graph } = this;
    const svg = this.#svg;
    if (!graph || !svg) return;
    const camera = this.#camera;
    svg.setAttribute('viewBox', camera.viewBox);
    const margin = MARGIN / camera.scale;
    const sees = (left: number, top: number, right: number, bottom: number) =>
      camera.sees(left - margin, top - margin, right + margin, bottom + margin);
    const path = graph.edges
      .filter(({ points }) => {
        const last = points.length - 2;
        const [x0, y0, x1, y1] = [points[0] ?? 0, points[1] ?? 0, points[last] ?? 0, points[last + 1] ?? 0];
        return sees(Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1));
      })
      .map(({ points }) => `M${points.join(' ')}`)
      .join('');
    const text = camera.scale >= READABLE - 0.01;
    const largest = Math.max(...this.layers.map((layer) => measured(layer, this.measure) ?? 0), 1e-9);
    const layers = new Map(this.layers.map((layer) => [layer.name, layer]));
    const nodes = graph.nodes
      .filter((n) => sees(n.x - n.width / 2, n.y - n.height / 2, n.x + n.width / 2, n.y + n.height / 2))
      .map((node) => this.#box(node, layers.get(node.layer), largest, text));
    const focused = (this.shadowRoot?.activeElement as SVGElement | null)?.dataset?.id;
    svg.replaceChildren(element('path', { class: 'edges', d: path }), ...nodes);
    if (focused !== undefined)
      (svg.querySelector(`[data-id="${CSS.escape(focused)}"]`) as SVGElement | null)?.focus({ preventScroll: true });
  }

  #box(node: DrawnNode, layer: LayerReport | undefined, largest: number, text: boolean): SVGElement {
    const { x, y, width, height } = node;
    const value = measured(layer, this.measure);
    const share = value === null ? 0 : this.measure === 'sparsity' ? value : value / largest;
    const changed = this.changes.get(node.layer);
    const marks = [
      'node',
      node.layer !== '' && node.layer === this.layer ? 'chosen' : '',
      changed ? 'changed' : '',
      node.supported ? '' : 'missing',
    ];
    const first = this.#focus === '' ? node === this.graph?.nodes[0] : node.id === this.#focus;
    const group = element('g', {
      class: marks.filter(Boolean).join(' '),
      transform: `translate(${x - width / 2} ${y - height / 2})`,
      tabindex: first ? 0 : -1,
      role: 'button',
      'aria-label': this.#words(node),
      'aria-pressed': String(node.layer !== '' && node.layer === this.layer),
      'data-id': node.id,
    });
    const fill = `color-mix(in oklab, var(--c-after) ${Math.round(35 * Math.sqrt(share))}%, var(--raised))`;
    group.append(element('rect', { class: 'box', width, height, rx: node.kind === 'operator' ? 4 : height / 2, style: `fill:${fill}` }));
    if (share > 0) group.append(element('rect', { class: 'meter', x: 4, y: height - 6, width: (width - 8) * share, height: 3 }));
    if (text) group.append(...this.#text(node, value, changed));
    return group;
  }

  #text(node: DrawnNode, value: number | null, changed: string | undefined): SVGElement[] {
    const middle = node.width / 2;
    const line = (y: number, text: string, kind: string) => element('text', { x: middle, y, class: kind, 'text-anchor': 'middle' }, text);
    const badge = changed ? [element('text', { x: node.width - 12, y: 15, class: 'badge' }, '≠')] : [];
    if (node.kind !== 'operator') return [line(17, shortened(node.name, 18), 'op'), line(32, format.shape(node.shape), 'quiet')];
    if (node.height < 40) return [line(16, shortened(node.op, 18), 'quiet'), ...badge];
    const last = node.supported ? writeMeasure(value, this.measure) : t('graph.missing');
    return [
      line(16, shortened(node.op, 16), 'op'),
      line(31, shortened(format.shape(node.shape), 20), 'quiet'),
      line(46, last, ''),
      ...badge,
    ];
  }

  // ---- moving ----------------------------------------------------------------------------------------------------

  #listen(svg: SVGElement): void {
    svg.addEventListener('wheel', (event) => this.#wheel(event as WheelEvent), { passive: false });
    svg.addEventListener('pointerdown', (event) => this.#pointerDown(event as PointerEvent));
    svg.addEventListener('pointermove', (event) => this.#pointerMove(event as PointerEvent));
    for (const type of ['pointerup', 'pointercancel'] as const)
      svg.addEventListener(type, (event) => this.#pointers.delete((event as PointerEvent).pointerId));
    svg.addEventListener('click', (event) => {
      const node = this.#nodeAt(event.target);
      if (node && !this.#moved) this.#choose(node);
    });
    svg.addEventListener('pointerover', (event) => this.#tell(this.#nodeAt(event.target)));
    svg.addEventListener('focusin', (event) => this.#focused(this.#nodeAt(event.target)));
    svg.addEventListener('keydown', (event) => this.#key(event as KeyboardEvent));
  }

  /** The wheel moves the drawing while there is somewhere to go, then the page; with Ctrl (a pinch) it zooms. */
  #wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) this.#camera.zoom(Math.exp(-event.deltaY / 200), event.offsetX, event.offsetY);
    else if (!this.#camera.pan(event.deltaX, event.deltaY)) return;
    event.preventDefault();
    this.#refresh();
  }

  #pointerDown(event: PointerEvent): void {
    this.#moved = false;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  #pointerMove(event: PointerEvent): void {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
    if (!this.#moved && Math.hypot(dx, dy) < 4) return;
    if (!this.#moved) this.#svg?.setPointerCapture(event.pointerId);
    this.#moved = true;
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const distance = (p: { x: number; y: number }) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
      this.#camera.zoom(distance({ x: event.clientX, y: event.clientY }) / distance(before));
    } else this.#camera.pan(-dx, -dy);
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.#refresh();
  }

  #nodeAt(target: EventTarget | null): DrawnNode | undefined {
    const id = ((target as Element | null)?.closest('[data-id]') as SVGElement | null)?.dataset.id;
    return id === undefined ? undefined : this.graph?.nodes.find((node) => node.id === id);
  }

  #tell(node: DrawnNode | undefined): void {
    this.readout = node ? this.#words(node) : '';
  }

  #focused(node: DrawnNode | undefined): void {
    if (!node) return;
    this.#focus = node.id;
    this.#tell(node);
  }

  #choose(node: DrawnNode): void {
    if (node.layer === '') return;
    const detail = node.layer === this.layer ? '' : node.layer;
    this.dispatchEvent(new CustomEvent('choose-layer', { detail, bubbles: true, composed: true }));
  }

  /** Up and down follow the edges, left and right the row. */
  #neighbour(node: DrawnNode, key: string): DrawnNode | undefined {
    const nodes = this.graph?.nodes ?? [];
    if (key === 'ArrowDown') return nodes.find(({ id }) => id === node.after[0]);
    if (key === 'ArrowUp') return nodes.find(({ id }) => id === node.before[0]);
    const sign = key === 'ArrowRight' ? 1 : -1;
    const row = nodes.filter((other) => Math.abs(other.y - node.y) < 30 && sign * (other.x - node.x) > 1);
    return row.sort((a, b) => Math.abs(a.x - node.x) - Math.abs(b.x - node.x))[0];
  }

  #key(event: KeyboardEvent): void {
    const node = this.#nodeAt(event.target);
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith('Arrow')) this.#go(this.#neighbour(node, event.key));
    else if (event.key === 'Enter' || event.key === ' ') this.#choose(node);
    else if (event.key === '+' || event.key === '=') this.#camera.zoom(1.25);
    else if (event.key === '-') this.#camera.zoom(0.8);
    else if (event.key === '0') this.#camera.fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.#refresh();
  }

  #go(node: DrawnNode | undefined): void {
    if (!node) return;
    this.#camera.show(node.x, node.y, 80);
    this.#focus = node.id;
    this.#refresh();
    (this.#svg?.querySelector(`[data-id="${CSS.escape(node.id)}"]`) as SVGElement | null)?.focus({ preventScroll: true });
  }
}
customElements.define('pare-graph', GraphView);
