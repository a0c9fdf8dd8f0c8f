// @ts-check
// A circuit in another page's frame: the graph as its address has it, and a link to the same view in the explorer.

import { writtenIn } from "./annotation.js";
import { getSizes } from "./api.js";
import { createCanvas } from "./canvas.js";
import { fill, h, need, pageData } from "./dom.js";
import { graphOf } from "./graph.js";
import { keysOf, listenToKeys } from "./keys.js";
import { createNoteMarks } from "./note_marks.js";
import { sentence } from "./notice.js";
import { createScenes } from "./scene.js";
import { select } from "./selection.js";
import { sizedScenes, sizeGraph } from "./size_graph.js";
import { createStore, readView, writeView } from "./state.js";
import { addressOf, startOf } from "./story_place.js";

const graph = graphOf(pageData("page-data"));
const kept = /** @type {import("./types.js").Annotation | null} */ (pageData("annotation-data"));
const written = writtenIn(kept);
graph.own = new Map(Object.entries(written.labels));
const query = startOf(location.search, kept?.story ?? []);
const store = createStore(readView(query, graph.nodes, graph.terminals));
const scenes = sizedScenes(createScenes(graph));
const plot = need("graph");
const selectAll = (/** @type {string[]} */ ids) => store.set(select(store.get(), ids));
const canvas = createCanvas(plot, {
  ...{ graph, scenes, store },
  marksOf: createNoteMarks(() => written, selectAll),
});
const say = (/** @type {string} */ text) => {
  need("announcer").textContent = text;
};
listenToKeys(plot, keysOf({ canvas, graph, store, say, open: () => {} }));

const open = /** @type {HTMLAnchorElement} */ (need("open"));
function pointAtView() {
  open.href = `/circuits/${graph.circuit.id}${addressOf(writeView(store.get()), kept?.id ?? null, null, [])}`;
}
store.onChange(pointAtView);
pointAtView();

try {
  if (store.get().size !== null && graph.circuit.provenance.order)
    scenes.use(sizeGraph(graph, await getSizes(graph.circuit.id)));
  await canvas.render();
  plot.dataset.ready = "true";
} catch (error) {
  fill(plot, h("p", { class: "notice error", role: "alert" }, sentence(error)));
}
