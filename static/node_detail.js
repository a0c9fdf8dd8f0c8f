// @ts-check
// What the server knows of one node: tokens it reads or moves, weights in and out, activations on pairs and prompts.

/** @import { NodeDetail, TokenWeight, Weight } from "./types.js" */
/** @import { Which } from "./panel_types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { getNodeSide } from "./api.js";
import { fill, h } from "./dom.js";
import { signed, siteOf, visible } from "./format.js";
import { cellsOf, heatMaps, map } from "./heatmap.js";
import { livePrompt } from "./live_prompt.js";
import { attentionSection } from "./node_attention.js";
import { corpusSection } from "./node_corpus.js";
import { responseSection } from "./node_response.js";
import { taskSection } from "./node_task.js";
import { errorNotice } from "./notice.js";
import { readPalette } from "./palette.js";
import { createSections, RUNS, segmented } from "./section.js";

const FEW = 8;

/**
 * Which pair is shown, and of which run, stays from node to node.
 * @param {Explorer} explorer
 * @param {(id: string) => HTMLElement} nodeButton
 */
export function createDetail(explorer, nodeButton) {
  const { graph } = explorer;
  const shown = { pair: 0, which: /** @type {Which} */ ("full_model") };
  const section = createSections(explorer.store);
  const live = livePrompt(explorer);
  const own = h("section", { "data-testid": "own-prompt" });
  let ownNode = "";
  live.onChange(() => own.isConnected && drawOwn());

  /** A button for a node of the circuit, else its name. @param {string} id */
  const nodeOrName = (id) => (graph.nodes.has(id) ? nodeButton(id) : h("span", { class: "mono" }, id));

  const details = /** @type {Map<string, NodeDetail>} */ (new Map());

  /** @param {NodeDetail} detail */
  function detailOf(detail) {
    details.set(detail.node.id, detail);
    return [
      tokenList("Tokens that write this channel", detail.tokens_in),
      tokenList("Logits this channel moves", detail.logits_out),
      h(
        "div",
        { class: "weights" },
        weightTable("Weights in", detail.weights_in, detail.n_weights_in),
        weightTable("Weights out", detail.weights_out, detail.n_weights_out, noneOut(detail.node.id)),
      ),
      ...sides(detail),
      activations(detail),
      ownPrompt(detail.node.id),
    ];
  }

  /** What is loaded when it is looked at. @param {NodeDetail} detail */
  function sides({ node }) {
    const side = (
      /** @type {"task" | "corpus" | "response"} */ key,
      /** @type {string} */ title,
      /** @type {string} */ waiting,
      /** @type {(answer: any) => import("./dom.js").Child[]} */ draw,
    ) =>
      section({
        key,
        of: node.id,
        title,
        waiting,
        load: () => getNodeSide(graph.circuit.id, node.id, key),
        draw,
      });
    return [
      side("task", "On the task", "Running the task’s held-out pairs…", taskSection),
      siteOf(node.id) === "mlp.post_act" &&
        side("response", "As a function", "Running the task’s held-out pairs…", (answer) =>
          responseSection(answer, nodeOrName),
        ),
      side(
        "corpus",
        "On held-out text",
        "Reading the text with all nodes of this circuit, once; a few seconds…",
        corpusSection,
      ),
      node.head !== null &&
        section({
          key: "attention",
          of: node.id,
          title: `Attention of head ${node.head} in layer ${node.layer}`,
          waiting: "",
          load: async () => details.get(node.id),
          draw: (detail) => (detail ? attentionSection(explorer, node, detail) : []),
        }),
    ];
  }

  /** @param {string} id */
  function ownPrompt(id) {
    ownNode = id;
    drawOwn();
    return own;
  }

  function drawOwn() {
    const { trace, error, busy } = live.get();
    const row = trace ? trace.nodes.indexOf(ownNode) : -1;
    const title = h("h3", {}, "On the prompt of the Prompt panel");
    if (error) return fill(own, title, errorNotice(error));
    if (!trace || row < 0) {
      const button = h("button", { type: "button", disabled: busy, onclick: live.run }, "Run it");
      return fill(own, title, button);
    }
    const prompt = {
      tokens: trace.tokens,
      full_model: trace.full_model.activations[row] ?? [],
      circuit: trace.circuit.activations[row] ?? [],
    };
    const max = Math.max(...prompt.full_model.map(Math.abs), ...prompt.circuit.map(Math.abs));
    const maps = RUNS.map(([which, words]) => map(words, cellsOf(prompt, which), max, readPalette()));
    fill(own, title, h("div", { class: "heat-maps" }, ...maps));
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

  /** What there is in place of weights. @param {string} id */
  const noneOut = (id) => (/\.[qk]$/.test(siteOf(id)) ? "none: q and k meet in the head’s scores" : "none");

  /** @param {string} title @param {Weight[]} weights @param {number} total @param {string} [none] */
  function weightTable(title, weights, total, none = "none") {
    const inside = weights.filter((weight) => weight.in_circuit).length;
    const row = (/** @type {Weight} */ weight) =>
      h(
        "tr",
        { class: weight.in_circuit ? null : "outside" },
        h("td", {}, nodeOrName(weight.node)),
        h("td", { class: `number ${weight.weight < 0 ? "negative" : "positive"}` }, signed(weight.weight)),
      );
    const kept = [...weights.filter((w) => w.in_circuit), ...weights.filter((w) => !w.in_circuit)];
    const rest = kept.slice(FEW);
    return h(
      "section",
      {},
      h("h3", {}, title),
      h("p", { class: "small quiet" }, total ? `${inside} of ${total} in the circuit` : none),
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
    redraw();
    return h(
      "section",
      { "data-testid": "activations" },
      h("h3", {}, "Activations on the task’s pairs"),
      h(
        "div",
        { class: "row spread" },
        segmented("Activations in", RUNS, shown.which, (which) => {
          shown.which = which;
          redraw();
        }),
        h("div", { class: "row" }, turn(-1, "Previous pair", "‹"), place, turn(1, "Next pair", "›")),
      ),
      maps,
    );
  }

  return detailOf;
}
