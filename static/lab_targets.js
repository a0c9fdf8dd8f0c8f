// @ts-check
// The targets of the lab: the list of them, a box to type one, buttons that take the selection.

/** @typedef {import("./explorer.js").Explorer} Explorer */
import { fill, h } from "./dom.js";
import { plural } from "./format.js";
import { edgesBetween, suggestions, targetWords } from "./lab_request.js";
import { selectedNodes } from "./selection.js";
import { NODE, TARGET } from "./state.js";

/** @param {Explorer} explorer */
export function createTargets({ graph, store, select }) {
  const list = h("ul", { class: "cut-list", "data-testid": "cut-list" });
  const said = h("p", { class: "small lab-said", role: "status" });
  const input = h("input", {
    ...{ type: "text", id: "lab-target", list: "lab-targets", autocomplete: "off", spellcheck: "false" },
    placeholder: "0.attn.h3, 1.mlp, a->b",
    class: "mono grow",
  });
  const options = h("datalist", { id: "lab-targets" });
  const form = h(
    "form",
    { class: "lab-add", onsubmit: add },
    h("label", { for: "lab-target" }, "Node, edge, head, block or layer"),
    h("div", { class: "row" }, input, h("button", { type: "submit" }, "Add")),
  );
  const selection = h("div", { class: "row" });

  input.addEventListener("focus", () => {
    if (!options.childElementCount)
      fill(options, ...suggestions(graph).map((id) => h("option", { value: id })));
  });

  /** @param {string[]} ids */
  const put = (ids) => store.set({ cut: [...new Set([...store.get().cut, ...ids])], panel: "cut" });

  /** @param {Event} event */
  function add(event) {
    event.preventDefault();
    const ids = input.value.split(/[\s,;]+/).filter(Boolean);
    const bad = ids.find((id) => !TARGET.test(id));
    said.textContent = bad
      ? `“${bad}” is no target. Write 3.mlp.post_act:117, 0.mlp.act_in:5->0.mlp.post_act:9, 0.attn.h3, 2.mlp or 1.`
      : "";
    if (bad || !ids.length) return;
    input.value = "";
    put(ids);
  }

  function renderSelection() {
    const nodes = selectedNodes(store.get()).filter((id) => !store.get().cut.includes(id));
    const edges = edgesBetween(graph, selectedNodes(store.get())).filter(
      (id) => !store.get().cut.includes(id),
    );
    const button = (/** @type {string[]} */ ids, /** @type {string} */ words) =>
      ids.length > 0 && h("button", { type: "button", onclick: () => put(ids) }, `Add ${words}`);
    selection.hidden = !nodes.length && !edges.length;
    fill(
      selection,
      h("span", { class: "small quiet" }, "Selection:"),
      button(nodes, plural(nodes.length, "node")),
      button(edges, plural(edges.length, "edge")),
    );
  }

  function render() {
    const { cut } = store.get();
    fill(
      list,
      ...cut.map((id) =>
        h(
          "li",
          {},
          NODE.test(id) && graph.nodes.has(id)
            ? h("button", { type: "button", class: "link", onclick: () => select(id) }, id)
            : h("span", { class: "mono lab-name" }, id),
          h("span", { class: "quiet small grow" }, targetWords(graph, id)),
          h(
            "button",
            {
              type: "button",
              class: "plain icon",
              "aria-label": `Do not cut ${id}`,
              onclick: () => store.set({ cut: cut.filter((other) => other !== id), panel: "cut" }),
            },
            "×",
          ),
        ),
      ),
    );
    renderSelection();
  }

  store.onChange((now, before) => {
    if (now.node !== before.node || now.also !== before.also) renderSelection();
  });
  return { element: h("div", { class: "stack-small" }, list, form, options, selection, said), render, put };
}
