// @ts-check
// Which words stand in and around the picture: only those that have room. Pure; overlay.js puts them on the page.

/** @import { Frame, Picture } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { visible } from "./format.js";
import { scaleOf } from "./paths.js";

const LABEL_PX = 10;
const CHAR_PX = 6.1;
/** As many node labels as a page moves at ease. */
const MAX_LABELS = 300;

/** Room for words around the plot, and over it for what is said of the selection. @param {boolean} narrow */
export const marginsOf = (narrow) =>
  narrow ? { l: 76, r: 8, t: 22, b: 78 } : { l: 150, r: 14, t: 36, b: 100 };

/** A node's name with what its row and box already say left out. @param {Graph} graph @param {string} id */
export function shortLabel(graph, id) {
  const node = graph.nodes.get(id);
  if (!node) return "";
  return node.channel === null ? String(node.index) : `ch${node.channel}`;
}

/**
 * Labels to the right of their markers, where the next marker of the row leaves room; of those in sight the first.
 * @param {Graph} graph
 * @param {Picture} picture
 * @param {Frame} frame
 * @param {number} nodeSize
 * @param {(id: string) => boolean} [isShown]
 */
export function labelsThatFit(graph, picture, frame, nodeSize, isShown = () => true) {
  const scale = scaleOf(frame);
  const labels = /** @type {{ id: string, text: string, x: number, y: number }[]} */ ([]);
  if (scale.y * 0.9 < LABEL_PX) return labels;
  const near = (/** @type {number} */ value, /** @type {[number, number]} */ [low, high]) =>
    value > low - (high - low) / 3 && value < high + (high - low) / 3;
  for (const row of picture.rows) {
    if (!near(row.y, frame.y)) continue;
    const points = row.ids
      .filter(isShown)
      .flatMap((id) => picture.points.get(id) ?? [])
      .sort((a, b) => a.x - b.x);
    points.forEach((point, i) => {
      if (!near(point.x, frame.x) || labels.length === MAX_LABELS) return;
      const text = shortLabel(graph, point.id);
      const next = points[i + 1]?.x ?? frame.x[1] + 0.5;
      const room = (next - point.x) * scale.x - nodeSize * 1.2 - 6;
      if (text && text.length * CHAR_PX <= room) labels.push({ id: point.id, text, x: point.x, y: point.y });
    });
  }
  return labels;
}

/**
 * Tokens under the embedding terminals: the strongest writers first, none closer than a line of text.
 * @param {Graph} graph
 * @param {Picture} picture
 * @param {Frame} frame
 * @param {number} nTokens how many tokens a terminal may name
 * @param {(id: string) => boolean} [isShown]
 */
export function embedTicks(graph, picture, frame, nTokens, isShown = () => true) {
  const scale = scaleOf(frame);
  const ends = [...graph.terminals.values()].filter(
    (end) => end.kind === "embed" && end.tokens.length > 0 && isShown(end.id),
  );
  const weight = (/** @type {typeof ends[number]} */ end) => Math.abs(end.tokens[0]?.weight ?? 0);
  const taken = /** @type {number[]} */ ([]);
  const ticks = /** @type {{ id: string, x: number, text: string }[]} */ ([]);
  for (const end of ends.sort((a, b) => weight(b) - weight(a) || a.index - b.index)) {
    const x = picture.points.get(end.id)?.x;
    if (x === undefined || taken.some((other) => Math.abs(other - x) * scale.x < LABEL_PX + 1)) continue;
    taken.push(x);
    ticks.push({ id: end.id, x, text: shortTokens(end.tokens.slice(0, nTokens).map((t) => t.token)) });
  }
  return ticks.sort((a, b) => a.x - b.x);
}

/** @param {string[]} tokens */
function shortTokens(tokens) {
  const text = tokens.map((token) => visible(token).trim()).join("  ");
  return text.length > 14 ? `${text.slice(0, 13)}…` : text;
}

/** Rows that have room for their words. @param {Picture} picture @param {Frame} frame */
export function rowsThatFit(picture, frame) {
  const scale = scaleOf(frame);
  let last = Number.NEGATIVE_INFINITY;
  return picture.rows.filter((row) => {
    if ((row.y - last) * scale.y < LABEL_PX + 2) return false;
    last = row.y;
    return true;
  });
}

/** The longest of some words that a length has room for. @param {string[]} words longest first @param {number} px */
export const fitting = (words, px) =>
  words.find((text) => text.length * CHAR_PX + 8 <= px) ?? words.at(-1) ?? "";

/**
 * Layers and blocks along the side: what is collapsed and what could be, from the lowest row to the highest.
 * @param {Picture} picture
 * @returns {{ id: string, words: string[], y0: number, y1: number, collapsed: boolean, kind: "layer" | "block" }[]}
 */
export function sideGroups(picture) {
  const groups = /** @type {ReturnType<typeof sideGroups>} */ ([]);
  for (const { layer, y0, y1 } of picture.layers) {
    const collapsed = picture.groups.has(String(layer));
    groups.push({
      ...{ id: String(layer), words: [`Layer ${layer}`, `L${layer}`], y0, y1, collapsed, kind: "layer" },
    });
    for (const block of collapsed ? [] : ["attn", "mlp"]) {
      const rows = picture.rows.filter((row) => row.layer === layer && row.kind.startsWith(block));
      const [first, last] = [rows.at(0), rows.at(-1)];
      if (!first || !last) continue;
      const id = `${layer}.${block}`;
      const words = block === "mlp" ? ["MLP", "M"] : ["attention", "attn", "A"];
      groups.push({
        ...{ id, words, y0: first.y, y1: last.y, collapsed: picture.groups.has(id), kind: "block" },
      });
    }
  }
  return groups;
}
