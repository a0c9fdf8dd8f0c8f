// @ts-check
// What a cut did, as the panel shows it: the change, the losses on one axis, figures, pairs, ways to take it along.

/** @import { Ablation, ChangedPair, Measure } from "./types.js" */
import { markDifferences } from "./diff.js";
import { copyFrom, h } from "./dom.js";
import { dotPlot } from "./dotplot.js";
import { fixed, interval, percent, plural, signed, visible } from "./format.js";
import { asCurl, asPython } from "./snippet.js";

const SHOWN_PAIRS = 4;

/** The cut in one line. @param {Ablation} ablation */
export function headlineOf({ request, before, after }) {
  const [was, is] = [fixed(before.loss_nats.value, 3), fixed(after.loss_nats.value, 3)];
  return `${plural(request.nodes.length, "node")} cut: loss ${was} → ${is} nats`;
}

/** @param {Ablation} ablation */
export function resultOf(ablation) {
  const { before, after, reference, loss_change_nats: change } = ablation;
  const within = ablation.request.target.kind === "model" ? "full model" : "circuit";
  const rows = [
    { name: `${within}, cut`, interval: after.loss_nats, strong: true },
    { name: `${within}, before`, interval: before.loss_nats },
    ...Object.entries(reference)
      .filter(([name]) => name.replace("_", " ") !== within)
      .map(([name, measure]) => ({ name: name.replace("_", " "), interval: measure.loss_nats })),
  ];
  return [
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
  ];
}

/** Mark what differs in the pairs shown. @param {Element} result */
export function markPairs(result) {
  for (const pair of result.querySelectorAll(".pair")) {
    const [first, second] = pair.querySelectorAll("pre");
    if (first && second) markDifferences(first, second);
  }
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
        h("th", {}, "figure"),
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
        h("pre", { class: "prompt", tabindex: "0" }, item.pair.prompts[i]),
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
