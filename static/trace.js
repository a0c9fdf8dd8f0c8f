// @ts-check
// What lies up- and downstream of some nodes: steps along edges and links, and through attention.
//
// A step goes along an edge, along a residual channel, or to a logit. A q and a k channel that meet in the softmax
// are a step apart, either way. The pattern they make moves the head's values, so v is a step down from q and from k.

/** @import { CircuitEdge, Link, TraceDirection } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */

/** @typedef {{ to: string, along: CircuitEdge | Link | null }} Step */
/** @typedef {{ down: Map<string, Step[]>, up: Map<string, Step[]> }} Steps */
/** @typedef {{ nodes: Set<string>, along: Set<CircuitEdge | Link> }} Trace what is reached, by which edges and links */

/** @param {Graph} graph @returns {Steps} */
export function stepsOf(graph) {
  const down = /** @type {Map<string, Step[]>} */ (new Map());
  const up = /** @type {Map<string, Step[]>} */ (new Map());
  const put = (
    /** @type {Map<string, Step[]>} */ map,
    /** @type {string} */ from,
    /** @type {Step} */ step,
  ) => {
    const steps = map.get(from);
    if (steps) steps.push(step);
    else map.set(from, [step]);
  };
  const join = (
    /** @type {string} */ source,
    /** @type {string} */ target,
    /** @type {Step["along"]} */ along,
  ) => {
    put(down, source, { to: target, along });
    put(up, target, { to: source, along });
  };
  for (const edge of graph.circuit.edges) join(edge.source, edge.target, edge);
  for (const link of graph.circuit.links) {
    join(link.source, link.target, link);
    if (link.kind === "qk") join(link.target, link.source, link);
  }
  for (const head of graph.heads.values()) {
    for (const v of head.v) for (const id of [...head.q, ...head.k]) join(id, v, null);
  }
  return { down, up };
}

/**
 * All that is at most `hops` steps from the nodes given, and the edges and links walked on the way.
 * "both" is what lies upstream and what lies downstream, not what is reached by turning round.
 * @param {Steps} steps
 * @param {string[]} from
 * @param {TraceDirection} direction
 * @param {number} hops 0 is without end
 * @returns {Trace}
 */
export function traceFrom(steps, from, direction, hops) {
  const nodes = new Set(from);
  const along = /** @type {Trace["along"]} */ (new Set());
  for (const way of direction === "both" ? /** @type {const} */ (["up", "down"]) : [direction]) {
    const reached = new Set(from);
    let front = [...from];
    for (let hop = 0; front.length > 0 && (hops === 0 || hop < hops); hop++) {
      const next = /** @type {string[]} */ ([]);
      for (const id of front) {
        for (const step of steps[way].get(id) ?? []) {
          if (step.along) along.add(step.along);
          if (reached.has(step.to)) continue;
          reached.add(step.to);
          next.push(step.to);
        }
      }
      front = next;
    }
    for (const id of reached) nodes.add(id);
  }
  return { nodes, along };
}
