// @ts-check
// A pruning order as a graph that keeps its places: laid out once for its largest set, in the circuit's own order.

/** @import { CircuitDetail, CircuitSizes, OrderedSize, View } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./scene.js").Scenes} Scenes */
import { columnsOf } from "./columns.js";
import { count } from "./format.js";
import { graphOf } from "./graph.js";
import { createScenes } from "./scene.js";

/**
 * The graph of the largest set. Nodes of the circuit keep their effects; for the others none was measured.
 * @param {Graph} graph of the circuit itself
 * @param {CircuitSizes} sizes
 * @returns {Graph}
 */
export function sizeGraph(graph, sizes) {
  const nodes = sizes.nodes.map((node) => ({
    ...node,
    effect_nats: graph.nodes.get(node.id)?.effect_nats ?? 0,
  }));
  const circuit = /** @type {CircuitDetail} */ ({
    ...graph.circuit,
    nodes,
    edges: sizes.edges,
    links: sizes.links,
    terminals: sizes.terminals,
  });
  const outside = sizes.nodes.filter((node) => node.rank >= sizes.n_nodes);
  return {
    ...graphOf(circuit),
    get own() {
      return graph.own;
    },
    proposed: graph.proposed,
    ranks: new Map(sizes.nodes.map((node) => [node.id, node.rank])),
    outside: new Set(outside.map((node) => node.id)),
    remarks: new Map(
      outside.map((node) => [
        node.id,
        `outside the circuit: place ${count(node.rank + 1)} of ${count(sizes.n_all)} in the order; effect not measured`,
      ]),
    ),
  };
}

/** The scenes of a circuit, and, once they are known, those of its sizes while one is shown. @param {ReturnType<typeof createScenes>} own */
export function sizedScenes(own) {
  let sized = /** @type {Scenes | null} */ (null);
  return {
    of: (/** @type {View} */ view) => (view.size !== null && sized ? sized : own).of(view),
    /** @param {Graph} graph of the largest set */
    use(graph) {
      sized = createScenes(graph, columnsOf(graph.circuit, own.columns));
    },
  };
}

/** How many edges there are at a size. @param {CircuitSizes} sizes @param {number} n */
export const edgesAt = (sizes, n) => sizes.edges.filter((edge) => edge.rank < n).length;

/**
 * What the stored curve says at a size: the one measured there, or the ones below and above.
 * @param {OrderedSize[]} sizes smallest first
 * @param {number} n
 * @returns {{ at: OrderedSize } | { below: OrderedSize | undefined, above: OrderedSize | undefined }}
 */
export function aroundSize(sizes, n) {
  const at = sizes.find((size) => size.n_nodes === n);
  if (at) return { at };
  return {
    below: sizes.findLast((size) => size.n_nodes < n),
    above: sizes.find((size) => size.n_nodes > n),
  };
}
