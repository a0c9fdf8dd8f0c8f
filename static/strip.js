// @ts-check
// Strips of dots: one dot a value, their mean as a tick, its 95% interval as a bar; all on one axis.

/** @import { Interval } from "./types.js" */
import { h } from "./dom.js";
import { fixed } from "./format.js";

/** @typedef {{ name: string, values: number[], mean: Interval, strong?: boolean }} Strip */

/** The axis of some strips: from the lowest to the highest value, with zero on it. @param {Strip[]} strips */
export function axisOf(strips) {
  const values = strips.flatMap((strip) => [...strip.values, strip.mean.low, strip.mean.high]);
  const low = values.reduce((a, b) => Math.min(a, b), 0);
  const high = values.reduce((a, b) => Math.max(a, b), 0);
  return low === high ? { low: low - 1, high: high + 1 } : { low, high };
}

/** How far along an axis a value is, in percent. @param {number} value @param {{ low: number, high: number }} axis */
export const along = (value, { low, high }) => (100 * (value - low)) / (high - low);

/**
 * @param {Strip[]} strips
 * @param {{ low: number, high: number }} axis
 */
export function stripPlot(strips, axis) {
  const at = (/** @type {number} */ value) => `${along(value, axis).toFixed(2)}%`;
  const rows = strips.map(({ name, values, mean, strong }) => {
    const zero = h("span", { class: "strip-zero" });
    zero.style.left = at(0);
    const dots = values.map((value) => {
      const dot = h("span", { class: "strip-dot" });
      dot.style.left = at(value);
      return dot;
    });
    const bar = h("span", { class: "strip-bar" });
    bar.style.left = at(mean.low);
    bar.style.width = `${(along(mean.high, axis) - along(mean.low, axis)).toFixed(2)}%`;
    const tick = h("span", { class: "strip-mean" });
    tick.style.left = at(mean.value);
    const figures = `${fixed(mean.value, 3)} [${fixed(mean.low, 3)}, ${fixed(mean.high, 3)}]`;
    return h(
      "li",
      { class: strong ? "strong" : null },
      h("span", { class: "strip-name" }, name),
      h("span", { class: "strip-track", "aria-hidden": "true" }, zero, ...dots, bar, tick),
      h("span", { class: "strip-figures" }, figures),
    );
  });
  const ends = h(
    "li",
    { class: "strip-axis", "aria-hidden": "true" },
    h("span", {}),
    h("span", { class: "dot-ends" }, h("span", {}, fixed(axis.low, 2)), h("span", {}, fixed(axis.high, 2))),
  );
  return h("ul", { class: "strips" }, ...rows, ends);
}
