// @ts-check
// A fork of the circuit: which nodes to drop and which to add, then a circuit of its own, measured anew.

/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./state.js").Store} Store */
import { getNode, postFork } from "./api.js";
import { fill, h } from "./dom.js";
import { plural } from "./format.js";
import { errorNotice } from "./notice.js";
import { selectedNodes } from "./selection.js";

const N_SUGGESTED = 8;

/**
 * @param {HTMLElement} element a dialog
 * @param {{ graph: Graph, store: Store }} parts
 * @returns {() => void} opens it with what is selected or cut
 */
export function createForkDialog(element, { graph, store }) {
  const dialog = /** @type {HTMLDialogElement} */ (element);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  /** Neighbours of the selection that the circuit does not keep, heaviest first. @param {string[]} nodes */
  async function suggested(nodes) {
    const details = await Promise.all(nodes.slice(0, 3).map((id) => getNode(graph.circuit.id, id)));
    const weights = details.flatMap((one) => [...one.weights_in, ...one.weights_out]);
    const outside = weights.filter((one) => !one.in_circuit);
    outside.sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
    return [...new Map(outside.map((one) => [one.node, one])).values()].slice(0, N_SUGGESTED);
  }

  return () => {
    const view = store.get();
    const cut = view.cut.filter((id) => graph.nodes.has(id));
    const selected = selectedNodes(view);
    const choices = [...new Set([...cut, ...selected])];
    const boxes = choices.map((id) => {
      const box = h("input", { type: "checkbox", value: id, onchange: show });
      box.checked = cut.length ? cut.includes(id) : true;
      return box;
    });
    const add = h("input", {
      ...{ type: "text", id: "fork-add", class: "mono", autocomplete: "off", spellcheck: "false" },
      ...{ placeholder: "1.mlp.post_act:7 0.attn.q:3", oninput: show, "data-testid": "fork-add" },
    });
    const names = () => add.value.split(/[\s,]+/).filter(Boolean);
    const dropped = () => boxes.filter((box) => box.checked).map((box) => box.value);
    const words = h("p", { class: "small", role: "status", "data-testid": "fork-words" });
    const trouble = h("div", {});
    const near = h("div", { class: "row" });
    const make = h(
      "button",
      { type: "button", class: "primary", onclick: measure, "data-testid": "fork-now" },
      "Measure the fork",
    );

    async function measure() {
      make.disabled = true;
      make.textContent = "Measuring every node…";
      try {
        location.assign((await postFork(graph.circuit.id, { drop: dropped(), add: names() })).url);
      } catch (error) {
        fill(trouble, errorNotice(error));
        make.textContent = "Measure the fork";
        make.disabled = false;
      }
    }

    function show() {
      const [less, more] = [dropped().length, names().length];
      words.textContent = `${plural(graph.circuit.nodes.length, "node")}, ${less} dropped, ${more} added: ${graph.circuit.nodes.length - less + more} are left.`;
      make.disabled = less + more === 0;
    }

    fill(
      dialog,
      h(
        "div",
        { class: "panel-head" },
        h("h2", { id: "fork-title" }, "Fork this circuit"),
        h("button", { type: "button", onclick: () => dialog.close() }, "Close"),
      ),
      h(
        "p",
        { class: "lede" },
        "A fork is a circuit of its own. The server measures it anew and names this one as where it came from; this one stays as it is.",
      ),
      choices.length
        ? h(
            "fieldset",
            { class: "fork-drop" },
            h("legend", {}, cut.length ? "Drop the nodes that are cut" : "Drop the selected nodes"),
            boxes.map((box) => h("label", { class: "check mono" }, box, box.value)),
          )
        : h(
            "p",
            { class: "small quiet" },
            "To drop nodes, close this, select or cut them in the graph and come back.",
          ),
      h("div", { class: "field" }, h("label", { for: "fork-add" }, "Add nodes of the model"), add),
      near,
      words,
      trouble,
      h("div", { class: "row" }, make),
    );
    show();
    dialog.showModal();
    suggested(selected.length ? selected : cut)
      .then((found) => {
        const offer = (/** @type {string} */ id) => {
          if (!names().includes(id)) add.value = [...names(), id].join(" ");
          show();
        };
        if (found.length)
          fill(
            near,
            h("span", { class: "small quiet" }, "Heaviest neighbours outside:"),
            found.map((one) =>
              h("button", { type: "button", class: "mono", onclick: () => offer(one.node) }, one.node),
            ),
          );
      })
      .catch(() => {}); // suggestions only: what is typed is checked by the server
  };
}
