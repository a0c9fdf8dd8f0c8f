// @ts-check
// What the server knows of one node: tokens it reads or moves, weights in and out, activations on pairs.

/** @import { NodeDetail, TokenWeight, Weight } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { fill, h } from "./dom.js";
import { signed, visible } from "./format.js";
import { heatMaps } from "./heatmap.js";
import { readPalette } from "./plot.js";

const FEW = 8;

/**
 * Which pair is shown, and of which run, stays from node to node.
 * @param {Explorer} explorer
 * @param {(id: string) => HTMLElement} nodeButton
 */
export function createDetail({ graph }, nodeButton) {
  let shown = { pair: 0, which: /** @type {"full_model" | "circuit"} */ ("full_model") };

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

  return detailOf;
}
