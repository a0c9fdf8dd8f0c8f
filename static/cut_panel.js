// @ts-check
// The panel of cuts: which nodes, how, where, and what the cut does to the loss, at once.

/** @import { Ablation } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { postAblation } from "./api.js";
import { headlineOf, markPairs, resultOf } from "./cut_result.js";
import { debounce, fill, h } from "./dom.js";
import { nodeWords, plural } from "./format.js";
import { errorNotice } from "./notice.js";
import { ablationRequest } from "./snippet.js";

export const N_PAIRS = 64;
const PAUSE_MS = 250;

/**
 * @param {HTMLElement} panel
 * @param {Explorer} explorer
 */
export function createCutPanel(panel, explorer) {
  const { graph, store, status } = explorer;
  const { circuit } = graph;
  const undone = /** @type {string[][]} */ ([]);
  const answers = /** @type {Map<string, Ablation>} */ (new Map());
  let waiting = new AbortController();

  const list = h("ul", { class: "cut-list", "data-testid": "cut-list" });
  const undo = h("button", { type: "button", onclick: () => takeBack() }, "Undo");
  const clear = h(
    "button",
    { type: "button", onclick: () => store.set({ cut: [], panel: "cut" }) },
    "Clear all",
  );
  const result = h("div", { class: "cut-result stack", "aria-live": "polite", "data-testid": "cut-result" });
  const choices = h(
    "div",
    { class: "row" },
    segmented("mode", "Set cut nodes to", [
      ["mean", "mean"],
      ["zero", "zero"],
    ]),
    segmented("within", "Cut within", [
      ["circuit", "circuit"],
      ["model", "full model"],
    ]),
  );

  /** @param {"mode" | "within"} key @param {string} legend @param {[string, string][]} options */
  function segmented(key, legend, options) {
    const labels = options.map(([value, words]) => {
      const input = h("input", {
        type: "radio",
        name: `cut-${key}`,
        value,
        onchange: () => store.set({ [key]: value, panel: "cut" }),
      });
      return h("label", {}, input, h("span", {}, words));
    });
    return h(
      "div",
      { class: "field" },
      h("span", { class: "small quiet", "aria-hidden": "true" }, legend),
      h("fieldset", { class: "segmented" }, h("legend", { class: "visually-hidden" }, legend), labels),
    );
  }

  function takeBack() {
    const cut = undone.pop();
    if (!cut) return;
    store.set({ cut, panel: "cut" });
    undone.pop(); // the change just made is not itself to be undone
    renderControls();
  }

  function renderControls() {
    const view = store.get();
    for (const input of choices.querySelectorAll("input")) {
      input.checked = input.value === (input.name === "cut-mode" ? view.mode : view.within);
    }
    undo.disabled = undone.length === 0;
    clear.disabled = view.cut.length === 0;
    fill(
      list,
      ...view.cut.map((id) => {
        const node = graph.nodes.get(id);
        return h(
          "li",
          {},
          h("button", { type: "button", class: "link", onclick: () => explorer.select(id) }, id),
          h("span", { class: "quiet small grow" }, node ? nodeWords(node) : ""),
          h(
            "button",
            {
              type: "button",
              class: "plain icon",
              "aria-label": `Do not cut ${id}`,
              onclick: () => store.set({ cut: view.cut.filter((other) => other !== id), panel: "cut" }),
            },
            "×",
          ),
        );
      }),
    );
  }

  const request = () => ablationRequest(store.get(), circuit, N_PAIRS);

  const run = debounce(async () => {
    const body = request();
    if (!body.nodes.length) return;
    const key = JSON.stringify(body);
    const { signal } = waiting;
    try {
      const answer = answers.get(key) ?? (await postAblation(body, signal));
      answers.set(key, answer);
      if (!signal.aborted) {
        status.set(headlineOf(answer));
        fill(result, ...resultOf(answer));
        markPairs(result);
      }
    } catch (error) {
      if (signal.aborted) return;
      fill(result, errorNotice(error, start));
      status.set(null);
    }
    result.classList.remove("busy");
  }, PAUSE_MS);

  function start() {
    waiting.abort();
    waiting = new AbortController();
    const { cut } = store.get();
    renderControls();
    if (!cut.length) {
      result.classList.remove("busy");
      status.set(null);
      fill(
        result,
        h("p", { class: "empty" }, "No node is cut. Select a node and press “Cut this node”, or press c."),
      );
      return;
    }
    status.set(`${plural(cut.length, "node")} cut, measuring…`);
    if (result.querySelector(".dotplot")) result.classList.add("busy");
    else fill(result, h("p", { class: "empty" }, `Measuring on ${N_PAIRS} held-out pairs…`));
    run();
  }

  store.onChange((now, before) => {
    if (now.cut !== before.cut) undone.push(before.cut);
    if (now.cut !== before.cut || now.mode !== before.mode || now.within !== before.within) start();
  });
  fill(
    panel,
    h("div", { class: "panel-head" }, h("h2", {}, "Cut nodes"), h("div", { class: "row" }, undo, clear)),
    list,
    choices,
    result,
  );
  start();
}
