// @ts-check
// A circuit as a graph: what meets what, which edges are shown, and how the arrow keys walk it.

/** @import { CircuitDetail, CircuitEdge, CircuitNode, Link, Picture, Point, Terminal } from "./types.js" */

/**
 * @typedef {object} Graph
 * @property {CircuitDetail} circuit
 * @property {Map<string, CircuitNode>} nodes
 * @property {Map<string, Terminal>} terminals
 * @property {CircuitEdge[]} heaviest all edges, largest |weight| first
 * @property {Map<string, CircuitEdge[]>} edges by either end
 * @property {Map<string, Link[]>} links by either end
 * @property {number} maxWeight
 * @property {number} maxEffect
 */

/** @template {{ source: string, target: string }} T @param {T[]} list @returns {Map<string, T[]>} */
function byEnd(list) {
  const ends = /** @type {Map<string, T[]>} */ (new Map());
  for (const item of list) {
    for (const id of [item.source, item.target]) {
      const found = ends.get(id);
      if (found) found.push(item);
      else ends.set(id, [item]);
    }
  }
  return ends;
}

/** @param {number[]} values */
const largest = (values) => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);

/** @param {CircuitDetail} circuit @returns {Graph} */
export function graphOf(circuit) {
  return {
    circuit,
    nodes: new Map(circuit.nodes.map((node) => [node.id, node])),
    terminals: new Map(circuit.terminals.map((end) => [end.id, end])),
    heaviest: [...circuit.edges].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)),
    edges: byEnd(circuit.edges),
    links: byEnd(circuit.links),
    maxWeight: largest(circuit.edges.map((edge) => edge.weight)),
    maxEffect: largest(circuit.nodes.map((node) => node.effect_nats)),
  };
}

/** As many edges as a picture can hold and a browser can draw at ease. */
export const MAX_DRAWN = 6000;

/** Edges at least as heavy as the slider says, heaviest first, at most MAX_DRAWN. @param {Graph} graph @param {number} minWeight */
export function shownEdges(graph, minWeight) {
  const light = graph.heaviest.findIndex((edge) => Math.abs(edge.weight) < minWeight);
  return graph.heaviest.slice(0, Math.min(light < 0 ? graph.heaviest.length : light, MAX_DRAWN));
}

/** Everything one edge or link away, and the node itself. @param {Graph} graph @param {string} id */
export function neighbourhood(graph, id) {
  const near = new Set([id]);
  for (const { source, target } of [...(graph.edges.get(id) ?? []), ...(graph.links.get(id) ?? [])]) {
    near.add(source);
    near.add(target);
  }
  return near;
}

/** @typedef {"up" | "down" | "left" | "right"} Direction */

/**
 * The next stop of the arrow keys: the neighbour in the row, or the nearest point of the next row.
 * @param {Picture} picture
 * @param {string | null} from
 * @param {Direction} direction
 * @returns {string | null}
 */
export function walk(picture, from, direction) {
  const here = from === null ? undefined : picture.points.get(from);
  const all = [...picture.points.values()];
  if (!here) return all[0]?.id ?? null;
  const better =
    (/** @type {(p: Point) => number} */ cost) =>
    (/** @type {Point | null} */ best, /** @type {Point} */ p) =>
      !best || cost(p) < cost(best) ? p : best;
  if (direction === "left" || direction === "right") {
    const sign = direction === "left" ? -1 : 1;
    const row = all.filter((p) => p.y === here.y && sign * (p.x - here.x) > 0);
    return (
      row.reduce(
        better((p) => sign * p.x),
        null,
      )?.id ?? from
    );
  }
  const sign = direction === "down" ? -1 : 1;
  const beyond = all.filter((p) => sign * (p.y - here.y) > 0);
  const y = Math.min(...beyond.map((p) => sign * p.y));
  const row = beyond.filter((p) => sign * p.y === y);
  return (
    row.reduce(
      better((p) => Math.abs(p.x - here.x)),
      null,
    )?.id ?? from
  );
}

/**
 * Nodes whose name, label or words contain every word of the query; exact index matches first.
 * @param {Graph} graph
 * @param {string} query
 * @param {(node: CircuitNode) => string} words
 * @param {number} [limit]
 */
export function searchNodes(graph, query, words, limit = 8) {
  const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!parts.length) return [];
  const hits = graph.circuit.nodes.filter((node) => {
    const text = `${node.id} ${node.label} ${words(node)}`.toLowerCase();
    return parts.every((part) => text.includes(part));
  });
  const exact = (/** @type {CircuitNode} */ node) =>
    node.id === query || String(node.index) === query.trim() || node.label === query.trim() ? 0 : 1;
  return hits
    .map((node, i) => ({ node, i }))
    .sort((a, b) => exact(a.node) - exact(b.node) || a.i - b.i)
    .slice(0, limit)
    .map(({ node }) => node);
}
