// @ts-check
// A node's activations written into the prompt itself: every token carries its value as its shade.

/** @import { NodeDetail, Palette, PromptActivations } from "./types.js" */
import { diverging, inkOn } from "./colour.js";
import { h } from "./dom.js";
import { brief, fixed, visible } from "./format.js";

/** @typedef {"full_model" | "circuit"} Which */
/** @typedef {{ token: string, value: number, same: boolean }} Cell */

/**
 * Class 1 minus class 2, token by token; prompts of unequal length are aligned at their ends.
 * @param {PromptActivations} first
 * @param {PromptActivations} second
 * @param {Which} which
 * @returns {Cell[]}
 */
export function differenceOf(first, second, which) {
  const n = Math.min(first.tokens.length, second.tokens.length);
  const [a, b] = [first.tokens.length - n, second.tokens.length - n];
  return Array.from({ length: n }, (_, i) => {
    const [mine, other] = [first.tokens[a + i] ?? "", second.tokens[b + i] ?? ""];
    const value = (first[which][a + i] ?? 0) - (second[which][b + i] ?? 0);
    return { token: mine === other ? mine : `${mine}|${other}`, value, same: mine === other };
  });
}

/** @param {PromptActivations} prompt @param {Which} which @returns {Cell[]} */
export const cellsOf = (prompt, which) =>
  prompt.tokens.map((token, i) => ({ token, value: prompt[which][i] ?? 0, same: true }));

/** The largest magnitude over all pairs, so that one scale serves all the maps. @param {NodeDetail} detail */
export function scaleOf(detail) {
  const values = detail.pairs.flatMap(({ class_1, class_2 }) => [
    ...class_1.full_model,
    ...class_1.circuit,
    ...class_2.full_model,
    ...class_2.circuit,
  ]);
  return values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}

/** One prompt as a map. @param {string} title @param {Cell[]} cells @param {number} max @param {Palette} palette */
export function map(title, cells, max, palette) {
  const lines = /** @type {HTMLElement[][]} */ ([[]]);
  for (const cell of cells) {
    const colour = diverging(cell.value, max, palette);
    const box = h(
      "span",
      { class: "cell", title: `${visible(cell.token)}  ${fixed(cell.value, 4)}` },
      h("span", { class: "cell-token" }, visible(cell.token)),
      h("span", { class: "cell-value" }, brief(cell.value)),
    );
    box.style.backgroundColor = colour;
    box.style.color = inkOn(colour);
    lines.at(-1)?.push(box);
    if (cell.token.includes("\n")) lines.push([]);
  }
  const full = lines.filter((line) => line.length > 0);
  return h(
    "figure",
    { class: "heat" },
    h("figcaption", {}, title),
    ...full.map((line) => h("div", { class: "heat-line" }, line)),
  );
}

/**
 * The three maps of one pair.
 * @param {NodeDetail} detail
 * @param {number} index of the pair
 * @param {Which} which
 * @param {Palette} palette
 */
export function heatMaps(detail, index, which, palette) {
  const pair = detail.pairs[index];
  if (!pair) return [];
  const max = scaleOf(detail);
  return [
    map("class 1", cellsOf(pair.class_1, which), max, palette),
    map("class 2", cellsOf(pair.class_2, which), max, palette),
    map("class 1 − class 2", differenceOf(pair.class_1, pair.class_2, which), max, palette),
  ];
}
