// @ts-check
// The circuit page: one store of the view, and everything that shows it or changes it.

/** @import { PanelName, View } from "./types.js" */
import { createCanvas } from "./canvas.js";
import { createCutPanel } from "./cut_panel.js";
import { copyFrom, debounce, fill, h, need, pageData } from "./dom.js";
import { count, fixed } from "./format.js";
import { graphOf, MAX_DRAWN, shownEdges } from "./graph.js";
import { layoutCircuit } from "./layout.js";
import { drawLegend } from "./legend.js";
import { createNodePanel } from "./node_panel.js";
import { sentence } from "./notice.js";
import { createPromptPanel } from "./prompt_panel.js";
import { offerTasks, wirePruneForm } from "./prune_form.js";
import { createSearch } from "./search.js";
import { createStore, panelOf, readView, toggleCut, writeView } from "./state.js";

/**
 * What panels are given.
 * @typedef {object} Explorer
 * @property {import("./graph.js").Graph} graph
 * @property {import("./state.js").Store} store
 * @property {(id: string | null) => void} select
 * @property {(values: import("./light.js").Light | null) => void} light colour nodes by values; null by effects again
 * @property {{ set(text: string | null): void }} status the line about the cut under the toolbar
 */

const graph = graphOf(pageData("page-data"));
const store = createStore(readView(location.search, graph.nodes));
const picture = layoutCircuit(graph.circuit);
const plot = need("graph");
const canvas = createCanvas(plot, need("announcer"), { graph, picture, store });

/** @type {Explorer} */
const explorer = {
  graph,
  store,
  select: canvas.select,
  light: canvas.light,
  status: {
    set(text) {
      const line = need("cut-status");
      line.textContent = text ?? "";
      line.hidden = text === null;
    },
  },
};

// -- the URL is the state --

const address = (/** @type {View} */ view) => `${location.pathname}${writeView(view)}`;
const writeAddress = debounce(() => history.replaceState(null, "", address(store.get())), 120);
store.onChange(writeAddress);

const share = need("share");
share.addEventListener("click", async () => {
  history.replaceState(null, "", address(store.get()));
  const done = await copyFrom(share, location.href);
  need("announcer").textContent = done ? "The link to this view is copied." : "";
});

// -- tabs --

const tabs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[role=tab]")]);

/** @param {View} view */
function showPanel(view) {
  const name = panelOf(view);
  for (const tab of tabs) {
    const on = tab.dataset.panel === name;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    need(`panel-${tab.dataset.panel}`).hidden = !on;
  }
  const n = view.cut.length;
  need("tab-cut").textContent = n ? `Cut (${n})` : "Cut";
  if (name === "prune") openPrune();
}

/** @param {number} i */
function openTab(i) {
  const tab = tabs[(i + tabs.length) % tabs.length];
  tab?.focus();
  store.set({ panel: /** @type {PanelName} */ (tab?.dataset.panel) });
}
tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => openTab(i));
  tab.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight") openTab(i + 1);
    if (event.key === "ArrowLeft") openTab(i - 1);
  });
});

let pruneIsOpen = false;
function openPrune() {
  if (pruneIsOpen) return;
  pruneIsOpen = true;
  offerTasks(/** @type {HTMLFormElement} */ (need("prune-form")));
}

// -- the toolbar --

const slider = /** @type {HTMLInputElement} */ (need("min-weight"));
slider.max = String(Math.ceil(graph.maxWeight * 1000) / 1000);
slider.addEventListener("input", () => store.set({ minWeight: Number(slider.value) }));

/** @param {View} view */
function showFilter(view) {
  slider.value = String(view.minWeight);
  const [shown, all] = [shownEdges(graph, view.minWeight).length, graph.circuit.edges.length];
  const words = `showing ${shown === MAX_DRAWN ? "the heaviest " : ""}${count(shown)} of ${count(all)} edges`;
  slider.setAttribute("aria-valuetext", `${fixed(view.minWeight, 3)}, ${words}`);
  need("edge-count").textContent = view.minWeight
    ? `|weight| ≥ ${fixed(view.minWeight, 3)}: ${words}`
    : words;
}

need("zoom-in").addEventListener("click", canvas.zoomIn);
need("zoom-out").addEventListener("click", canvas.zoomOut);
need("zoom-fit").addEventListener("click", canvas.fit);
need("cut-status").addEventListener("click", () => openTab(1));
createSearch(need("search"), need("search-results"), explorer);

// -- keys that work anywhere but in a text box --

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const { node } = store.get();
  if (event.key === "/") need("search").focus();
  else if (event.key === "Escape" && node) canvas.select(null);
  else if (event.key === "c" && node) store.set(toggleCut(store.get(), node));
  else return;
  event.preventDefault();
});

store.onChange(showPanel);
store.onChange(showFilter);
createNodePanel(need("panel-node"), explorer);
createCutPanel(need("panel-cut"), explorer);
createPromptPanel(need("panel-prompt"), explorer);
wirePruneForm(/** @type {HTMLFormElement} */ (need("prune-form")), need("prune-job"));
showPanel(store.get());
showFilter(store.get());
drawLegend(need("legend"), graph.maxEffect);
window.addEventListener("popstate", () => store.set(readView(location.search, graph.nodes)));

try {
  await canvas.render();
  plot.dataset.ready = "true";
} catch (error) {
  fill(plot, h("p", { class: "notice error", role: "alert" }, sentence(error)));
}
