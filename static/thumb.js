// @ts-check
// A small still picture of a circuit for the home page: the explorer's own layout as plain SVG.

/** @import { CircuitDetail, Palette } from "./types.js" */
import { diverging } from "./colour.js";
import { svg } from "./dom.js";
import { visible } from "./format.js";
import { graphOf } from "./graph.js";
import { layoutCircuit } from "./layout.js";
import { railTop } from "./rows.js";
import { widthClass } from "./shapes.js";

/** Room for the candidates' chips, whatever the height. */
const TOP_PX = 10;
const WIDTHS = [0.8, 1.3, 2, 3];

/**
 * @param {CircuitDetail} circuit
 * @param {Palette} palette
 * @param {number} width pixels
 * @param {number} height pixels
 */
export function thumbnail(circuit, palette, width, height) {
  const graph = graphOf(circuit);
  const picture = layoutCircuit(circuit);
  const sx = (/** @type {number} */ x) => ((x - picture.x[0]) / (picture.x[1] - picture.x[0])) * width;
  const sy = (/** @type {number} */ y) =>
    height - ((y - picture.y[0]) / (picture.y[1] - picture.y[0])) * (height - TOP_PX);
  const curve = (
    /** @type {number} */ x0,
    /** @type {number} */ y0,
    /** @type {number} */ x1,
    /** @type {number} */ y1,
  ) => {
    const mid = (sy(y0) + sy(y1)) / 2;
    return `M${sx(x0)} ${sy(y0)}C${sx(x0)} ${mid} ${sx(x1)} ${mid} ${sx(x1)} ${sy(y1)}`;
  };
  const line = (/** @type {string} */ d, /** @type {string} */ stroke, /** @type {number} */ w) =>
    svg("path", { d, stroke, "stroke-width": w, fill: "none" });
  const parts = /** @type {SVGElement[]} */ ([]);
  picture.layers.forEach((layer, i) => {
    if (i % 2) return;
    const above = picture.layers[i + 1]?.y0 ?? layer.y1 + 1.4;
    const below = picture.layers[i - 1]?.y1 ?? layer.y0 - 1.4;
    const [top, bottom] = [sy((layer.y1 + above) / 2), sy((layer.y0 + below) / 2)];
    parts.push(svg("rect", { x: 0, y: top, width, height: bottom - top, fill: palette.sunk }));
  });
  for (const rail of picture.rails)
    parts.push(line(curve(rail.x, rail.y0, rail.x, rail.y1), palette.rule, 1));
  const seen = new Set();
  for (const link of circuit.links) {
    const [a, b] = [picture.points.get(link.source), picture.points.get(link.target)];
    if (link.kind !== "unembed" || !a || !b || seen.has(`${a.x} ${b.x}`)) continue;
    seen.add(`${a.x} ${b.x}`);
    parts.push(line(curve(a.x, railTop(picture.rows), b.x, b.y), palette.rule, 1));
  }
  for (const edge of circuit.edges) {
    const [a, b] = [picture.points.get(edge.source), picture.points.get(edge.target)];
    if (!a || !b) continue;
    const colour = edge.weight < 0 ? palette.negative : palette.positive;
    parts.push(
      line(curve(a.x, a.y, b.x, b.y), colour, WIDTHS[widthClass(edge.weight, graph.maxWeight)] ?? 1),
    );
  }
  for (const point of picture.points.values()) {
    const node = graph.nodes.get(point.id);
    const fill = node ? diverging(node.effect_nats, graph.maxEffect, palette) : palette.surface;
    const r = point.kind === "embed" ? 2.2 : 4;
    parts.push(
      svg("circle", { cx: sx(point.x), cy: sy(point.y), r, fill, stroke: palette.ink2, "stroke-width": 0.8 }),
    );
  }
  for (const end of circuit.terminals) {
    const point = picture.points.get(end.id);
    if (end.kind !== "logit" || !point) continue;
    const label = visible(end.label);
    const w = 9 * label.length + 10;
    const box = { x: sx(point.x) - w / 2, y: sy(point.y) - 11, width: w, height: 22 };
    parts.push(svg("rect", { ...box, fill: palette.surface, stroke: palette.ink2 }));
    const text = svg("text", {
      ...{ x: sx(point.x), y: sy(point.y) + 4.5, "text-anchor": "middle" },
      ...{ "font-family": palette.mono, "font-size": 13, "font-weight": 700, fill: palette.ink },
    });
    text.textContent = label;
    parts.push(text);
  }
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, ...parts);
}
