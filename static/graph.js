// @ts-check
// A circuit as a graph: what meets what, and how the arrow keys walk it.

/** @import { CircuitDetail, CircuitEdge, CircuitNode, Group, Link, Picture, Point, Terminal } from "./types.js" */
import { groupsOf } from "./fold.js";
import { siteOf } from "./format.js";

/** The kept channels of a head. @typedef {{ q: string[], k: string[], v: string[] }} Head */

/**
 * @typedef {object} Graph
 * @property {CircuitDetail} circuit
 * @property {Map<string, CircuitNode>} nodes
 * @property {Map<string, Terminal>} terminals
 * @property {CircuitEdge[]} heaviest all edges, largest |weight| first
 * @property {Map<string, CircuitEdge[]>} edges by either end
 * @property {Map<string, Link[]>} links by either end
 * @property {Map<string, Head>} heads by layer and head: `0.attn.h7`
 * @property {Map<string, Group>} groups every layer, block and head that has nodes
 * @property {Map<string, string>} own labels that people gave to nodes; the one part that changes
 * @property {(id: string) => string | undefined} proposed labels that were searched for, as they are found
 * @property {Map<string, number>} [ranks] places in a pruning order, where its sizes are shown
 * @property {Set<string>} [outside] nodes of the order that the circuit itself does not keep
 * @property {Map<string, string>} [remarks] what is said of a node in place of its effect
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

/** @param {CircuitNode[]} nodes */
function headsOf(nodes) {
  const heads = /** @type {Map<string, Head>} */ (new Map());
  for (const node of nodes) {
    if (node.head === null) continue;
    const id = `${node.layer}.attn.h${node.head}`;
    const head = heads.get(id) ?? { q: [], k: [], v: [] };
    head[/** @type {keyof Head} */ (siteOf(node.id).slice(-1))].push(node.id);
    heads.set(id, head);
  }
  return heads;
}

/** Nodes, the largest effect first. @param {Graph} graph */
export const weightiest = ({ circuit }) =>
  [...circuit.nodes].sort((a, b) => Math.abs(b.effect_nats) - Math.abs(a.effect_nats)).map((node) => node.id);

/** @param {CircuitDetail} circuit @returns {Graph} */
export function graphOf(circuit) {
  return {
    circuit,
    nodes: new Map(circuit.nodes.map((node) => [node.id, node])),
    terminals: new Map(circuit.terminals.map((end) => [end.id, end])),
    heaviest: [...circuit.edges].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)),
    edges: byEnd(circuit.edges),
    links: byEnd(circuit.links),
    heads: headsOf(circuit.nodes),
    groups: groupsOf(circuit.nodes),
    own: new Map(),
    proposed: () => undefined,
    maxWeight: largest(circuit.edges.map((edge) => edge.weight)),
    maxEffect: largest(circuit.nodes.map((node) => node.effect_nats)),
  };
}

/** @typedef {"up" | "down" | "left" | "right"} Direction */

/**
 * The next stop of the arrow keys: the neighbour in the row, or the nearest point of the next row.
 * @param {Picture} picture
 * @param {string | null} from
 * @param {Direction} direction
 * @param {(id: string) => boolean} [isShown]
 * @returns {string | null}
 */
export function walk(picture, from, direction, isShown = () => true) {
  const here = from === null ? undefined : picture.points.get(from);
  const all = [...picture.points.values()].filter((p) => isShown(p.id));
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
