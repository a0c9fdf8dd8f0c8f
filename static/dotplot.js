// @ts-check
// Means with their 95% intervals as dots and bars on one small axis, in plain elements.

/** @import { Interval } from "./types.js" */
import { h } from "./dom.js";
import { fixed } from "./format.js";

/** A round number at or above `value`: 1, 2 or 5 times a power of ten, in halves. @param {number} value */
export function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  const steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
  return (steps.find((step) => step * power >= value - 1e-12) ?? 10) * power;
}

/**
 * @param {{ name: string, interval: Interval, strong?: boolean }[]} rows
 * @param {string} unit
 */
export function dotPlot(rows, unit) {
  const max = niceCeiling(Math.max(0.1, ...rows.map((row) => row.interval.high)));
  const min = Math.min(0, ...rows.map((row) => row.interval.low));
  const percent = (/** @type {number} */ value) => `${(100 * (value - min)) / (max - min)}%`;
  const items = rows.map(({ name, interval, strong }) => {
    const bar = h("span", { class: "dot-bar" });
    bar.style.left = percent(interval.low);
    bar.style.right = `calc(100% - ${percent(interval.high)})`;
    const dot = h("span", { class: "dot" });
    dot.style.left = percent(interval.value);
    const figures = `${fixed(interval.value, 3)} ${unit}, 95% interval ${fixed(interval.low, 3)} to ${fixed(interval.high, 3)}`;
    return h(
      "li",
      { class: strong ? "strong" : null, title: figures },
      h("span", { class: "dot-name" }, name),
      h("span", { class: "dot-track", "aria-hidden": "true" }, bar, dot),
      h("span", { class: "dot-value" }, fixed(interval.value, 3)),
      h("span", { class: "dot-interval" }, `[${fixed(interval.low, 3)}, ${fixed(interval.high, 3)}]`),
    );
  });
  const axis = h(
    "div",
    { class: "dot-axis", "aria-hidden": "true" },
    h("span", {}),
    h(
      "span",
      { class: "dot-ends" },
      h("span", {}, fixed(min, min ? 1 : 0)),
      h("span", {}, `${Number(max.toPrecision(2))} ${unit}`),
    ),
  );
  return h("div", { class: "dotplot" }, h("ul", {}, items), axis);
}
