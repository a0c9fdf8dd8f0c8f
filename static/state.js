// @ts-check
// The view of a circuit and its form in a URL's query: the URL is the state.

/** @import { PanelName, Range, View } from "./types.js" */

const NODE = /^\d{1,3}\.(attn|mlp)\.[a-z_]{1,16}:\d{1,6}$/;
const PANELS = ["node", "cut", "prompt", "prune"];

/** @type {View} */
export const DEFAULT_VIEW = Object.freeze({
  node: null,
  cut: [],
  mode: "mean",
  within: "circuit",
  minWeight: 0,
  x: null,
  y: null,
  prompt: null,
  panel: null,
});

/** @param {string | null} text @returns {Range | null} */
function readRange(text) {
  const parts = (text ?? "").split(",");
  const [low, high] = parts.map(Number);
  if (parts.length !== 2 || low === undefined || high === undefined) return null;
  return Number.isFinite(low) && Number.isFinite(high) && low < high ? [low, high] : null;
}

/** The panel a view shows when it does not say. @param {View} view @returns {PanelName} */
export function panelOf(view) {
  if (view.panel) return view.panel;
  if (view.node) return "node";
  if (view.cut.length) return "cut";
  return view.prompt ? "prompt" : "node";
}

/**
 * A view from a query string. What it does not know or cannot read is left at its default;
 * nodes that are not in `known` are dropped.
 * @param {string} query
 * @param {{ has(id: string): boolean }} [known]
 * @returns {View}
 */
export function readView(query, known = { has: () => true }) {
  const params = new URLSearchParams(query);
  const good = (/** @type {string} */ id) => NODE.test(id) && known.has(id);
  const node = params.get("node");
  const minWeight = Number(params.get("min_weight"));
  const panel = params.get("panel");
  return {
    node: node && good(node) ? node : null,
    cut: [...new Set(params.getAll("cut"))].filter(good),
    mode: params.get("mode") === "zero" ? "zero" : "mean",
    within: params.get("within") === "model" ? "model" : "circuit",
    minWeight: Number.isFinite(minWeight) && minWeight > 0 ? minWeight : 0,
    x: readRange(params.get("x")),
    y: readRange(params.get("y")),
    prompt: params.get("prompt") || null,
    panel: panel && PANELS.includes(panel) ? /** @type {PanelName} */ (panel) : null,
  };
}

const short = (/** @type {number} */ value) => String(Number(value.toFixed(3)));

/**
 * The query string of a view, defaults left out, node names readable (`:` and `,` unescaped).
 * @param {View} view
 * @returns {string} empty, or starting with `?`
 */
export function writeView(view) {
  const params = new URLSearchParams();
  if (view.node) params.set("node", view.node);
  for (const id of view.cut) params.append("cut", id);
  if (view.mode !== "mean") params.set("mode", view.mode);
  if (view.within !== "circuit") params.set("within", view.within);
  if (view.minWeight > 0) params.set("min_weight", short(view.minWeight));
  if (view.x) params.set("x", view.x.map(short).join(","));
  if (view.y) params.set("y", view.y.map(short).join(","));
  if (view.prompt) params.set("prompt", view.prompt);
  if (view.panel && view.panel !== panelOf({ ...view, panel: null })) params.set("panel", view.panel);
  const query = params.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return query ? `?${query}` : "";
}

/** @param {View} view @param {string} id @returns {View} */
export function toggleCut(view, id) {
  const cut = view.cut.includes(id) ? view.cut.filter((other) => other !== id) : [...view.cut, id];
  return { ...view, cut };
}

/**
 * A holder of the view: `set` merges a change and tells the listeners what was before.
 * @param {View} first
 */
export function createStore(first) {
  let view = first;
  const listeners = /** @type {Set<(now: View, before: View) => void>} */ (new Set());
  return {
    get: () => view,
    /** @param {Partial<View>} change */
    set(change) {
      const before = view;
      view = { ...view, ...change };
      for (const listener of listeners) listener(view, before);
    },
    /** @param {(now: View, before: View) => void} listener */
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** @typedef {ReturnType<typeof createStore>} Store */
