// @ts-check
// What things of the picture are, line by line: for tooltips and for the screen reader.

/** @import { Bundle, Group, Picture } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { fixed, nodeWords, plural, signed, visible } from "./format.js";

/** A name as people read it: of a node, an end or a group. @param {Graph} graph @param {string} id */
export function nameOf(graph, id) {
  const end = graph.terminals.get(id);
  if (end) return end.kind === "logit" ? `logit of ${visible(end.label)}` : `embedding channel ${end.index}`;
  return graph.groups.get(id)?.words ?? id;
}

/** An edge, or what runs together between two things. @param {Graph} graph @param {Bundle} bundle */
export function bundleLines(graph, bundle) {
  const title = `${nameOf(graph, bundle.source)} → ${nameOf(graph, bundle.target)}`;
  const [first] = bundle.members;
  const n = bundle.members.length;
  if (bundle.kind === "residual") return [title, plural(n, "residual link")];
  if (bundle.kind === "unembed") return [title, `${plural(n, "link")} of the unembedding`];
  if (bundle.kind === "qk") return [title, plural(n, "pair of q and k", "pairs of q and k")];
  if (n === 1 && first) return [title, `weight ${signed(first.weight)}`];
  const signs = bundle.sign > 0 ? ", all positive" : bundle.sign < 0 ? ", all negative" : ", of both signs";
  return [title, `${plural(n, "edge")}${signs}`, `sum of |weight| ${fixed(bundle.total, 3)}`];
}

/** What a click on these edges does. @param {{ cut: string[] }} view @param {string[]} edges */
export function cutLines({ cut }, edges) {
  if (!edges.length) return [];
  const it = edges.length === 1 ? "it" : `all ${edges.length}`;
  return [edges.every((id) => cut.includes(id)) ? `click: put ${it} back` : `click: cut ${it}`];
}

/** @param {Graph} graph @param {Group} group */
function groupLines(graph, group) {
  const effects = group.members.map((id) => graph.nodes.get(id)?.effect_nats ?? 0);
  const strongest = effects.reduce((best, e) => (Math.abs(e) > Math.abs(best) ? e : best), 0);
  return [
    group.words,
    `${plural(group.members.length, "node")}, collapsed`,
    `strongest effect of one ${signed(strongest)} nats when cut`,
  ];
}

/** A node, an end, or a collapsed group. @param {Graph} graph @param {Picture} picture @param {string} id */
export function pointLines(graph, picture, id) {
  const group = picture.groups.get(id);
  if (group) return groupLines(graph, group);
  const node = graph.nodes.get(id);
  if (node) {
    const edges = graph.edges.get(id) ?? [];
    const into = edges.filter((edge) => edge.target === id).length;
    const own = graph.own.get(id);
    return [
      own ? `${own} (${id})` : id,
      nodeWords(node),
      graph.remarks?.get(id) ?? `effect ${signed(node.effect_nats)} nats when cut`,
      `mean ${fixed(node.mean, 3)} · edges ${into} in, ${edges.length - into} out`,
    ];
  }
  const end = graph.terminals.get(id);
  if (!end) return [id];
  if (end.kind === "logit") return [`logit of ${visible(end.label)}`, "candidate answer"];
  const tokens = end.tokens.slice(0, 5).map((t) => `${visible(t.token)}  ${signed(t.weight, 2)}`);
  return [`token embedding, channel ${end.index}`, "written most by", ...tokens];
}
