// @ts-check
// The numbers under the scale of effects; all else of the legend is in the page from the start.

import { place } from "./colour.js";
import { fill, h } from "./dom.js";
import { signed } from "./format.js";

/** Round effects for the scale's ticks: the ends, zero, and a tenth each side. @param {number} max */
const ticksOf = (max) => [-max, -max / 10, 0, max / 10, max];

/** @param {HTMLElement} element @param {number} maxEffect */
export function drawTicks(element, maxEffect) {
  const digits = Math.max(1, Math.min(5, 1 - Math.floor(Math.log10(maxEffect / 10 || 1))));
  const ticks = ticksOf(maxEffect).map((value) => {
    const tick = h("span", { class: "scale-tick" }, value === 0 ? "0" : signed(value, digits));
    tick.style.left = `${50 + 50 * place(value, maxEffect)}%`;
    return tick;
  });
  fill(element, ...ticks);
}
