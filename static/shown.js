// @ts-check
// Which nodes, edges and links of a circuit a view shows, and in words what it hides.

/** @import { CircuitEdge, Link, View } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { count, fixed } from "./format.js";
import { selectionOf } from "./selection.js";

/** As many edges as a picture can hold and a browser can draw at ease. */
export const MAX_DRAWN = 20_000;

/**
 * @typedef {object} Shown
 * @property {Set<string>} ids of nodes and ends
 * @property {CircuitEdge[]} edges heaviest first
 * @property {Link[]} links
 * @property {number} nNodes
 */

/** @typedef {Pick<View, "node" | "also" | "cut" | "size" | "minWeight" | "minEffect">} Filter */

/**
 * Of the nodes within the size asked for, those with at least the effect asked for and whatever is selected or cut; between them the edges at least as
 * heavy as asked for, heaviest first, at most MAX_DRAWN. Ends show while something shown reads or writes them.
 * @param {Graph} graph
 * @param {Filter} view
 * @returns {Shown}
 */
export function shownOf(graph, view) {
  const kept = new Set([...selectionOf(/** @type {View} */ (view)), ...view.cut]);
  const ids = /** @type {Set<string>} */ (new Set());
  for (const node of graph.circuit.nodes) {
    if (view.size !== null && (graph.ranks?.get(node.id) ?? -1) >= view.size) continue;
    if (Math.abs(node.effect_nats) >= view.minEffect || kept.has(node.id)) ids.add(node.id);
  }
  const nNodes = ids.size;
  for (const end of graph.circuit.terminals) {
    const joined = (graph.links.get(end.id) ?? []).some((l) => ids.has(l.source) || ids.has(l.target));
    if (end.kind === "logit" || joined || kept.has(end.id)) ids.add(end.id);
  }
  const both = (/** @type {CircuitEdge | Link} */ line) => ids.has(line.source) && ids.has(line.target);
  const edges = /** @type {CircuitEdge[]} */ ([]);
  for (const edge of graph.heaviest) {
    if (Math.abs(edge.weight) < view.minWeight || edges.length === MAX_DRAWN) break;
    if (both(edge)) edges.push(edge);
  }
  return { ids, edges, links: graph.circuit.links.filter(both), nNodes };
}

/** What is shown out of what there is: `showing 812 of 4,906 edges, 40 of 133 nodes`. @param {Graph} graph @param {Shown} shown */
export function shownWords(graph, shown) {
  const { nodes, edges } = graph.circuit;
  const heaviest = shown.edges.length === MAX_DRAWN ? "the heaviest " : "";
  const parts = [
    `${heaviest}${count(shown.edges.length)} of ${count(edges.length)} edges`,
    `${count(shown.nNodes)} of ${count(nodes.length)} nodes`,
  ];
  return `showing ${parts.join(", ")}`;
}

/** The thresholds in words. @param {Filter} view */
export function filterWords({ minWeight, minEffect }) {
  return [
    minWeight > 0 && `|weight| ≥ ${fixed(minWeight, 3)}`,
    minEffect > 0 && `|effect| ≥ ${fixed(minEffect, minEffect < 0.01 ? 4 : 3)} nats`,
  ]
    .filter(Boolean)
    .join(", ");
}
