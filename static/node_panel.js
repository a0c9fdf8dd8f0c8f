// @ts-check
// The panel of one node: what it is, what it is joined to, where it is active.

/** @import { CircuitNode, NodeDetail } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { getNode } from "./api.js";
import { fill, h } from "./dom.js";
import { fixed, nodeWords, plural, signed } from "./format.js";
import { createDetail } from "./node_detail.js";
import { errorNotice } from "./notice.js";
import { toggleCut } from "./state.js";

/**
 * @param {HTMLElement} panel
 * @param {Explorer} explorer
 * @param {(id: string) => HTMLElement} notesOf where people write about a node
 */
export function createNodePanel(panel, explorer, notesOf) {
  const { graph, store } = explorer;
  const details = /** @type {Map<string, NodeDetail>} */ (new Map());
  let waiting = new AbortController();
  const detailOf = createDetail(explorer, (id) => nodeButton(id));

  /** @param {string} id */
  async function load(id) {
    waiting.abort();
    waiting = new AbortController();
    const { signal } = waiting;
    try {
      const detail = await getNode(graph.circuit.id, id, signal);
      details.set(id, detail);
      if (store.get().node === id) render();
    } catch (error) {
      if (signal.aborted) return;
      const body = panel.querySelector(".node-body");
      if (body)
        fill(
          body,
          errorNotice(error, () => load(id)),
        );
    }
  }

  function render() {
    const { node: id, cut } = store.get();
    const node = id ? graph.nodes.get(id) : undefined;
    if (!id || !node) return fill(panel, ...overview());
    const isCut = cut.includes(id);
    const cutButton = h(
      "button",
      {
        type: "button",
        class: isCut ? null : "primary",
        "aria-pressed": String(isCut),
        "data-testid": "cut-node",
        onclick: () => store.set({ ...toggleCut(store.get(), id), panel: "node" }),
      },
      isCut ? "Undo this cut" : "Cut this node",
    );
    const detail = details.get(id);
    const body = h("div", { class: "node-body stack" });
    if (detail) fill(body, ...detailOf(detail));
    else fill(body, h("p", { class: "empty" }, "Running the node on the task’s pairs…"));
    fill(
      panel,
      h("div", { class: "panel-head" }, h("h2", { class: "mono" }, id), closeButton()),
      h("p", { class: "lede" }, `${nodeWords(node)[0]?.toUpperCase()}${nodeWords(node).slice(1)}.`),
      facts(node),
      h("div", { class: "row" }, cutButton, cut.length > 0 && summaryLink(cut.length)),
      notesOf(id),
      body,
    );
    if (!detail) load(id);
  }

  const closeButton = () =>
    h(
      "button",
      {
        type: "button",
        class: "plain icon",
        "aria-label": "Close the node",
        onclick: () => explorer.select(null),
      },
      "×",
    );

  /** @param {number} n */
  const summaryLink = (n) =>
    h(
      "button",
      { type: "button", class: "plain", onclick: () => store.set({ panel: "cut" }) },
      `${plural(n, "cut")} →`,
    );

  /** @param {CircuitNode} node */
  const facts = (node) =>
    h(
      "dl",
      { class: "facts" },
      h("div", {}, h("dt", {}, "effect when cut"), h("dd", {}, `${signed(node.effect_nats)} nats`)),
      h("div", {}, h("dt", {}, "mean activation"), h("dd", {}, fixed(node.mean, 3))),
    );

  function overview() {
    const strongest = [...graph.circuit.nodes]
      .sort((a, b) => Math.abs(b.effect_nats) - Math.abs(a.effect_nats))
      .slice(0, 10);
    const rows = strongest.map((node) =>
      h(
        "tr",
        {},
        h("td", {}, nodeButton(node.id), h("div", { class: "small quiet" }, nodeWords(node))),
        h("td", { class: "number" }, signed(node.effect_nats)),
      ),
    );
    return [
      h("h2", {}, "Select a node"),
      h(
        "p",
        { class: "lede" },
        "Click one in the graph, press / to search, or walk with the arrow keys and choose with Enter. These matter most when cut:",
      ),
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h("tr", {}, h("th", {}, "node, and what it is"), h("th", { class: "number" }, "effect, nats")),
        ),
        h("tbody", {}, rows),
      ),
      h(
        "p",
        { class: "small quiet" },
        "Effect: how far the circuit’s loss rises when that node alone is set to its mean over the pretraining text.",
      ),
    ];
  }

  /** @param {string} id */
  const nodeButton = (id) =>
    h("button", { type: "button", class: "link nowrap", onclick: () => explorer.select(id) }, id);

  document.addEventListener("themechange", render);
  store.onChange((now, before) => {
    if (now.node !== before.node || now.cut !== before.cut) render();
  });
  render();
}
