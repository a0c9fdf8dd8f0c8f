// @ts-check
// Two circuits in one picture: the explorer's shapes, coloured, filled and dashed by which circuit has them.

/** @typedef {import("./shapes.js").Scene} Scene */
/** @typedef {import("./union.js").Side} Side */
import { fade } from "./colour.js";
import { curve, scaleOf } from "./paths.js";
import { outline, shape, shapesOf, widthClass } from "./shapes.js";
import { lineKey } from "./union.js";

const SIDES = /** @type {Side[]} */ (["both", "a", "b"]);
const WIDTHS = [0.9, 1.3, 2, 3];
const DIM = 0.25;

/** Lines and nodes by side; everything else is the explorer's. @param {Map<string, Side>} sides @returns {typeof shapesOf} */
export const compareShapes = (sides) => (scene) => {
  const own = shapesOf(scene).filter(({ name }) => !/edges|^nodes/.test(name));
  const at = own.findIndex(({ name }) => name === "selected");
  const above = at < 0 ? own.length : at;
  return [
    ...own.slice(0, above),
    ...edgesBySide(scene, sides),
    ...nodesBySide(scene, sides),
    ...own.slice(above),
  ].filter((one) => one.path !== "");
};

/** One side where all lines of a bundle agree, else both. @param {string[]} keys @param {Map<string, Side>} sides @returns {Side} */
export function sideOf(keys, sides) {
  const found = new Set(keys.map((key) => sides.get(key) ?? "both"));
  const [first = "both"] = found;
  return found.size === 1 ? first : "both";
}

/** @param {Scene} scene @param {Map<string, Side>} sides */
function edgesBySide({ graph, picture, bundles, lit, palette }, sides) {
  const looks = {
    both: { color: fade(palette.ink2, 0.75) },
    a: { color: fade(palette.positive, 0.85) },
    b: { color: fade(palette.negative, 0.85), dash: "5 3" },
  };
  const paths = new Map(
    SIDES.flatMap((side) => WIDTHS.map((_, i) => [`${side} ${i}`, /** @type {string[]} */ ([])])),
  );
  const unlit = /** @type {string[]} */ ([]);
  for (const bundle of bundles.toReversed()) {
    const [a, b] = [picture.points.get(bundle.source), picture.points.get(bundle.target)];
    if (bundle.kind !== "edge" || !a || !b) continue;
    const path = curve(a, b);
    if (lit && !bundle.members.some((line) => lit.along.has(line))) unlit.push(path);
    else {
      const side = sideOf(bundle.members.map(lineKey), sides);
      paths.get(`${side} ${widthClass(bundle.total, graph.maxWeight)}`)?.push(path);
    }
  }
  return [
    shape("dimmed", unlit, { color: fade(palette.ink3, 0.16), width: 0.8 }),
    ...SIDES.flatMap((side) =>
      WIDTHS.map((width, i) =>
        shape(`lines ${side} ${i + 1}`, paths.get(`${side} ${i}`) ?? [], { ...looks[side], width }),
      ),
    ),
  ];
}

/** @param {Scene} scene @param {Map<string, Side>} sides */
function nodesBySide({ picture, shown, lit, palette, frame, nodeSize }, sides) {
  const scale = scaleOf(frame);
  const looks = {
    both: { fill: palette.ink2, line: { color: palette.ink, width: 1 } },
    a: { fill: palette.positive, line: { color: palette.ink, width: 1.2 } },
    b: { fill: palette.surface, line: { color: palette.negative, width: 2.4 } },
  };
  return SIDES.flatMap((side) => {
    const [on, off] = /** @type {[string[], string[]]} */ ([[], []]);
    for (const point of picture.points.values()) {
      if (point.kind === "group" || point.kind === "logit" || !shown.ids.has(point.id)) continue;
      if ((sides.get(point.id) ?? "both") !== side) continue;
      const size = side === "b" ? nodeSize - 1.5 : nodeSize;
      (!lit || lit.nodes.has(point.id) ? on : off).push(outline(point, size, scale));
    }
    const { fill, line } = looks[side];
    return [shape(`sided ${side}`, on, line, fill), shape(`sided ${side}, dim`, off, line, fill, DIM)];
  });
}
