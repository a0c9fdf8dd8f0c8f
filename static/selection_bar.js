// @ts-check
// The selection, beside the graph's corner: what its trace reaches, and what can be done: cut it, frame it, name it, fork, drop it.

/** @typedef {import("./canvas.js").Canvas} Canvas */
/** @typedef {import("./state.js").Store} Store */
import { fill, h } from "./dom.js";
import { plural } from "./format.js";
import { selectedNodes, selectionOf, toggleCuts } from "./selection.js";
import { traceWords } from "./trace.js";

/** What of the view its words follow. */
const FOLLOWED = /** @type {const} */ ([
  "node",
  "also",
  "cut",
  "trace",
  "hops",
  "size",
  "minWeight",
  "minEffect",
]);

/** @param {HTMLElement} bar @param {{ canvas: Canvas, store: Store, onGroup: () => void, onFork: () => void }} parts onGroup: make a named group of it; onFork: a circuit without it */
export function createSelectionBar(bar, { canvas, store, onGroup, onFork }) {
  const words = h("span", { "data-testid": "selection-count" });
  const reach = h("span", { class: "quiet reach", "data-testid": "trace-words" });
  const button = (/** @type {string} */ text, /** @type {() => void} */ act) =>
    h("button", { type: "button", onclick: act }, text);
  const cut = button("Cut", () => {
    store.set({ ...toggleCuts(store.get(), selectedNodes(store.get())), panel: "cut" });
  });
  fill(
    bar,
    words,
    reach,
    cut,
    button("Frame", () => canvas.frame(selectionOf(store.get()))),
    button("Group", onGroup),
    button("Fork", onFork),
    button("Clear", () => canvas.select(null)),
  );

  function show() {
    const view = store.get();
    const [all, nodes] = [selectionOf(view), selectedNodes(view)];
    bar.hidden = all.length === 0;
    fill(
      words,
      ...(nodes.length === all.length
        ? [plural(all.length, "node"), h("span", { class: "wide" }, " selected")]
        : [`${all.length} selected, ${plural(nodes.length, "node")}`]),
    );
    const { graph, lit, shown } = canvas.scene();
    reach.textContent = lit ? traceWords(graph, lit, new Set(all), shown) : "";
    cut.disabled = nodes.length === 0;
    cut.textContent = nodes.length && nodes.every((id) => view.cut.includes(id)) ? "Undo cut" : "Cut";
  }
  store.onChange((now, before) => {
    if (FOLLOWED.some((key) => now[key] !== before[key])) show();
  });
  show();
}
