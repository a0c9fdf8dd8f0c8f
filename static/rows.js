// @ts-check
// The horizontal lines of the picture: one a site that has nodes, from the embedding up to the logits.

/** @import { CircuitDetail, Row } from "./types.js" */
import { siteOf, siteWords } from "./format.js";

/** Sites of a layer, bottom up, with the room below each in row heights. */
const SITES = [
  { kind: "attn.act_in", room: 1.2, short: "reads" },
  { kind: "attn.q", room: 1.6, short: "q" },
  { kind: "attn.k", room: 1.6, short: "k" },
  { kind: "attn.v", room: 1.6, short: "v" },
  { kind: "attn.resid_delta", room: 1.6, short: "writes" },
  { kind: "mlp.act_in", room: 1, short: "reads" },
  { kind: "mlp.post_act", room: 1.6, short: "neurons" },
  { kind: "mlp.resid_delta", room: 1.6, short: "writes" },
];
/** Rows of one head stand closer; above a head there is room for its name. */
const HEAD_ROOM = 1.15;
const ABOVE_HEAD = 1.85;

/** @param {string} kind */
export const isHead = (kind) => kind === "attn.q" || kind === "attn.k" || kind === "attn.v";

/** The rows that have nodes, bottom up, with their heights. @param {CircuitDetail} circuit @returns {Row[]} */
export function rowsOf(circuit) {
  const bySite = /** @type {Map<string, string[]>} */ (new Map());
  for (const node of circuit.nodes) {
    const key = `${node.layer}.${siteOf(node.id)}`;
    const found = bySite.get(key);
    if (found) found.push(node.id);
    else bySite.set(key, [node.id]);
  }
  const ends = (/** @type {string} */ kind) =>
    circuit.terminals.filter((t) => t.kind === kind).map((t) => t.id);
  const rows = /** @type {Row[]} */ ([]);
  let y = 0;
  const embed = ends("embed");
  if (embed.length)
    rows.push({ kind: "embed", layer: null, y, words: "token embedding", short: "embed", ids: embed });
  for (let layer = 0; layer < circuit.n_layer; layer++) {
    for (const site of SITES) {
      const ids = bySite.get(`${layer}.${site.kind}`);
      if (!ids) continue;
      const below = rows.at(-1);
      const inHead = below && isHead(site.kind) && isHead(below.kind) && below.layer === layer;
      if (below)
        y += inHead
          ? HEAD_ROOM
          : Math.max(site.room, isHead(below.kind) ? ABOVE_HEAD : 0) + (below.layer === layer ? 0 : 0.4);
      rows.push({ kind: site.kind, layer, y, words: siteWords(site.kind), short: site.short, ids });
    }
  }
  const logits = ends("logit");
  y += 2.8;
  if (logits.length)
    rows.push({ kind: "logit", layer: null, y, words: "logits", short: "logits", ids: logits });
  return rows;
}

/** Where unembedding links leave their rail. @param {Row[]} rows */
export const railTop = (rows) => (rows.at(-1)?.y ?? 0) - 2.2;
