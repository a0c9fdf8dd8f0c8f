// @ts-check
// The scale of the legend: the numbers under it, and what it is of; all else is in the page from the start.

import { place } from "./colour.js";
import { fill, h, need } from "./dom.js";
import { signed } from "./format.js";

/** What nodes are coloured by for the moment: the largest value, and what the values are. @typedef {{ max: number, words: string }} Scale */

/** Values for the scale's ticks: the ends, zero and, where their digits leave room, a tenth each side. @param {number} max */
export function ticksOf(max) {
  const digits = Math.max(1, Math.min(5, 1 - Math.floor(Math.log10(max / 10 || 1))));
  const values = digits > 2 ? [-max, 0, max] : [-max, -max / 10, 0, max / 10, max];
  return values.map((value) => ({ value, text: value === 0 ? "0" : signed(value, digits) }));
}

/** @param {number} maxEffect what the scale is of while nothing else is shown */
export function createLegend(maxEffect) {
  const [ticks, words] = [need("scale-ticks"), need("scale-words")];
  const own = { max: maxEffect, words: words.textContent ?? "" };
  /** @param {Scale | null} [scale] null: effects again */
  function show(scale = null) {
    const { max, words: text } = scale ?? own;
    words.textContent = text;
    fill(
      ticks,
      ...ticksOf(max).map((tick) => {
        const mark = h("span", { class: "scale-tick" }, tick.text);
        mark.style.left = `${50 + 50 * place(tick.value, max)}%`;
        return mark;
      }),
    );
  }
  show();
  return { show };
}
