// @ts-check
// A picture as shapes: one path for each class of line and each shade of node, however many there are.

/** @import { Bundle, Frame, Palette, Picture, Point, Shape, View } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./shown.js").Shown} Shown */
/** @typedef {import("./columns.js").Columns} Columns */
/** @typedef {import("./fold.js").Fold} Fold */
/** @typedef {import("./light.js").Light} Light */
/** @typedef {import("./trace.js").Trace} Trace */
import { fade, mix, place } from "./colour.js";
import { railsOf } from "./layout.js";
import { bar, box, cross, curve, diamond, ellipse, scaleOf, straight } from "./paths.js";
import { railTop } from "./rows.js";
import { cutsOf, isCut, selectionOf } from "./selection.js";

/** Line widths in pixels and opacities of the four classes of |weight|, light to heavy. */
const WIDTHS = [0.7, 1.2, 2, 3.2];
const ALPHAS = [0.55, 0.7, 0.85, 1];
/** Shades of each sign on the scale of effects. */
const SHADES = 12;
/** Opacity of what is out of focus. */
const DIM = 0.25;
const FAR = 1e4;
const SIGNS = /** @type {const} */ ([1, 0, -1]);

/** The width class of an edge: quarters of the largest magnitude. @param {number} weight @param {number} max */
export const widthClass = (weight, max) => Math.min(3, Math.floor((4 * Math.abs(weight)) / (max || 1)));

/**
 * @typedef {object} Scene
 * @property {Graph} graph
 * @property {Columns} columns
 * @property {Fold} fold
 * @property {Picture} picture
 * @property {Shown} shown
 * @property {Bundle[]} bundles of what is shown, heaviest first
 * @property {Trace | null} lit what the trace reaches; null where nothing is selected
 * @property {View} view
 * @property {Light | null} [light] values to colour nodes by in place of their effects
 * @property {Palette} palette
 * @property {Frame} frame
 * @property {number} nodeSize in pixels
 */

/** A node's size for the room of one slot and one row, in pixels. @param {Frame} frame */
export function nodeSizeOf(frame) {
  const scale = scaleOf(frame);
  return Math.max(4, Math.min(13, 0.72 * scale.x, 0.62 * scale.y));
}

/** @param {string} name @param {string[]} path @param {Shape["line"]} line @param {string} [fill] @param {number} [opacity] @returns {Shape} */
export const shape = (name, path, line, fill = "none", opacity = 1) => ({
  ...{ name, path: path.join(""), line, fill, opacity },
});

/** Bands of layers and boxes of heads. @param {Scene} scene */
function groundShapes({ picture, palette, lit }) {
  const bands = picture.layers.flatMap((layer, i) => {
    if (i % 2) return [];
    const above = picture.layers[i + 1]?.y0 ?? layer.y1 + 1.4;
    const below = picture.layers[i - 1]?.y1 ?? layer.y0 - 1.4;
    return [box({ x0: -FAR, x1: FAR, y0: (layer.y0 + below) / 2, y1: (layer.y1 + above) / 2 })];
  });
  const traced = picture.heads.filter(({ layer, head }) => lit?.heads.has(`${layer}.attn.h${head}`));
  return [
    shape("bands", bands, { width: 0 }, palette.sunk),
    shape("heads", picture.heads.map(box), { width: 1, color: fade(palette.ink3, 0.35) }, palette.head),
    shape("traced heads", traced.map(box), { width: 1.3, color: palette.ink3, dash: "3 3" }, "none"),
  ];
}

/** Lines of residual channels, of the unembedding and of q with k. @param {Scene} scene */
function linkShapes({ columns, fold, picture, shown, bundles, lit, palette }) {
  const rails = railsOf(shown.links, columns, fold, picture.points, railTop(picture.rows));
  const litLinks = lit ? shown.links.filter((link) => lit.along.has(link)) : [];
  const litRails = railsOf(litLinks, columns, fold, picture.points, railTop(picture.rows));
  const [qk, litQk] = [/** @type {string[]} */ ([]), /** @type {string[]} */ ([])];
  for (const { kind, source, target, members } of bundles) {
    const [a, b] = [picture.points.get(source), picture.points.get(target)];
    if (kind !== "qk" || !a || !b) continue;
    (lit && members.some((link) => lit.along.has(link)) ? litQk : qk).push(curve(a, b));
  }
  const spans = (/** @type {typeof rails} */ { spans }) =>
    spans.map((rail) => straight({ x: rail.x, y: rail.y0 }, { x: rail.x, y: rail.y1 }));
  const joins = (/** @type {typeof rails} */ { joins }) =>
    joins.map((j) => curve({ x: j.x0, y: j.y0 }, { x: j.x1, y: j.y1 }));
  const quiet = lit ? 0.45 : 1;
  return [
    shape("residual", spans(rails), { color: fade(palette.ruleStrong, 0.8 * quiet), width: 1 }),
    shape("joins", joins(rails), { color: fade(palette.ruleStrong, 0.55 * quiet), width: 1 }),
    shape("qk", qk, { color: fade(palette.ink3, quiet), width: 1.2, dash: "3 3" }),
    shape("traced links", [...spans(litRails), ...joins(litRails)], { color: palette.ink3, width: 1.6 }),
    shape("traced qk", litQk, { color: palette.ink, width: 1.6, dash: "3 3" }),
  ];
}

/** Edges by sign and width, lightest first; the unlit and the cut ones apart; a bar across each negative one. @param {Scene} scene */
function edgeShapes({ graph, picture, bundles, lit, view, palette, frame }) {
  const strokes = () => WIDTHS.map(() => /** @type {string[]} */ ([]));
  const paths = { 1: strokes(), 0: strokes(), [-1]: strokes() };
  const [unlit, cut, bars] = /** @type {string[][]} */ ([[], [], []]);
  const gone = cutsOf(graph, view.cut);
  const scale = scaleOf(frame);
  for (const bundle of bundles.toReversed()) {
    const [a, b] = [picture.points.get(bundle.source), picture.points.get(bundle.target)];
    if (bundle.kind !== "edge" || !a || !b) continue;
    const path = curve(a, b);
    const on = !lit || bundle.members.some((edge) => lit.along.has(edge));
    if (bundle.members.every((edge) => isCut(gone, edge))) cut?.push(path);
    else if (!on) unlit?.push(path);
    else {
      const width = widthClass(bundle.total, graph.maxWeight);
      paths[bundle.sign][width]?.push(path);
      if (bundle.sign < 0) bars?.push(bar(a, b, scale, 2.6 + Number(WIDTHS[width])));
    }
  }
  const colours = { 1: palette.positive, 0: palette.ink2, [-1]: palette.negative };
  const names = { 1: "positive", 0: "mixed", [-1]: "negative" };
  // Where thousands overlap, each is fainter; neither sign lies on top of the other throughout.
  const veil = Math.min(1, Math.max(0.3, 900 / (bundles.length || 1)));
  return [
    shape("dimmed edges", unlit ?? [], { color: fade(palette.ink3, 0.16), width: 0.8 }),
    shape("edges of cut nodes", cut ?? [], { color: fade(palette.ink3, 0.55), width: 1, dash: "1 2" }),
    ...WIDTHS.flatMap((width, i) =>
      (i % 2 ? SIGNS : [...SIGNS].reverse()).map((sign) => {
        const color = fade(colours[sign], Number(ALPHAS[i]) * veil);
        return shape(`${names[sign]} edges, class ${i + 1}`, paths[sign][i] ?? [], { color, width });
      }),
    ),
    shape("bars of negative edges", bars ?? [], { color: fade(palette.negative, veil), width: 1.3 }),
  ];
}

/** The outline of a node. @param {Point} point @param {number} size pixels @param {{ x: number, y: number }} scale */
export function outline(point, size, scale) {
  const [rx, ry] = [size / 2 / scale.x, size / 2 / scale.y];
  const { kind } = point;
  if (kind === "mlp.post_act" || kind === "logit") return ellipse(point, rx, ry);
  if (/\.[qkv]$/.test(kind)) return diamond(point, rx * 1.22, ry * 1.22);
  const k = kind === "embed" ? 0.7 : 0.92;
  return box({ x0: point.x - rx * k, x1: point.x + rx * k, y0: point.y - ry * k, y1: point.y + ry * k });
}

/** How a node is filled: by its effect, or by a value of the moment. @param {Scene} scene @param {string} id @returns {{ fill: string, opacity: number, grow: number }} */
function lookOf({ graph, lit, light, view, palette }, id) {
  const colour = (/** @type {number} */ value, /** @type {number} */ max) => {
    const shade = Math.round(place(value, max) * SHADES) / SHADES;
    return mix(palette.neutral, shade < 0 ? palette.negative : palette.positive, Math.abs(shade));
  };
  if (light) {
    const value = light.get(id);
    if (value === undefined) return { fill: palette.surface, opacity: DIM, grow: 0.6 };
    return { fill: colour(value, 1), opacity: 1, grow: 0.6 + 0.9 * Math.abs(place(value, 1)) };
  }
  const effect = graph.nodes.get(id)?.effect_nats;
  const plain = effect === undefined || cutsOf(graph, view.cut).has(id) || graph.outside?.has(id);
  return {
    fill: plain ? palette.surface : colour(effect, graph.maxEffect),
    opacity: !lit || lit.nodes.has(id) ? 1 : DIM,
    grow: 1,
  };
}

/** @param {Scene} scene */
function nodeShapes(scene) {
  const { graph, picture, shown, view, palette, frame, nodeSize } = scene;
  const scale = scaleOf(frame);
  const cut = cutsOf(graph, view.cut);
  const chosen = new Set(selectionOf(view));
  const [rings, crosses] = /** @type {[string[], string[]]} */ ([[], []]);
  const fills =
    /** @type {Map<string, { fill: string, opacity: number, hollow: boolean, path: string[] }>} */ (
      new Map()
    );
  for (const p of picture.points.values()) {
    if (chosen.has(p.id)) {
      const r = p.kind === "logit" ? 17 : nodeSize / 2 + 5.5;
      rings.push(ellipse(p, r / scale.x, r / scale.y));
    }
    if (p.kind === "group" || p.kind === "logit" || !shown.ids.has(p.id)) continue;
    const { fill, opacity, grow } = lookOf(scene, p.id);
    const hollow = graph.outside?.has(p.id) ?? false;
    const key = `${fill} ${opacity} ${hollow}`;
    const same = fills.get(key) ?? { fill, opacity, hollow, path: [] };
    same.path.push(outline(p, nodeSize * grow, scale));
    fills.set(key, same);
    if (cut.has(p.id)) crosses.push(cross(p, (nodeSize / 2 + 2) / scale.x, (nodeSize / 2 + 2) / scale.y));
  }
  const stroke = { color: palette.ink2, width: nodeSize < 6 ? 0.5 : 1 };
  return [
    ...[...fills.values()].map(({ fill, opacity, hollow, path }) =>
      hollow
        ? shape("nodes outside", path, { ...stroke, width: 1.2, dash: "2 2" }, fill, opacity)
        : shape("nodes", path, stroke, fill, opacity),
    ),
    shape("selected", rings, { color: palette.accent, width: 2.5 }),
    shape("cut nodes", crosses, { color: palette.ink, width: 2.2 }),
  ];
}

/** All shapes of the picture, from the ground up. @param {Scene} scene */
export const shapesOf = (scene) =>
  [...groundShapes(scene), ...linkShapes(scene), ...edgeShapes(scene), ...nodeShapes(scene)].filter(
    (one) => one.path !== "",
  );
