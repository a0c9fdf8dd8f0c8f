// @ts-check
// Histograms of equal bins, drawn in plain elements; heights on a logarithmic scale, so that rare values show.

import { h } from "./dom.js";
import { count, fixed } from "./format.js";

/** Height of a bar as a fraction: log(1 + n) of log(1 + largest). @param {number} n @param {number} largest */
export const heightOf = (n, largest) => (largest > 0 ? Math.log1p(n) / Math.log1p(largest) : 0);

/**
 * @param {string} name
 * @param {number[]} edges one more than there are counts
 * @param {number[]} counts
 * @param {number} largest the count that fills the height, the same for all histograms that are compared
 */
export function histogram(name, edges, counts, largest) {
  const bars = counts.map((n, i) => {
    const bar = h("span", {
      class: "bin",
      title: `${fixed(edges[i] ?? 0, 3)} to ${fixed(edges[i + 1] ?? 0, 3)}: ${count(n)}`,
    });
    bar.style.height = `${(100 * heightOf(n, largest)).toFixed(1)}%`;
    return bar;
  });
  const total = counts.reduce((a, b) => a + b, 0);
  const [low, high] = [edges[0] ?? 0, edges.at(-1) ?? 0];
  return h(
    "figure",
    { class: "histogram" },
    h("figcaption", {}, name),
    h(
      "div",
      {
        class: "bins",
        role: "img",
        "aria-label": `${name}: ${count(total)} values from ${fixed(low, 3)} to ${fixed(high, 3)}`,
      },
      ...bars,
    ),
    h("div", { class: "dot-ends bins-axis" }, h("span", {}, fixed(low, 2)), h("span", {}, fixed(high, 2))),
  );
}
