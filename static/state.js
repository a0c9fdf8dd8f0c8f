// @ts-check
// The view of a circuit and its form in a URL's query: the URL is the state.

/** @import { PanelName, PromptSide, Range, SectionName, TraceDirection, View } from "./types.js" */

export const NODE = /^\d{1,3}\.(attn|mlp)\.[a-z_]{1,16}:\d{1,6}$/;
const EDGE = /^\d{1,3}\.(attn|mlp)\.[a-z_]{1,16}:\d{1,6}->\d{1,3}\.(attn|mlp)\.[a-z_]{1,16}:\d{1,6}$/;
const END = /^(embed|logit):\d{1,6}$/;
const GROUP = /^\d{1,3}(\.attn(\.h\d{1,3})?|\.mlp)?$/;
/** What an intervention may be on. */
export const TARGET = new RegExp(`${NODE.source}|${EDGE.source}|${GROUP.source}`);
const CUT_MODES = ["mean", "zero", "resample", "value", "patch", "steer"];
const PANELS = ["node", "cut", "prompt", "size", "prune", "notes"];
const SIDES = ["answer", "contrast", "ledger"];
const TRACES = ["up", "down", "both"];
/** Sections of panels that fold, in the order in which the URL names them. @type {readonly SectionName[]} */
const SECTIONS = ["task", "response", "corpus", "attention", "notes", "sweep"];
/** @type {readonly SectionName[]} */
const OPEN_AT_FIRST = Object.freeze(["task", "response"]);
/** The stepper's last number; above it the trace has no end, written 0. */
export const MAX_HOPS = 6;

/** @typedef {{ has(id: string): boolean }} Known */

/** @type {View} */
export const DEFAULT_VIEW = Object.freeze({
  node: null,
  also: [],
  cut: [],
  mode: "mean",
  amount: null,
  within: "circuit",
  size: null,
  minWeight: 0,
  minEffect: 0,
  collapsed: [],
  trace: "both",
  hops: 1,
  x: null,
  y: null,
  prompt: null,
  side: "answer",
  against: null,
  lights: "circuit",
  panel: null,
  open: OPEN_AT_FIRST,
});

/** @param {string | null} text @returns {Range | null} */
function readRange(text) {
  const parts = (text ?? "").split(",");
  const [low, high] = parts.map(Number);
  if (parts.length !== 2 || low === undefined || high === undefined) return null;
  return Number.isFinite(low) && Number.isFinite(high) && low < high ? [low, high] : null;
}

/** A threshold: a number above zero, else zero. @param {string | null} text */
function readThreshold(text) {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : 0;
}

/** What cut targets are set to; a number only where the mode takes one. @param {URLSearchParams} params @returns {Pick<View, "mode" | "amount">} */
function readMode(params) {
  const named = params.get("mode") ?? "";
  const mode = /** @type {View["mode"]} */ (CUT_MODES.includes(named) ? named : "mean");
  const amount = Number.parseFloat(params.get("amount") ?? "");
  const fits =
    Number.isFinite(amount) && (mode === "value" || (mode === "steer" && amount >= 0 && amount <= 1));
  return { mode, amount: fits ? amount : null };
}

/** A count of nodes; what is none is null. @param {string | null} text */
const readSize = (text) => (text !== null && /^\d{1,7}$/.test(text) ? Number(text) : null);

/** `all` is 0, without end; what is no number of hops is one hop. @param {string | null} text */
function readHops(text) {
  if (text === "all") return 0;
  const hops = Number(text);
  return Number.isInteger(hops) && hops >= 1 && hops <= MAX_HOPS ? hops : 1;
}

/** What is not said is open at first; `none` is no section. @param {string | null} text @returns {View["open"]} */
function readOpen(text) {
  if (text === null) return OPEN_AT_FIRST;
  const named = text.split(",");
  const open = SECTIONS.filter((section) => named.includes(section));
  return open.length || text === "none" ? open : OPEN_AT_FIRST;
}

/** Fold a section or unfold it. @param {View["open"]} open @param {SectionName} section @param {boolean} on @returns {View["open"]} */
export const withSection = (open, section, on) =>
  SECTIONS.filter((one) => (one === section ? on : open.includes(one)));

/** Ids of one site share its name: `0.attn.q:1.4,logit:5`. @param {string} text @returns {string[]} */
function readIds(text) {
  return text.split(",").flatMap((part) => {
    const [site, indices] = part.split(":");
    return indices ? indices.split(".").map((index) => `${site}:${index}`) : [];
  });
}

/** @param {string[]} ids */
function writeIds(ids) {
  const bySite = /** @type {Map<string, string[]>} */ (new Map());
  for (const id of ids) {
    const [site = "", index = ""] = id.split(":");
    bySite.set(site, [...(bySite.get(site) ?? []), index]);
  }
  return [...bySite].map(([site, indices]) => `${site}:${indices.join(".")}`).join(",");
}

/** The panel a view shows when it does not say. @param {View} view @returns {PanelName} */
export function panelOf(view) {
  if (view.panel) return view.panel;
  if (view.node) return "node";
  if (view.cut.length) return "cut";
  if (view.prompt) return "prompt";
  return view.size === null ? "node" : "size";
}

/** @param {URLSearchParams} params */
const namesIn = (params) => ({
  node: params.get("node"),
  also: readIds(params.get("select") ?? ""),
  cut: params.getAll("cut"),
});

/**
 * A view from a query string. What it does not know or cannot read is left at its default;
 * nodes that are not in `known` are dropped (`strangersIn` names them).
 * @param {string} query
 * @param {Known} [known] nodes
 * @param {Known} [ends] embedding channels and logits
 * @returns {View}
 */
export function readView(query, known = { has: () => true }, ends = { has: () => true }) {
  const params = new URLSearchParams(query);
  const good = (/** @type {string} */ id) => NODE.test(id) && known.has(id);
  const within = params.get("within") === "model" ? "model" : "circuit";
  const isTarget = (/** @type {string} */ id) =>
    TARGET.test(id) &&
    (within === "model" || !id.includes(":") || id.split("->").every((end) => known.has(end)));
  const named = namesIn(params);
  const node = named.node && good(named.node) ? named.node : null;
  const also = named.also.filter((id) => good(id) || (END.test(id) && ends.has(id)));
  const panel = params.get("panel");
  const trace = params.get("trace");
  const side = params.get("show");
  return {
    node,
    also: [...new Set(also)].filter((id) => id !== node),
    cut: [...new Set(named.cut)].filter(isTarget),
    ...readMode(params),
    within,
    size: readSize(params.get("size")),
    minWeight: readThreshold(params.get("min_weight")),
    minEffect: readThreshold(params.get("min_effect")),
    collapsed: [...new Set((params.get("collapse") ?? "").split(","))].filter((id) => GROUP.test(id)),
    trace: trace && TRACES.includes(trace) ? /** @type {TraceDirection} */ (trace) : "both",
    hops: readHops(params.get("hops")),
    x: readRange(params.get("x")),
    y: readRange(params.get("y")),
    prompt: params.get("prompt") || null,
    side: side && SIDES.includes(side) ? /** @type {PromptSide} */ (side) : "answer",
    against: params.get("against") || null,
    lights: params.get("lights") === "full_model" ? "full_model" : "circuit",
    panel: panel && PANELS.includes(panel) ? /** @type {PanelName} */ (panel) : null,
    open: readOpen(params.get("open")),
  };
}

/** What a query names and the circuit does not have. @param {string} query @param {Known} known @param {Known} ends */
export function strangersIn(query, known, ends) {
  const { node, also, cut } = namesIn(new URLSearchParams(query));
  const cutNodes =
    new URLSearchParams(query).get("within") === "model" ? [] : cut.flatMap((id) => id.split("->"));
  return [...new Set([...(node ? [node] : []), ...also, ...cutNodes])].filter(
    (id) => !known.has(id) && !ends.has(id) && !GROUP.test(id),
  );
}

const short = (/** @type {number} */ value) => String(Number(value.toFixed(3)));
const threshold = (/** @type {number} */ value) => String(Number(value.toPrecision(3)));

/**
 * The query string of a view, defaults left out, node names readable (`:` and `,` unescaped).
 * @param {View} view
 * @returns {string} empty, or starting with `?`
 */
export function writeView(view) {
  const params = new URLSearchParams();
  if (view.node) params.set("node", view.node);
  if (view.also.length) params.set("select", writeIds(view.also));
  for (const id of view.cut) params.append("cut", id);
  if (view.mode !== "mean") params.set("mode", view.mode);
  if (view.amount !== null) params.set("amount", String(view.amount));
  if (view.within !== "circuit") params.set("within", view.within);
  if (view.size !== null) params.set("size", String(view.size));
  if (view.minWeight > 0) params.set("min_weight", threshold(view.minWeight));
  if (view.minEffect > 0) params.set("min_effect", threshold(view.minEffect));
  if (view.collapsed.length) params.set("collapse", view.collapsed.join(","));
  if (view.trace !== "both") params.set("trace", view.trace);
  if (view.hops !== 1) params.set("hops", view.hops === 0 ? "all" : String(view.hops));
  if (view.x) params.set("x", view.x.map(short).join(","));
  if (view.y) params.set("y", view.y.map(short).join(","));
  if (view.prompt) params.set("prompt", view.prompt);
  if (view.side !== "answer") params.set("show", view.side);
  if (view.against) params.set("against", view.against);
  if (view.lights !== "circuit") params.set("lights", view.lights);
  if (view.panel && view.panel !== panelOf({ ...view, panel: null })) params.set("panel", view.panel);
  if (view.open.join() !== OPEN_AT_FIRST.join()) params.set("open", view.open.join(",") || "none");
  const query = params.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%3E", ">");
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
