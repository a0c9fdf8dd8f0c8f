// @ts-check
// What the shades, lines and shapes of the picture mean, with units.

import { place } from "./colour.js";
import { fill, h, svg } from "./dom.js";
import { signed } from "./format.js";

/** Round effects for the scale's ticks: the ends, zero, and a tenth each side. @param {number} max */
const ticksOf = (max) => [-max, -max / 10, 0, max / 10, max];

/** @param {string} d @param {string} className */
const swatch = (d, className) =>
  svg(
    "svg",
    { viewBox: "0 0 22 12", width: 22, height: 12, "aria-hidden": "true", class: `swatch ${className}` },
    svg("path", { d }),
  );

/** @param {HTMLElement} element @param {number} maxEffect */
export function drawLegend(element, maxEffect) {
  const digits = Math.max(1, Math.min(5, 1 - Math.floor(Math.log10(maxEffect / 10 || 1))));
  const ticks = ticksOf(maxEffect).map((value) => {
    const tick = h("span", { class: "scale-tick" }, value === 0 ? "0" : signed(value, digits));
    tick.style.left = `${50 + 50 * place(value, maxEffect)}%`;
    return tick;
  });
  const item = (/** @type {SVGElement} */ mark, /** @type {string} */ words) => h("li", {}, mark, words);
  fill(
    element,
    h(
      "div",
      { class: "scale" },
      h("span", { class: "scale-bar", "aria-hidden": "true" }),
      h("span", { class: "scale-ticks" }, ticks),
      h(
        "span",
        { class: "scale-words" },
        "nats the circuit’s loss rises when this node is cut (square-root scale)",
      ),
    ),
    h(
      "ul",
      {},
      item(swatch("M1 6H21", "positive"), "positive weight"),
      item(swatch("M1 6H21M11 1V11", "negative"), "negative weight, barred"),
      item(swatch("M1 6H21", "mixed"), "edges of both signs, merged"),
      item(swatch("M1 6H21", "rail"), "residual channel, unembedding"),
      item(swatch("M1 6H21", "pairing"), "q meets k"),
      item(swatch("M7 2h8v8h-8z", "shape"), "channel"),
      item(swatch("M11 1l5 5-5 5-5-5z", "shape"), "q, k or v"),
      item(swatch("M11 1.500a4.500 4.500 0 1 0 .01 0z", "shape"), "neuron"),
      item(
        swatch("M5 1.500h12a4.500 4.500 0 0 1 0 9h-12a4.500 4.500 0 0 1 0-9z", "shape"),
        "collapsed group",
      ),
      item(swatch("M7 2l8 8M15 2l-8 8", "crossed"), "cut"),
    ),
  );
}
