// @ts-check
// The circuit page: one store of the view, and everything that shows it or changes it.

/** @import { PanelName, View } from "./types.js" */
import { getLabel, postAnnotation, watchServer } from "./api.js";
import { createCanvas } from "./canvas.js";
import { createCutPanel } from "./cut_panel.js";
import { copyFrom, debounce, fill, h, need, pageData, shelfOf } from "./dom.js";
import { createForkDialog } from "./fork_dialog.js";
import { graphOf, weightiest } from "./graph.js";
import { createHelp } from "./help.js";
import { keysOf, listenToKeys } from "./keys.js";
import { createLegend } from "./legend.js";
import { createNodeLabel } from "./node_label.js";
import { createNodeNotes } from "./node_notes.js";
import { createNodePanel } from "./node_panel.js";
import { createNoteMarks } from "./note_marks.js";
import { createNotes } from "./notes.js";
import { createNotesPanel } from "./notes_panel.js";
import { sentence } from "./notice.js";
import { createPromptPanel } from "./prompt_panel.js";
import { createProposals } from "./proposals.js";
import { createProposalsList } from "./proposals_list.js";
import { offerTasks, wirePruneForm } from "./prune_form.js";
import { createScenes } from "./scene.js";
import { createSearch } from "./search.js";
import { select } from "./selection.js";
import { createSelectionBar } from "./selection_bar.js";
import { createShareDialog } from "./share_dialog.js";
import { sizedScenes } from "./size_graph.js";
import { createSizePanel } from "./size_panel.js";
import { notesOf } from "./stage_notes.js";
import { createStore, panelOf, readView, strangersIn, writeView } from "./state.js";
import { addressOf, startOf, stepIn } from "./story_place.js";
import { createStoryPlayer } from "./story_player.js";
import { createToolbar } from "./toolbar.js";
import { offerTour, startTour } from "./tour.js";

/**
 * What panels are given.
 * @typedef {object} Explorer
 * @property {import("./graph.js").Graph} graph
 * @property {import("./state.js").Store} store
 * @property {(id: string | null) => void} select
 * @property {(values: import("./light.js").Light | null, scale?: import("./legend.js").Scale) => void} light colour nodes by values, as the legend then says; null by effects again
 * @property {{ set(text: string | null): void }} status the line about the cut under the toolbar
 */

const graph = graphOf(pageData("page-data"));
const notes = createNotes({
  circuit: graph.circuit.id,
  kept: pageData("annotation-data"),
  shelf: shelfOf(),
  post: (body) => postAnnotation(graph.circuit.id, body),
});
graph.own = new Map(Object.entries(notes.get().labels));
const proposals = createProposals((id, signal) => getLabel(graph.circuit.id, id, signal));
graph.proposed = proposals.labelOf;
const keptStory = () => notes.kept()?.story ?? [];
const viewOf = (/** @type {string} */ query) => readView(query, graph.nodes, graph.terminals);
const read = () => viewOf(startOf(location.search, keptStory()));
const store = createStore(read());
const wantsTour = new URLSearchParams(location.search).has("tour");
const strangers = strangersIn(location.search, graph.nodes, graph.terminals);
performance.mark("circuit-read");
const plot = need("graph");
const selectAll = (/** @type {string[]} */ ids) => store.set(select(store.get(), ids));
const scenes = sizedScenes(createScenes(graph));
const canvas = createCanvas(plot, {
  ...{ graph, scenes, store, cuts: true },
  marksOf: createNoteMarks(notes.get, selectAll),
});
performance.mark("circuit-laid-out");
const say = (/** @type {string} */ text) => {
  need("announcer").textContent = text;
};

const legend = createLegend(graph.maxEffect);

/** @type {Explorer} */
const explorer = {
  graph,
  store,
  select: canvas.select,
  light(values, scale) {
    canvas.light(values);
    legend.show(values && scale);
  },
  status: {
    set(text) {
      const line = need("cut-status");
      line.textContent = text ?? "";
      line.hidden = text === null;
    },
  },
};

// -- the URL is the state --

const address = (/** @type {View} */ view) =>
  location.pathname + addressOf(writeView(view), notes.kept()?.id ?? null, player.at(), keptStory());
const writeAddress = debounce(() => history.replaceState(null, "", address(store.get())), 120);
store.onChange(writeAddress);
const player = createStoryPlayer(need("story"), {
  ...{ notes, store, read: viewOf, onMove: writeAddress },
  at: stepIn(location.search, notes.get().story.length),
});

const share = need("share");
const openShare = createShareDialog(need("share-dialog"), {
  path: () => address(store.get()),
  records() {
    const kept = notes.kept();
    const own = /** @type {const} */ ({ kind: "circuits", id: graph.circuit.id, noun: "circuit" });
    if (!kept) return [own];
    return [own, { kind: "annotations", id: kept.id, noun: kept.story.length ? "story" : "set of notes" }];
  },
  picture: `/circuits/${graph.circuit.id}/preview.png`,
  embedTitle: graph.circuit.task_title,
  warning: () =>
    notes.unsaved() ? "Links do not carry your unsaved notes: save them first, then share." : null,
});
share.addEventListener("click", async () => {
  history.replaceState(null, "", address(store.get()));
  openShare();
  const done = await copyFrom(share, location.href);
  say(done ? "The link to this view is copied." : "");
  if (notes.unsaved()) {
    unshared = true;
    showNotes();
  }
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

// -- the toolbar, the keys, what is said over the graph --

const toolbar = createToolbar({ canvas, graph, store });
createSelectionBar(need("selection-bar"), {
  ...{ canvas, store },
  onGroup() {
    store.set({ panel: "notes" });
    notesPanel.nameGroup();
  },
  onFork: createForkDialog(need("fork-dialog"), { graph, store }),
});
need("cut-status").addEventListener("click", () => openTab(1));
createSearch(need("search"), need("search-results"), explorer, canvas);
const keys = keysOf({
  ...{ canvas, graph, store, say },
  open: (what) => (what === "help" ? openHelp() : need("search").focus()),
});
listenToKeys(plot, keys);
const tour = document.getElementById("tour-offer")?.dataset.tour;
const openHelp = createHelp(need("help"), keys, tour);
need("help-open").addEventListener("click", openHelp);

let otherVersion = /** @type {string | null} */ (null);
let unshared = false;

function showNotes() {
  const { graph, shown } = canvas.scene();
  const said = notesOf(graph, shown, store.get(), strangers, otherVersion, unshared);
  const lines = said.map(({ text, action }) => {
    const change = action?.change;
    return h(
      "p",
      {},
      text,
      change && h("button", { type: "button", onclick: () => store.set(change) }, action.words),
    );
  });
  const close = () => {
    strangers.length = 0;
    unshared = false;
    showNotes();
  };
  const dismiss =
    (strangers.length > 0 || unshared) &&
    h("button", { type: "button", class: "plain icon", "aria-label": "Dismiss", onclick: close }, "×");
  fill(need("stage-notes"), ...lines, dismiss);
  need("stage-notes").hidden = lines.length === 0;
}

watchServer((version) => {
  otherVersion = version;
  showNotes();
});
store.onChange(showPanel);
store.onChange((now, before) => {
  if (now.minWeight !== before.minWeight || now.minEffect !== before.minEffect || now.size !== before.size)
    showNotes();
});
const nodeNotes = createNodeNotes(notes, store, () => store.set({ panel: "notes" }));
const nodeLabel = createNodeLabel(proposals, notes);
createNodePanel(need("panel-node"), explorer, (id) =>
  h("div", { class: "stack-small" }, nodeNotes(id), nodeLabel(id)),
);
const notesPanel = createNotesPanel(need("panel-notes"), {
  ...{ notes, store, selectAll, player },
  proposed: createProposalsList({ ids: weightiest(graph), notes, proposals, selectAll }),
  onSaved() {
    history.replaceState(null, "", address(store.get()));
    say("The notes are saved.");
  },
});
const redraw = debounce(canvas.redraw, 150);
notes.onChange(() => {
  graph.own = new Map(Object.entries(notes.get().labels));
  if (unshared && !notes.unsaved()) {
    unshared = false;
    showNotes();
  }
  redraw();
});
createCutPanel(need("panel-cut"), explorer);
createPromptPanel(need("panel-prompt"), explorer);
createSizePanel(need("panel-size"), explorer, scenes, () => {
  toolbar.refresh();
  showNotes();
  canvas.redraw();
});
wirePruneForm(/** @type {HTMLFormElement} */ (need("prune-form")), need("prune-job"));
showPanel(store.get());
showNotes();
if (tour && !wantsTour && !notes.kept()) offerTour(need("tour-offer"), tour);
window.addEventListener("popstate", () => store.set(read()));

try {
  await canvas.render();
  performance.mark("circuit-drawn");
  plot.dataset.ready = "true";
  if (wantsTour) startTour(explorer, plot);
} catch (error) {
  fill(plot, h("p", { class: "notice error", role: "alert" }, sentence(error)));
}
