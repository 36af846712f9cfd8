/** Where each operator of a network stands in its drawing: layered top to bottom by dagre. Runs in the worker; constants are not drawn. */
import { Graph, layout } from '@dagrejs/dagre';
import type { GraphNode, ModelGraph } from '../../wasm/js/types.ts';

export interface DrawnNode {
  id: string;
  kind: 'operator' | 'input' | 'output';
  name: string;
  op: string;
  /** Row of the layer table; '' for graph inputs and outputs. */
  layer: string;
  supported: boolean;
  /** Of its first output; null when it is not known. */
  shape: number[] | null;
  /** Of the constants that it reads, in order. */
  weights: number[][];
  /** Centre. */
  x: number;
  y: number;
  width: number;
  height: number;
  /** Ids of the nodes before and after it. */
  before: string[];
  after: string[];
}

export interface DrawnEdge {
  from: string;
  to: string;
  /** x0, y0, x1, y1, ... */
  points: number[];
}

export interface DrawnGraph {
  width: number;
  height: number;
  nodes: DrawnNode[];
  edges: DrawnEdge[];
}

/** These change the number format or nothing at all: drawn small. */
const SMALL = new Set(['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear', 'Cast', 'Identity', 'Constant']);
const WIDTH = 136;
const SIZES = { operator: 56, small: 24, end: 40 };

type Values = Map<string, ModelGraph['values'][number]>;

function operator(node: GraphNode, id: string, values: Values): DrawnNode {
  const first = node.outputs.find((name) => name !== null);
  const constants = node.inputs.flatMap((name) => {
    const value = name === null ? undefined : values.get(name);
    return value?.constant && value.shape ? [value.shape] : [];
  });
  return {
    id,
    kind: 'operator',
    name: node.name,
    op: node.op,
    layer: node.layer,
    supported: node.supported,
    shape: first === undefined || first === null ? null : (values.get(first)?.shape ?? null),
    weights: constants,
    x: 0,
    y: 0,
    width: WIDTH,
    height: SMALL.has(node.op) && node.supported ? SIZES.small : SIZES.operator,
    before: [],
    after: [],
  };
}

function end(kind: 'input' | 'output', name: string, values: Values): DrawnNode {
  const shape = values.get(name)?.shape ?? null;
  const at = { x: 0, y: 0, width: WIDTH, height: SIZES.end, before: [], after: [] };
  return { id: `${kind}:${name}`, kind, name, op: '', layer: '', supported: true, shape, weights: [], ...at };
}

/** Weights behind a DequantizeLinear, say: what it makes is a constant too. Nodes come in order, so that chains are seen through. */
function isConstant(node: GraphNode, values: Values): boolean {
  if (!node.supported || !node.inputs.every((name) => name === null || values.get(name)?.constant)) return false;
  for (const name of node.outputs) {
    const value = name === null ? undefined : values.get(name);
    if (value) values.set(value.name, { ...value, constant: true });
  }
  return true;
}

/** Nodes, and who makes what each reads. */
function collect(graph: ModelGraph): { nodes: DrawnNode[]; links: Link[] } {
  const values: Values = new Map(graph.values.map((value) => [value.name, value]));
  const makers = new Map<string, DrawnNode>();
  const nodes = graph.inputs.map((name) => end('input', name, values));
  for (const node of nodes) makers.set(node.name, node);
  const links: Link[] = [];
  const link = (names: readonly (string | null)[], to: DrawnNode) => {
    for (const from of new Set(names.map((name) => (name === null ? undefined : makers.get(name))))) if (from) links.push({ from, to });
  };
  graph.nodes.forEach((node, i) => {
    if (isConstant(node, values)) return;
    const drawn = operator(node, `node:${i}`, values);
    nodes.push(drawn);
    link(node.inputs, drawn);
    for (const name of node.outputs) if (name !== null) makers.set(name, drawn);
  });
  for (const name of graph.outputs) {
    const drawn = end('output', name, values);
    nodes.push(drawn);
    link([name], drawn);
  }
  return { nodes, links };
}

interface Link {
  from: DrawnNode;
  to: DrawnNode;
}

const GAP = 28;
const PIECE = { least: 40, most: 200 };

/**
 * Where a drawing may be cut: a piece at a time keeps dagre's time in proportion to the network's length, and its recursion within a
 * worker's small stack. Nodes stand in order; a cut goes where the fewest values cross it.
 */
function cuts(nodes: readonly DrawnNode[], links: readonly Link[]): number[] {
  const place = new Map(nodes.map((node, i) => [node, i]));
  const lastUse = nodes.map((_, i) => i);
  for (const { from, to } of links) {
    const i = place.get(from) ?? 0;
    lastUse[i] = Math.max(lastUse[i] ?? i, place.get(to) ?? 0);
  }
  const alive = (at: number) => lastUse.reduce((n, last, i) => n + Number(i < at && last >= at), 0);
  const crossing = nodes.length > PIECE.most ? nodes.map((_, at) => alive(at)) : [];
  const found: number[] = [];
  for (let start = 0; nodes.length - start > PIECE.most; start = found.at(-1) ?? nodes.length) {
    let best = start + PIECE.least;
    for (let at = best; at <= start + PIECE.most; at++) if ((crossing[at] ?? 0) < (crossing[best] ?? 0)) best = at;
    found.push(best);
  }
  return found;
}

/** Lays out the links that stay within these nodes. Returns how wide and high they are. */
function layoutPiece(nodes: readonly DrawnNode[], links: readonly Link[], edges: Map<Link, number[]>): { width: number; height: number } {
  const drawing = new Graph();
  drawing.setGraph({ nodesep: 24, ranksep: GAP, marginx: 0, marginy: 0 });
  drawing.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of nodes) drawing.setNode(id, { width, height });
  for (const { from, to } of links) drawing.setEdge(from.id, to.id);
  layout(drawing);
  for (const node of nodes) {
    const { x, y } = drawing.node(node.id);
    Object.assign(node, { x, y });
  }
  for (const link of links) {
    const { points } = drawing.edge(link.from.id, link.to.id);
    edges.set(
      link,
      points.flatMap(({ x, y }: { x: number; y: number }) => [x, y]),
    );
  }
  const { width = 0, height = 0 } = drawing.graph();
  return { width, height };
}

function shift(nodes: readonly DrawnNode[], lines: readonly number[][], dx: number, dy: number): void {
  for (const node of nodes) Object.assign(node, { x: node.x + dx, y: node.y + dy });
  for (const line of lines) for (let i = 0; i < line.length; i++) line[i] = (line[i] ?? 0) + (i % 2 ? dy : dx);
}

const MARGIN = 8;

export function layoutGraph(graph: ModelGraph): DrawnGraph {
  const { nodes, links } = collect(graph);
  const bounds = [0, ...cuts(nodes, links), nodes.length];
  const piece = new Map<DrawnNode, number>();
  const lines = new Map<Link, number[]>();
  let bottom = MARGIN - GAP;
  for (let i = 0; i + 1 < bounds.length; i++) {
    const part = nodes.slice(bounds[i], bounds[i + 1]);
    for (const node of part) piece.set(node, i);
    const inner = links.filter(({ from, to }) => piece.get(from) === i && piece.get(to) === i);
    const { height } = layoutPiece(part, inner, lines);
    // The piece hangs below the node that feeds it.
    const entry = links.find(({ from, to }) => piece.get(to) === i && (piece.get(from) ?? i) < i);
    const own = inner.map((link) => lines.get(link) ?? []);
    shift(part, own, entry ? entry.from.x - entry.to.x : 0, bottom + GAP);
    bottom += GAP + height;
  }
  const left = Math.min(0, ...nodes.map((node) => node.x - node.width / 2));
  shift(nodes, [...lines.values()], MARGIN - left, 0);
  const edges = links.map((link) => {
    const { from, to } = link;
    from.after.push(to.id);
    to.before.push(from.id);
    const straight = [from.x, from.y + from.height / 2, to.x, to.y - to.height / 2];
    return { from: from.id, to: to.id, points: lines.get(link) ?? straight };
  });
  const right = Math.max(0, ...nodes.map((node) => node.x + node.width / 2));
  return { width: right + MARGIN, height: bottom + MARGIN, nodes, edges };
}
