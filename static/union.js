// @ts-check
// Two circuits of one model as one graph: every node, edge and link of either, and which of them has it.

/** @import { CircuitDetail } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { signed, siteOf } from "./format.js";
import { graphOf } from "./graph.js";

/** @typedef {"both" | "a" | "b"} Side */

/** Sites in forward order, as the sorting of nodes wants it. */
const SITES = [
  "attn.act_in",
  "attn.q",
  "attn.k",
  "attn.v",
  "attn.resid_delta",
  "mlp.act_in",
  "mlp.post_act",
  "mlp.resid_delta",
];

/** The name of an edge or link. @param {{ source: string, target: string, kind?: string }} line */
export const lineKey = ({ source, target, kind = "edge" }) => `${kind} ${source} ${target}`;

/**
 * Things of either list, those of `a` first, and the side of each by its name.
 * @template T
 * @param {T[]} a
 * @param {T[]} b
 * @param {(item: T) => string} key
 * @returns {{ all: T[], sides: Map<string, Side> }}
 */
export function unionOf(a, b, key) {
  const sides = /** @type {Map<string, Side>} */ (new Map(a.map((item) => [key(item), "a"])));
  const more = b.filter((item) => !sides.has(key(item)));
  for (const item of b) sides.set(key(item), sides.has(key(item)) ? "both" : "b");
  return { all: [...a, ...more], sides };
}

/**
 * @param {CircuitDetail} a
 * @param {CircuitDetail} b of the same model
 * @returns {{ graph: Graph, sides: Map<string, Side> }} sides of nodes, ends and lines
 */
export function unionGraph(a, b) {
  const nodes = unionOf(a.nodes, b.nodes, (node) => node.id);
  const edges = unionOf(a.edges, b.edges, lineKey);
  const links = unionOf(a.links, b.links, lineKey);
  const ends = unionOf(a.terminals, b.terminals, (end) => end.id);
  const place = (/** @type {{ id: string, layer: number }} */ node) =>
    node.layer * SITES.length + SITES.indexOf(siteOf(node.id));
  nodes.all.sort((one, other) => place(one) - place(other) || one.index - other.index);
  const effects = [a, b].map((circuit) => new Map(circuit.nodes.map((node) => [node.id, node.effect_nats])));
  const said = (/** @type {string} */ id) =>
    effects.flatMap((of, i) => {
      const effect = of.get(id);
      return effect === undefined ? [] : [`${signed(effect)} nats in ${i ? "B" : "A"}`];
    });
  const words = { both: "in both", a: "only in A", b: "only in B" };
  const remarks = new Map(
    nodes.all.map(({ id }) => [
      id,
      `${words[nodes.sides.get(id) ?? "both"]}; effect when cut ${said(id).join(", ")}`,
    ]),
  );
  const circuit = { ...a, nodes: nodes.all, edges: edges.all, links: links.all, terminals: ends.all };
  return {
    graph: { ...graphOf(circuit), remarks },
    sides: new Map([...nodes.sides, ...ends.sides, ...edges.sides, ...links.sides]),
  };
}
