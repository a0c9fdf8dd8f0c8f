// @ts-check
// A picture as Plotly traces: a constant number of them, one a class of line, nulls between segments.

/** @import { CircuitEdge, CircuitNode, Link, Palette, Picture, Point, View } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
import { diverging, fade } from "./colour.js";
import { fixed, nodeWords, signed, visible } from "./format.js";
import { neighbourhood, shownEdges } from "./graph.js";
import { railTop } from "./rows.js";

/** Line widths in pixels and opacities of the four classes of |weight|, light to heavy. */
const WIDTHS = [0.7, 1.2, 2, 3.2];
const ALPHAS = [0.5, 0.65, 0.85, 1];
const CURVE = Array.from({ length: 9 }, (_, i) => i / 8);
const MANY_EDGES = 1500;

/** The width class of an edge: quarters of the largest magnitude. @param {number} weight @param {number} max */
export const widthClass = (weight, max) => Math.min(3, Math.floor((4 * Math.abs(weight)) / (max || 1)));

/**
 * @typedef {{ x: (number | null)[], y: (number | null)[] }} Path
 * @typedef {object} Scene
 * @property {Graph} graph
 * @property {Picture} picture
 * @property {View} view
 * @property {string | null} cursor where the arrow keys stand
 * @property {Palette} palette
 * @property {number} nodeSize in pixels
 */

/** @param {Path} path @param {Point} a @param {Point} b @param {boolean} curved leaves and arrives upright */
function join(path, a, b, curved) {
  if (!curved || a.x === b.x) {
    path.x.push(a.x, b.x, null);
    path.y.push(a.y, b.y, null);
    return;
  }
  for (const t of CURVE) {
    path.x.push(a.x + (b.x - a.x) * (3 * t * t - 2 * t * t * t));
    path.y.push(a.y + (b.y - a.y) * t);
  }
  path.x.push(null);
  path.y.push(null);
}

/** @returns {Path} */
const empty = () => ({ x: [], y: [] });

/** @param {string} name @param {Path} path @param {object} line */
const lineTrace = (name, path, line) => ({
  name,
  type: "scatter",
  mode: "lines",
  ...path,
  line,
  hoverinfo: "skip",
  showlegend: false,
});

/** Lines of residual channels, of the unembedding and of q with k. @param {Scene} scene @param {Set<string> | null} near */
function linkTraces({ graph, picture, view, palette }, near) {
  const turn = railTop(picture.rows);
  const [rails, unembed, qk, lit, litQk] = [empty(), empty(), empty(), empty(), empty()];
  for (const rail of picture.rails) {
    rails.x.push(rail.x, rail.x, null);
    rails.y.push(rail.y0, rail.y1, null);
  }
  const seen = new Set();
  const drawn = new Set(view.node ? graph.links.get(view.node) : []);
  for (const link of graph.circuit.links) {
    const [a, b] = [picture.points.get(link.source), picture.points.get(link.target)];
    if (!a || !b) continue;
    if (link.kind === "qk") join(near && drawn.has(link) ? litQk : qk, a, b, true);
    if (link.kind === "residual" && near && drawn.has(link)) join(lit, a, b, false);
    if (link.kind !== "unembed") continue;
    const key = `${a.x} ${link.target}`;
    if (!seen.has(key)) join(unembed, { ...a, y: turn }, b, true);
    seen.add(key);
    if (near && drawn.has(link)) {
      join(lit, a, { ...a, y: turn }, false);
      join(lit, { ...a, y: turn }, b, true);
    }
  }
  const quiet = near ? 0.45 : 1;
  return [
    lineTrace("residual", rails, { color: fade(palette.ruleStrong, 0.8 * quiet), width: 1 }),
    lineTrace("unembed", unembed, { color: fade(palette.ruleStrong, 0.55 * quiet), width: 1 }),
    lineTrace("qk", qk, { color: fade(palette.ink3, quiet), width: 1.2, dash: "3px,3px" }),
    lineTrace("links of the selected node", lit, { color: palette.ink3, width: 1.6 }),
    lineTrace("qk of the selected node", litQk, { color: palette.ink, width: 1.6, dash: "3px,3px" }),
  ];
}

/** Edges by sign and width; the unlit and the cut ones apart. @param {Scene} scene @param {Set<string> | null} near */
function edgeTraces({ graph, picture, view, palette }, near) {
  const edges = shownEdges(graph, view.minWeight).reverse();
  const curved = edges.length <= MANY_EDGES;
  const paths = { positive: WIDTHS.map(empty), negative: WIDTHS.map(empty), unlit: empty(), cut: empty() };
  const cut = new Set(view.cut);
  const hover = { ...empty(), text: /** @type {string[]} */ ([]) };
  for (const edge of edges) {
    const [a, b] = [picture.points.get(edge.source), picture.points.get(edge.target)];
    if (!a || !b) continue;
    const lit = !near || edge.source === view.node || edge.target === view.node;
    const sign = edge.weight < 0 ? "negative" : "positive";
    const ofClass = paths[sign][widthClass(edge.weight, graph.maxWeight)] ?? empty();
    const isCut = cut.has(edge.source) || cut.has(edge.target);
    join(isCut ? paths.cut : lit ? ofClass : paths.unlit, a, b, curved);
    if (!lit) continue;
    for (const t of curved ? [0.35, 0.5, 0.65] : [0.5]) {
      const s = curved ? 3 * t * t - 2 * t * t * t : t;
      hover.x.push(a.x + (b.x - a.x) * s);
      hover.y.push(a.y + (b.y - a.y) * t);
      hover.text.push(edgeText(edge));
    }
  }
  const colours = { positive: palette.positive, negative: palette.negative };
  return [
    lineTrace("dimmed edges", paths.unlit, { color: fade(palette.ink3, 0.16), width: 0.8 }),
    lineTrace("edges of cut nodes", paths.cut, { color: fade(palette.ink3, 0.55), width: 1, dash: "dot" }),
    .../** @type {const} */ (["positive", "negative"]).flatMap((sign) =>
      WIDTHS.map((width, i) =>
        lineTrace(`${sign} weights, class ${i + 1}`, paths[sign][i] ?? empty(), {
          color: fade(colours[sign], ALPHAS[i] ?? 1),
          width,
        }),
      ),
    ),
    {
      name: "edge tooltips",
      type: "scatter",
      mode: "markers",
      ...hover,
      marker: { size: 10, color: "rgba(0,0,0,0)" },
      hovertemplate: "%{text}<extra></extra>",
      showlegend: false,
    },
  ];
}

/** @param {CircuitEdge} edge */
export const edgeText = (edge) => `${edge.source} → ${edge.target}<br>weight <b>${signed(edge.weight)}</b>`;

const escapeHtml = (/** @type {string} */ text) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** The tooltip of a node or a terminal. @param {Graph} graph @param {string} id */
export function pointText(graph, id) {
  const node = graph.nodes.get(id);
  if (node) {
    const edges = graph.edges.get(id) ?? [];
    const into = edges.filter((edge) => edge.target === id).length;
    return [
      `<b>${id}</b>`,
      nodeWords(node),
      `effect <b>${signed(node.effect_nats)}</b> nats when cut`,
      `mean ${fixed(node.mean, 3)} · edges ${into} in, ${edges.length - into} out`,
    ].join("<br>");
  }
  const end = graph.terminals.get(id);
  if (!end) return escapeHtml(id);
  if (end.kind === "logit") return `logit of <b>${escapeHtml(visible(end.label))}</b>`;
  const tokens = end.tokens.slice(0, 5).map((t) => `${escapeHtml(visible(t.token))}  ${signed(t.weight, 2)}`);
  return [`<b>token embedding</b>, channel ${end.index}`, "written most by", ...tokens].join("<br>");
}

/** @param {string} kind */
export function symbolOf(kind) {
  if (kind === "embed") return "square-open";
  if (kind === "logit") return "circle-open";
  if (kind === "mlp.post_act") return "circle";
  return /\.[qkv]$/.test(kind) ? "diamond" : "square";
}

/** @param {Scene} scene @param {Set<string> | null} near */
function nodeTraces(scene, near) {
  const { graph, picture, view, cursor, palette, nodeSize } = scene;
  const points = [...picture.points.values()];
  const cut = new Set(view.cut);
  const lit = (/** @type {Point} */ p) => !near || near.has(p.id);
  const colour = (/** @type {CircuitNode | undefined} */ node) =>
    node ? diverging(node.effect_nats, graph.maxEffect, palette) : palette.ink2;
  const scale = (/** @type {string} */ kind) =>
    symbolOf(kind) === "diamond" ? 1.22 : kind === "embed" ? 0.7 : 1;
  const at = (/** @type {Point[]} */ some) => ({ x: some.map((p) => p.x), y: some.map((p) => p.y) });
  const chosen = points.filter((p) => p.id === view.node);
  const focused = points.filter((p) => p.id === cursor && p.id !== view.node);
  const cutPoints = points.filter((p) => cut.has(p.id));
  const plain = { type: "scatter", mode: "markers", hoverinfo: "skip", showlegend: false };
  return [
    {
      ...plain,
      name: "selected node",
      ...at(chosen),
      marker: { symbol: "circle-open", size: nodeSize + 11, color: palette.accent, line: { width: 2.5 } },
    },
    {
      ...plain,
      name: "keyboard cursor",
      ...at(focused),
      marker: { symbol: "circle-open", size: nodeSize + 11, color: palette.accent, line: { width: 1.5 } },
    },
    {
      name: "nodes",
      type: "scatter",
      mode: "markers",
      ...at(points),
      customdata: points.map((p) => p.id),
      text: points.map((p) => pointText(graph, p.id)),
      hovertemplate: "%{text}<extra></extra>",
      showlegend: false,
      marker: {
        symbol: points.map((p) => symbolOf(p.kind)),
        size: points.map((p) => nodeSize * scale(p.kind)),
        color: points.map((p) => (cut.has(p.id) ? palette.surface : colour(graph.nodes.get(p.id)))),
        opacity: points.map((p) => (lit(p) ? 1 : 0.25)),
        line: { color: palette.ink2, width: nodeSize < 6 ? 0.5 : 1 },
      },
    },
    {
      ...plain,
      name: "cut nodes",
      ...at(cutPoints),
      marker: {
        symbol: "x-thin",
        size: nodeSize + 5,
        color: palette.ink,
        line: { color: palette.ink, width: 2.2 },
      },
    },
  ];
}

/** All traces of the picture, always the same ones in the same order. @param {Scene} scene */
export function tracesOf(scene) {
  const { graph, view } = scene;
  const near = view.node ? neighbourhood(graph, view.node) : null;
  return [...linkTraces(scene, near), ...edgeTraces(scene, near), ...nodeTraces(scene, near)];
}
