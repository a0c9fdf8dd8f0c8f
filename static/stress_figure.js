// @ts-check
// A stress curve as traces: answers of full model and circuit, and what the circuit's key node does in both classes.

/** @import { StressCurve } from "./card_types.js" */
/** @import { Interval, Palette } from "./types.js" */
import { band, layoutOf, mark } from "./card_figures.js";

/** @typedef {{ name: string, y: Interval[], color: string, dash: string }} Line */

/**
 * Names at the right ends of lines, the upper above its own and the lower below, so that none covers another.
 * @param {Line[]} lines @param {number} x
 */
function endLabels(lines, x) {
  const at = (/** @type {Line} */ line) => line.y.at(-1)?.value ?? 0;
  const highest = [...lines].sort((a, b) => at(b) - at(a))[0];
  return lines.map((line) => ({
    ...{ x, y: at(line), text: line.name, showarrow: false, xanchor: "right" },
    ...{ yanchor: line === highest ? "bottom" : "top", yshift: line === highest ? 6 : -6 },
    font: { size: 11, color: line.color },
  }));
}

/** @param {string} words @param {StressCurve} curve @param {Line[]} lines @param {Palette} palette @returns {import("./card_figures.js").Figure} */
function figure(words, curve, lines, palette) {
  const x = curve.points.map((p) => p.value);
  const data = lines.flatMap(({ name, y, color, dash }) => [
    band(x, y, color),
    {
      ...{ type: "scatter", mode: "lines+markers", name, x, y: y.map((i) => i.value) },
      ...{ line: { color, dash, width: 1.8 }, marker: { size: 5, color } },
      hovertemplate: `${name}: %{y:.3f} at %{x}<extra></extra>`,
    },
  ]);
  const layout = layoutOf(palette, curve.sweep.words, words);
  return [data, { ...layout, annotations: endLabels(lines, x.at(-1) ?? 0) }];
}

/** Shares of prompts right. @param {StressCurve} curve @param {Palette} palette @returns {import("./card_figures.js").Figure} */
export function stressFigure(curve, palette) {
  const lines = [
    { name: "full model", of: /** @type {const} */ ("full_model"), color: palette.ink, dash: "solid" },
    { name: "circuit", of: /** @type {const} */ ("circuit"), color: palette.accent, dash: "dash" },
  ].map(({ of, ...line }) => ({ ...line, y: curve.points.map((p) => p[of].accuracy) }));
  const [data, layout] = figure("prompts right", curve, lines, palette);
  const chance = mark("y", 0.5, "", palette.ink3);
  const of = /** @type {{ yaxis: object }} */ (layout);
  const lowest = Math.min(...lines.flatMap(({ y }) => y.map((i) => i.low)));
  const yaxis = {
    ...of.yaxis,
    ...{ range: [Math.min(0.28, lowest - 0.04), 1.14], tickvals: [0, 0.25, 0.5, 0.75, 1], tickformat: ".0%" },
  };
  return [data, { ...layout, yaxis, shapes: [chance.shape] }];
}

/** The key node's activation in both classes. @param {StressCurve} curve @param {Palette} palette @returns {import("./card_figures.js").Figure} */
export function keyFigure(curve, palette) {
  const keys = curve.points.flatMap((p) => (p.key ? [p.key] : []));
  const lines = [
    { name: "class 1", of: /** @type {const} */ ("class_1"), color: palette.positive, dash: "solid" },
    { name: "class 2", of: /** @type {const} */ ("class_2"), color: palette.negative, dash: "dash" },
  ].map(({ of, ...line }) => ({ ...line, y: keys.map((k) => k[of]) }));
  return figure(String(curve.key_node), curve, lines, palette);
}
