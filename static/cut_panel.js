// @ts-check
// The panel of cuts: which nodes, how, where, and what the cut does to the loss, at once.

/** @import { Ablation, ChangedPair, Measure } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { postAblation } from "./api.js";
import { markDifferences } from "./diff.js";
import { copyFrom, debounce, errorNotice, fill, h } from "./dom.js";
import { dotPlot } from "./dotplot.js";
import { fixed, interval, nodeWords, percent, plural, signed, visible } from "./format.js";
import { ablationRequest, asCurl, asPython } from "./snippet.js";

const N_PAIRS = 64;
const PAUSE_MS = 250;
const SHOWN_PAIRS = 4;

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
      if (!signal.aborted) renderResult(answer);
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

  /** @param {Ablation} ablation */
  function renderResult(ablation) {
    const { before, after, reference, loss_change_nats: change } = ablation;
    const within = ablation.request.target.kind === "model" ? "full model" : "circuit";
    status.set(
      `${plural(ablation.request.nodes.length, "node")} cut: loss ${fixed(before.loss_nats.value, 3)} → ${fixed(after.loss_nats.value, 3)} nats`,
    );
    const rows = [
      { name: `${within}, cut`, interval: after.loss_nats, strong: true },
      { name: `${within}, before`, interval: before.loss_nats },
      ...Object.entries(reference)
        .filter(([name]) => name.replace("_", " ") !== within)
        .map(([name, measure]) => ({ name: name.replace("_", " "), interval: measure.loss_nats })),
    ];
    fill(
      result,
      h(
        "p",
        { class: "headline" },
        h("strong", { "data-testid": "loss-change" }, `${signed(change.value)} nats`),
        h("span", { class: "quiet" }, ` [${signed(change.low)}, ${signed(change.high)}] `),
        `on the ${within}’s loss`,
      ),
      dotPlot(rows, "nats"),
      figures(before, after),
      h(
        "p",
        { class: "small quiet" },
        `${plural(after.n_pairs, `${split(after)} pair`)}, two prompts each; brackets: 95% bootstrap interval over pairs. ` +
          `Measured in ${fixed(ablation.elapsed_ms / 1000, 2)} s.`,
      ),
      h(
        "div",
        { class: "row" },
        h("a", { class: "button", href: ablation.url, "data-testid": "ablation-link" }, "Permanent page"),
        copyButton("Copy as curl", () => asCurl(location.origin, ablation.request)),
        copyButton("Copy as Python", () => asPython(location.origin, ablation.request)),
      ),
      changedPairs(ablation.changed),
    );
    for (const pair of result.querySelectorAll(".pair")) {
      const [first, second] = pair.querySelectorAll("pre");
      if (first && second) markDifferences(first, second);
    }
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

/** @param {Measure} measure */
const split = (measure) => (measure.split === "heldout" ? "held-out" : "training");

/** @param {string} words @param {() => string} text */
function copyButton(words, text) {
  const button = h("button", { type: "button", onclick: () => copyFrom(button, text()) }, words);
  return button;
}

/** @param {Measure} before @param {Measure} after */
function figures(before, after) {
  const row = (/** @type {string} */ name, /** @type {(m: Measure) => string} */ text) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h("td", { class: "number" }, text(before)),
      h("td", { class: "number" }, text(after)),
    );
  return h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", {}, ""),
        h("th", { class: "number" }, "before"),
        h("th", { class: "number" }, "cut"),
      ),
    ),
    h(
      "tbody",
      {},
      row("loss, nats", (m) => interval(m.loss_nats)),
      row("accuracy", (m) => percent(m.accuracy.value)),
      row("logit difference", (m) => interval(m.logit_diff, 2)),
    ),
  );
}

/** @param {ChangedPair[]} changed */
function changedPairs(changed) {
  if (!changed.length) return null;
  const one = (/** @type {ChangedPair} */ item) => {
    const side = (/** @type {0 | 1} */ i) =>
      h(
        "figure",
        {},
        h("pre", { class: "prompt" }, item.pair.prompts[i]),
        h(
          "figcaption",
          {},
          h("span", { class: "tok" }, visible(item.pair.answers[i])),
          ` ${signed(item.logit_diff_before[i], 2)} → ${signed(item.logit_diff_after[i], 2)}`,
        ),
      );
    return h(
      "div",
      {},
      h("p", { class: "small" }, `loss ${signed(item.loss_change_nats)} nats`),
      h("div", { class: "pair" }, side(0), side(1)),
    );
  };
  return h(
    "section",
    {},
    h("h3", {}, "Pairs that changed most"),
    h(
      "p",
      { class: "small quiet" },
      "Under each prompt: its right answer, and the logit difference (right minus wrong) before → cut.",
    ),
    h("div", { class: "pairs" }, changed.slice(0, SHOWN_PAIRS).map(one)),
  );
}
