// @ts-check
// What lies up- and downstream of some nodes: steps along edges and links, and through attention.
//
// A step goes along an edge, along a residual channel, or to a logit. A q and a k channel that meet in the softmax
// are a step apart, either way. The pattern they make moves the head's values, so v is a step down from q and from k.

/** @import { CircuitEdge, Link, TraceDirection } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { plural } from "./format.js";

/** @typedef {{ to: string, along: CircuitEdge | Link | null, head?: string }} Step head: whose pattern carries it */
/** @typedef {{ down: Map<string, Step[]>, up: Map<string, Step[]> }} Steps */
/** What is reached, by which edges and links, and through the attention of which heads: `0.attn.h7`. @typedef {{ nodes: Set<string>, along: Set<CircuitEdge | Link>, heads: Set<string> }} Trace */

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
    /** @type {string | undefined} */ head = undefined,
  ) => {
    put(down, source, { to: target, along, head });
    put(up, target, { to: source, along, head });
  };
  for (const edge of graph.circuit.edges) join(edge.source, edge.target, edge);
  for (const link of graph.circuit.links) {
    const node = link.kind === "qk" ? graph.nodes.get(link.source) : undefined;
    const head = node && `${node.layer}.attn.h${node.head}`;
    join(link.source, link.target, link, head);
    if (head) join(link.target, link.source, link, head);
  }
  for (const [name, head] of graph.heads) {
    for (const v of head.v) for (const id of [...head.q, ...head.k]) join(id, v, null, name);
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
  const heads = /** @type {Trace["heads"]} */ (new Set());
  for (const way of direction === "both" ? /** @type {const} */ (["up", "down"]) : [direction]) {
    const reached = new Set(from);
    let front = [...from];
    for (let hop = 0; front.length > 0 && (hops === 0 || hop < hops); hop++) {
      const next = /** @type {string[]} */ ([]);
      for (const id of front) {
        for (const step of steps[way].get(id) ?? []) {
          if (step.along) along.add(step.along);
          if (step.head) heads.add(step.head);
          if (reached.has(step.to)) continue;
          reached.add(step.to);
          next.push(step.to);
        }
      }
      front = next;
    }
    for (const id of reached) nodes.add(id);
  }
  return { nodes, along, heads };
}

/**
 * What a trace reaches beyond where it began, of what is shown: `reaches 8 nodes along 7 edges, through head 1 of layer 2`.
 * @param {Graph} graph
 * @param {Trace} trace
 * @param {Set<string>} from
 * @param {{ ids: Set<string>, edges: CircuitEdge[] }} shown
 */
export function traceWords(graph, trace, from, shown) {
  const reached = [...trace.nodes].filter((id) => graph.nodes.has(id) && shown.ids.has(id) && !from.has(id));
  const edges = shown.edges.filter((edge) => trace.along.has(edge));
  const [head] = trace.heads;
  const [layer = "", name = ""] = head?.split(".attn.h") ?? [];
  const through =
    trace.heads.size > 1
      ? `, through ${trace.heads.size} heads`
      : head
        ? `, through head ${name} of layer ${layer}`
        : "";
  return `reaches ${plural(reached.length, "node")} along ${plural(edges.length, "edge")}${through}`;
}
