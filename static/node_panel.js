// @ts-check
// The panel of one node: what it is, what it is joined to, where it is active.

/** @import { CircuitNode, NodeDetail, TokenWeight, Weight } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { getNode } from "./api.js";
import { errorNotice, fill, h } from "./dom.js";
import { fixed, nodeWords, plural, signed, visible } from "./format.js";
import { heatMaps } from "./heatmap.js";
import { readPalette } from "./plot.js";
import { toggleCut } from "./state.js";

const FEW = 8;

/**
 * @param {HTMLElement} panel
 * @param {Explorer} explorer
 */
export function createNodePanel(panel, explorer) {
  const { graph, store } = explorer;
  const details = /** @type {Map<string, NodeDetail>} */ (new Map());
  let waiting = new AbortController();
  let shown = { pair: 0, which: /** @type {"full_model" | "circuit"} */ ("full_model") };

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
        h("td", {}, nodeButton(node.id)),
        h("td", {}, nodeWords(node)),
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
          h(
            "tr",
            {},
            h("th", {}, "node"),
            h("th", {}, "what it is"),
            h("th", { class: "number" }, "effect, nats"),
          ),
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

  /** @param {NodeDetail} detail */
  function detailOf(detail) {
    return [
      tokenList("Tokens that write this channel", detail.tokens_in),
      tokenList("Logits this channel moves", detail.logits_out),
      h(
        "div",
        { class: "weights" },
        weightTable("Weights in", detail.weights_in, detail.n_weights_in),
        weightTable("Weights out", detail.weights_out, detail.n_weights_out),
      ),
      activations(detail),
    ];
  }

  /** @param {string} title @param {TokenWeight[]} tokens */
  function tokenList(title, tokens) {
    if (!tokens.length) return null;
    const chips = tokens
      .slice(0, 16)
      .map((t) =>
        h(
          "li",
          {},
          h("span", { class: "tok" }, visible(t.token)),
          h("span", { class: "quiet small" }, signed(t.weight, 2)),
        ),
      );
    return h("section", {}, h("h3", {}, title), h("ul", { class: "chips" }, chips));
  }

  /** @param {string} title @param {Weight[]} weights @param {number} total */
  function weightTable(title, weights, total) {
    const inside = weights.filter((weight) => weight.in_circuit).length;
    const row = (/** @type {Weight} */ weight) =>
      h(
        "tr",
        { class: weight.in_circuit ? null : "outside" },
        h(
          "td",
          {},
          graph.nodes.has(weight.node) ? nodeButton(weight.node) : h("span", { class: "mono" }, weight.node),
        ),
        h("td", { class: `number ${weight.weight < 0 ? "negative" : "positive"}` }, signed(weight.weight)),
      );
    const kept = [...weights.filter((w) => w.in_circuit), ...weights.filter((w) => !w.in_circuit)];
    const rest = kept.slice(FEW);
    return h(
      "section",
      {},
      h("h3", {}, title),
      h("p", { class: "small quiet" }, total ? `${inside} of ${total} in the circuit` : "none"),
      weights.length > 0 && h("table", {}, h("tbody", {}, kept.slice(0, FEW).map(row))),
      rest.length > 0 &&
        h(
          "details",
          {},
          h("summary", {}, `${rest.length} more`),
          h("table", {}, h("tbody", {}, rest.map(row))),
        ),
    );
  }

  /** @param {NodeDetail} detail */
  function activations(detail) {
    if (!detail.pairs.length) return null;
    const maps = h("div", { class: "heat-maps" });
    const place = h("span", { class: "small", "aria-live": "polite" });
    const redraw = () => {
      shown.pair = (shown.pair + detail.pairs.length) % detail.pairs.length;
      place.textContent = `pair ${shown.pair + 1} of ${detail.pairs.length}`;
      fill(maps, ...heatMaps(detail, shown.pair, shown.which, readPalette()));
    };
    const turn = (/** @type {number} */ by, /** @type {string} */ label, /** @type {string} */ sign) =>
      h(
        "button",
        {
          type: "button",
          class: "icon",
          "aria-label": label,
          onclick: () => {
            shown.pair += by;
            redraw();
          },
        },
        sign,
      );
    const choice = (/** @type {"full_model" | "circuit"} */ which, /** @type {string} */ words) => {
      const input = h("input", {
        type: "radio",
        name: "activations-in",
        value: which,
        onchange: () => {
          shown = { ...shown, which };
          redraw();
        },
      });
      input.checked = shown.which === which;
      return h("label", {}, input, h("span", {}, words));
    };
    redraw();
    return h(
      "section",
      { "data-testid": "activations" },
      h("h3", {}, "Activations on the task’s pairs"),
      h(
        "div",
        { class: "row spread" },
        h(
          "fieldset",
          { class: "segmented" },
          h("legend", { class: "visually-hidden" }, "Activations in"),
          choice("full_model", "full model"),
          choice("circuit", "circuit"),
        ),
        h("div", { class: "row" }, turn(-1, "Previous pair", "‹"), place, turn(1, "Next pair", "›")),
      ),
      maps,
    );
  }

  document.addEventListener("themechange", render);
  store.onChange((now, before) => {
    if (now.node !== before.node || now.cut !== before.cut) render();
  });
  render();
}
