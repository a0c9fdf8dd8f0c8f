// @ts-check
// The panel of sizes: a slider over one pruning run, what is lost at each size, and a way to keep one.

/** @import { CircuitSizes, MeasuredSize } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { getSize, getSizes, keepSize } from "./api.js";
import { debounce, fill, h } from "./dom.js";
import { redrawn } from "./figure_size.js";
import { count, interval, nats, percent, plural } from "./format.js";
import { errorNotice } from "./notice.js";
import { readPalette } from "./palette.js";
import { draw } from "./plot.js";
import { sizeLayout, sizeTraces } from "./size_curve.js";
import { aroundSize, edgesAt, sizeGraph } from "./size_graph.js";
import { panelOf } from "./state.js";

const REST_MS = 200;

/** What the order holds besides the circuit. @param {number} n nodes */
export function orderWords(n) {
  if (n === 0) return "It holds the circuit’s own nodes and no more.";
  if (n === 1) return "The hollow, dashed node is the one that it dropped last: it is outside the circuit.";
  return `Hollow, dashed nodes are the ${count(n)} that it dropped last: they are outside the circuit.`;
}

/**
 * @param {HTMLElement} panel
 * @param {Explorer} explorer
 * @param {{ use(graph: import("./graph.js").Graph): void }} scenes
 * @param {() => void} redraw
 */
export function createSizePanel(panel, { graph, store }, scenes, redraw) {
  const { circuit } = graph;
  const wanted = () => panelOf(store.get()) === "size" || store.get().size !== null;
  let asked = false;

  async function open() {
    if (asked || !wanted()) return;
    asked = true;
    if (!circuit.provenance.order) {
      fill(
        panel,
        head(),
        h(
          "p",
          { "data-testid": "no-order" },
          "This circuit was stored without its pruning order, so it has no other sizes to show; prune the task again to get one that has.",
        ),
      );
      return;
    }
    fill(panel, head(), h("p", { class: "quiet" }, "Reading the order…"));
    try {
      const sizes = await getSizes(circuit.id);
      scenes.use(sizeGraph(graph, sizes));
      showSizes(sizes);
      redraw();
    } catch (error) {
      asked = false;
      fill(panel, head(), errorNotice(error, open));
    }
  }

  const head = () => h("div", { class: "panel-head" }, h("h2", {}, "Size"));

  /** @param {CircuitSizes} sizes */
  function showSizes(sizes) {
    const measured = /** @type {Map<number, MeasuredSize>} */ (new Map());
    let waiting = new AbortController();
    const size = () => Math.min(store.get().size ?? sizes.n_nodes, sizes.n_all);
    const slider = h("input", {
      ...{ type: "range", id: "size", min: 0, max: sizes.n_all, step: 1, "data-testid": "size" },
    });
    const step = (/** @type {number} */ by, /** @type {string} */ sign, /** @type {string} */ words) =>
      h(
        "button",
        { type: "button", class: "icon", "aria-label": words, onclick: () => set(size() + by) },
        sign,
      );
    const number = h("output", { for: "size", "data-testid": "size-now" });
    const own = h(
      "button",
      { type: "button", onclick: () => store.set({ size: null, panel: "size" }) },
      "The circuit itself",
    );
    const exact = h("p", { class: "size-exact", "aria-live": "polite", "data-testid": "size-exact" });
    const curve = h("p", { class: "small quiet", "data-testid": "size-curve-words" });
    const figure = h("div", { class: "plot size-curve", role: "img", "data-testid": "size-curve" });
    const keep = h("div", { class: "row", "data-testid": "size-keep" });
    const cuts = sizes.n_cut_edges;
    fill(
      panel,
      head(),
      h(
        "p",
        { class: "lede" },
        `The run’s order, most wanted node first. ${orderWords(sizes.n_all - sizes.n_nodes)}`,
      ),
      h("label", { for: "size" }, "Nodes kept"),
      h(
        "div",
        { class: "row size-row" },
        step(-1, "−", "One node fewer"),
        slider,
        step(1, "+", "One node more"),
      ),
      h("div", { class: "row" }, number, own),
      exact,
      figure,
      curve,
      h(
        "p",
        { class: "small quiet" },
        `Curve: ${count(sizes.n_pairs)} train pairs, when the run ended${cuts ? `, before ${plural(cuts, "edge was", "edges were")} cut; held-out losses are with ${cuts === 1 ? "it" : "them"} cut` : ""}. Diamond: the size shown, 64 held-out pairs. Dashes: the circuit itself.`,
      ),
      keep,
    );

    /** @param {number} n */
    function set(n) {
      const now = Math.max(0, Math.min(sizes.n_all, n));
      store.set({ size: now, panel: "size" });
    }
    slider.addEventListener("input", () => set(Number(slider.value)));

    const measure = debounce(async () => {
      const n = size();
      if (measured.has(n) || !wanted()) return;
      waiting.abort();
      waiting = new AbortController();
      const { signal } = waiting;
      try {
        measured.set(n, await getSize(circuit.id, n, signal));
        if (size() === n) render();
      } catch (error) {
        if (!signal.aborted) fill(exact, errorNotice(error, measure));
      }
    }, REST_MS);

    async function keepNow() {
      const button = /** @type {HTMLButtonElement} */ (keep.querySelector("button"));
      button.disabled = true;
      button.textContent = "Measuring every node…";
      try {
        location.assign((await keepSize(circuit.id, size())).url);
      } catch (error) {
        fill(keep, errorNotice(error, keepNow));
      }
    }

    /** @param {number} n @param {MeasuredSize | undefined} found */
    function keeping(n, found) {
      if (n === sizes.n_nodes) return h("span", { class: "small quiet" }, "This is the circuit itself.");
      if (n === 0)
        return h("span", { class: "small quiet" }, "No node is kept: there is no circuit to store.");
      if (found?.kept_as)
        return h("a", { href: `/circuits/${found.kept_as}` }, "Open this size: it is kept as a circuit");
      return h(
        "button",
        { type: "button", class: "primary", "data-testid": "keep-size", onclick: keepNow },
        "Keep this circuit",
      );
    }

    function drawFigure() {
      const palette = readPalette();
      const n = size();
      if (figure.clientWidth)
        draw(figure, sizeTraces(sizes, measured.get(n) ?? null, palette), sizeLayout(sizes, n, palette));
    }

    function render() {
      const n = size();
      const found = measured.get(n);
      slider.value = String(n);
      const words = `${plural(n, "node")}, ${plural(edgesAt(sizes, n), "edge")}`;
      slider.setAttribute("aria-valuetext", words);
      number.textContent = words;
      own.disabled = store.get().size === null;
      fill(
        exact,
        found
          ? [
              h("strong", {}, `${interval(found.measure.loss_nats)} nats`),
              ` held-out, exact; ${percent(found.measure.accuracy.value)} right (${count(found.measure.n_pairs)} pairs, 95% interval)`,
            ]
          : "Held-out loss: measuring…",
      );
      curve.textContent = trainWords(sizes, n);
      figure.setAttribute(
        "aria-label",
        `Loss against size; ${words}${found ? `, held-out loss ${nats(found.measure.loss_nats.value)} nats` : ""}`,
      );
      fill(keep, keeping(n, found));
      drawFigure();
    }

    store.onChange((now, before) => {
      if (now.size === before.size && panelOf(now) === panelOf(before)) return;
      if (panelOf(now) !== "size") return;
      render();
      measure();
    });
    redrawn(figure, drawFigure);
    render();
    measure();
  }

  store.onChange(open);
  open();
}

/** What the stored curve says at a size, or around it. @param {CircuitSizes} sizes @param {number} n */
export function trainWords(sizes, n) {
  const found = aroundSize(sizes.sizes, n);
  if ("at" in found) return `On train pairs: ${nats(found.at.loss_nats)} nats, measured at this size.`;
  const say = (/** @type {import("./types.js").OrderedSize | undefined} */ one) =>
    one ? [`${nats(one.loss_nats)} nats at ${count(one.n_nodes)}`] : [];
  return `On train pairs this size was not measured; its neighbours were: ${[...say(found.below), ...say(found.above)].join(", ")}.`;
}
