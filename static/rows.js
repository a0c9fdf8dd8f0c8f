// @ts-check
// The horizontal lines of the picture: one a site that has nodes, from the embedding up to the logits.

/** @import { CircuitDetail, Row } from "./types.js" */
/** @typedef {import("./fold.js").Fold} Fold */
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
/** A collapsed group wants air for the lines that gather in it. */
const GROUP_ROOM = 1.9;

/** @param {string} kind */
export const isHead = (kind) => kind === "attn.q" || kind === "attn.k" || kind === "attn.v";

/** What stands where, by layer and site; collapsed layers and blocks at the first of their sites. @param {CircuitDetail} circuit @param {Fold} fold */
function standsOf(circuit, fold) {
  const bySite = /** @type {Map<string, string[]>} */ (new Map());
  const heads = /** @type {Map<number, string[]>} */ (new Map());
  const done = /** @type {Set<string>} */ (new Set());
  for (const node of circuit.nodes) {
    const id = fold.standsFor(node.id);
    if (done.has(id)) continue;
    done.add(id);
    const group = fold.groups.get(id);
    const key = `${node.layer}.${siteOf(node.id)}`;
    if (group?.kind === "head") heads.set(node.layer, [...(heads.get(node.layer) ?? []), id]);
    else bySite.set(key, [...(bySite.get(key) ?? []), id]);
  }
  for (const [layer, ids] of heads) {
    const open = ["q", "k", "v"].map((s) => `${layer}.attn.${s}`).filter((key) => bySite.has(key));
    const key = open[Math.floor(open.length / 2)] ?? `${layer}.attn.k`;
    bySite.set(key, [...(bySite.get(key) ?? []), ...ids]);
  }
  return bySite;
}

/** @param {Fold} fold @param {string} kind @param {string[]} ids */
function wordsOf(fold, kind, ids) {
  const group = ids.length === 1 ? fold.groups.get(String(ids[0])) : undefined;
  if (group?.kind === "layer") return { words: "whole layer", short: "all" };
  if (group?.kind === "block") return { words: group.id.endsWith("mlp") ? "MLP" : "attention", short: "all" };
  if (ids.every((id) => fold.groups.has(id))) return { words: "heads", short: "heads" };
  return { words: siteWords(kind), short: SITES.find((site) => site.kind === kind)?.short ?? kind };
}

/** The rows that have something, bottom up, with their heights. @param {CircuitDetail} circuit @param {Fold} fold @returns {Row[]} */
export function rowsOf(circuit, fold) {
  const bySite = standsOf(circuit, fold);
  const ends = (/** @type {string} */ kind) =>
    circuit.terminals.filter((t) => t.kind === kind).map((t) => t.id);
  const rows = /** @type {Row[]} */ ([]);
  let y = 0;
  const embed = ends("embed");
  if (embed.length)
    rows.push({ kind: "embed", layer: null, y, words: "token embedding", short: "embed", ids: embed });
  let belowIsGroup = false;
  for (let layer = 0; layer < circuit.n_layer; layer++) {
    for (const site of SITES) {
      const ids = bySite.get(`${layer}.${site.kind}`);
      if (!ids) continue;
      const below = rows.at(-1);
      const isGroup = ids.every((id) => fold.groups.has(id));
      const inHead = below && isHead(site.kind) && isHead(below.kind) && below.layer === layer;
      const room = Math.max(
        site.room,
        below && isHead(below.kind) ? ABOVE_HEAD : 0,
        isGroup || belowIsGroup ? GROUP_ROOM : 0,
      );
      if (below) y += inHead ? HEAD_ROOM : room + (below.layer === layer ? 0 : 0.4);
      rows.push({ kind: site.kind, layer, y, ...wordsOf(fold, site.kind, ids), ids });
      belowIsGroup = isGroup;
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
