// @ts-check
// The controls over the graph: thresholds, what they hide in words, zoom, collapse, trace.

/** @import { TraceDirection, View } from "./types.js" */
/** @typedef {import("./canvas.js").Canvas} Canvas */
/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./state.js").Store} Store */
import { need } from "./dom.js";
import { groupsOfKind } from "./fold.js";
import { fixed } from "./format.js";
import { stepHops } from "./keys.js";
import { selectionOf } from "./selection.js";
import { filterWords, shownWords } from "./shown.js";

/** Sliders are finer near zero, where most weights and effects are: the value goes with the square of the place. */
const toValue = (/** @type {number} */ at, /** @type {number} */ max) => max * at * at;
const toPlace = (/** @type {number} */ value, /** @type {number} */ max) => Math.sqrt(value / (max || 1));

/**
 * @param {{ canvas: Canvas, graph: Graph, store: Store }} parts
 */
export function createToolbar({ canvas, graph, store }) {
  const thresholds = /** @type {const} */ ([
    { id: "min-weight", key: "minWeight", max: graph.maxWeight, unit: "", digits: 3 },
    { id: "min-effect", key: "minEffect", max: graph.maxEffect, unit: " nats", digits: 4 },
  ]);
  for (const { id, key, max } of thresholds) {
    const slider = /** @type {HTMLInputElement} */ (need(id));
    slider.addEventListener("input", () => {
      const value = toValue(Number(slider.value), max);
      store.set({ [key]: Number(value.toPrecision(3)) });
    });
  }
  need("zoom-in").addEventListener("click", canvas.zoomIn);
  need("zoom-out").addEventListener("click", canvas.zoomOut);
  need("zoom-fit").addEventListener("click", canvas.fit);

  const menu = /** @type {HTMLDetailsElement} */ (need("collapse-menu"));
  for (const button of menu.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const kind = /** @type {"layer" | "block" | "head" | ""} */ (button.dataset.kind ?? "");
      store.set({ collapsed: kind ? groupsOfKind(graph, kind) : [] });
      menu.open = false;
      menu.querySelector("summary")?.focus();
    });
  }
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
    event.preventDefault();
  });
  document.addEventListener("pointerdown", (event) => {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  });

  const directions = /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll("input[name=trace]")]);
  for (const input of directions) {
    input.addEventListener("change", () => store.set({ trace: /** @type {TraceDirection} */ (input.value) }));
  }
  need("fewer-hops").addEventListener("click", () => store.set({ hops: stepHops(store.get().hops, -1) }));
  need("more-hops").addEventListener("click", () => store.set({ hops: stepHops(store.get().hops, 1) }));

  /** @param {View} view */
  function show(view) {
    const { shown } = canvas.scene();
    for (const { id, key, max, unit, digits } of thresholds) {
      const slider = /** @type {HTMLInputElement} */ (need(id));
      const place = toPlace(view[key], max);
      if (Math.abs(Number(slider.value) - place) > 0.003) slider.value = String(place);
      slider.setAttribute(
        "aria-valuetext",
        view[key] ? `under ${fixed(view[key], digits)}${unit}` : "none hidden",
      );
    }
    const filter = filterWords(view);
    const folded = view.collapsed.length ? `, ${canvas.scene().picture.groups.size} collapsed` : "";
    const words = shownWords(canvas.scene().graph, shown);
    need("edge-count").textContent = `${words}${folded}${filter ? `; ${filter}` : ""}`;
    need("edge-count").title = need("edge-count").textContent;
    for (const input of directions) input.checked = input.value === view.trace;
    need("hops").textContent = view.hops === 0 ? "all" : String(view.hops);
    /** @type {HTMLButtonElement} */ (need("fewer-hops")).disabled = view.hops === 1;
    /** @type {HTMLButtonElement} */ (need("more-hops")).disabled = view.hops === 0;
    need("trace-controls").dataset.idle = String(selectionOf(view).length === 0);
  }
  store.onChange((now, before) => {
    const { x, y, prompt, mode, within, open, ...rest } = now;
    const keys = /** @type {(keyof typeof rest)[]} */ (Object.keys(rest));
    if (keys.some((key) => now[key] !== before[key])) show(now);
  });
  show(store.get());
  return { refresh: () => show(store.get()) };
}
