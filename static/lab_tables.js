// @ts-check
// Tables of the lab: before and after, several cuts against their sum, what else breaks, the pairs that changed most.

/** @import { Ablation, ChangedPair, Interval, Measure } from "./types.js" */
/** @import { CorpusEffect, Interplay, NoCorpusEffect } from "./lab_types.js" */
import { differing, markDifferences } from "./diff.js";
import { h } from "./dom.js";
import { count, fixed, interval, percent, plural, signed, visible } from "./format.js";

const SHOWN_PAIRS = 4;

/** A change with its interval. @param {Interval} value @param {number} [digits] */
export const change = (value, digits = 3) =>
  `${signed(value.value, digits)} [${signed(value.low, digits)},\u00a0${signed(value.high, digits)}]`;

/** @param {string[]} names @param {import("./dom.js").Child[]} rows @param {object} [attributes] */
export function table(names, rows, attributes = {}) {
  const heads = names.map((name, i) => h("th", { scope: "col", class: i ? "number" : null }, name));
  return h(
    "div",
    { class: "table-wrap", tabindex: 0 },
    h(
      "table",
      { class: "lab-table", ...attributes },
      h("thead", {}, h("tr", {}, heads)),
      h("tbody", {}, rows),
    ),
  );
}

/** @param {string} name @param {...string} cells */
const row = (name, ...cells) =>
  h(
    "tr",
    {},
    h("th", { scope: "row" }, name),
    ...cells.map((cell) => h("td", { class: "number" }, whole(cell))),
  );

/** A line breaks before a bracket, not in it. @param {string} text */
const whole = (text) => text.replaceAll(", ", ",\u00a0");

/** @param {Measure} before @param {Measure} after */
export function figuresTable(before, after) {
  const share = (/** @type {Interval} */ { value, low, high }) =>
    `${percent(value)} [${percent(low)}, ${percent(high)}]`;
  return table(
    ["figure", "before", "after"],
    [
      row("task loss, nats", interval(before.loss_nats), interval(after.loss_nats)),
      row("accuracy", share(before.accuracy), share(after.accuracy)),
      row("logit difference", interval(before.logit_diff, 2), interval(after.logit_diff, 2)),
    ],
    { "data-testid": "lab-figures" },
  );
}

/** @param {Interplay} play @param {number} nPairs */
export function interplaySection(play, nPairs) {
  const parts = play.parts.map((part) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", class: "mono" }, part.on),
      h("td", { class: "number" }, change(part.alone_nats)),
      h("td", { class: "number" }, change(part.without_nats)),
    ),
  );
  const sum = (/** @type {string} */ name, /** @type {Interval} */ value) =>
    h(
      "tr",
      { class: "sum" },
      h("th", { scope: "row" }, name),
      h("td", { class: "number" }, change(value)),
      h("td", {}),
    );
  const { low, high } = play.beyond_nats;
  const verdict =
    low > 0
      ? "Together they cost more than each alone adds up to: one makes up for another."
      : high < 0
        ? "Together they cost less than each alone adds up to: they are links of one chain."
        : "Together they cost about what each alone adds up to.";
  return h(
    "section",
    { "data-testid": "interplay" },
    h("h3", {}, "Together against one by one"),
    h("p", { class: "small" }, verdict),
    table(
      ["change of loss, nats", "alone", "all but this"],
      [
        ...parts,
        sum("sum of the single ones", play.sum_nats),
        sum("together", play.joint_nats),
        sum("together − sum", play.beyond_nats),
      ],
    ),
    h("p", { class: "small quiet" }, `${plural(nPairs, "pair")}; 95% bootstrap intervals over pairs; exact.`),
  );
}

/** @param {CorpusEffect | NoCorpusEffect} corpus */
export function corpusSection(corpus) {
  const title = h("h3", {}, "What else breaks");
  if (corpus.kind === "none")
    return h("section", {}, title, h("p", { class: "small quiet" }, `Not measured: ${corpus.reason}.`));
  return h(
    "section",
    { "data-testid": "corpus-loss" },
    title,
    table(
      ["held-out text", "before", "after", "change"],
      [
        row(
          "nats a token",
          fixed(corpus.before_nats.value, 3),
          fixed(corpus.after_nats.value, 3),
          change(corpus.change_nats),
        ),
      ],
    ),
    h(
      "p",
      { class: "small quiet" },
      `${count(corpus.n_tokens)} tokens of corpus in ${plural(corpus.n_windows, "window")}; interval over windows; exact.`,
    ),
  );
}

/** @param {ChangedPair[]} changed @param {(prompt: string) => void} onPrompt */
export function changedSection(changed, onPrompt) {
  if (!changed.length) return null;
  const one = (/** @type {ChangedPair} */ item) => {
    const side = (/** @type {0 | 1} */ i) =>
      h(
        "figure",
        {},
        h("pre", { class: "prompt", tabindex: "0" }, ...promptOf(item, i)),
        h(
          "figcaption",
          {},
          h("span", { class: "tok" }, visible(item.pair.answers[i])),
          ` ${signed(item.logit_diff_before[i], 2)} → ${signed(item.logit_diff_after[i], 2)} `,
          h(
            "button",
            { type: "button", class: "plain", onclick: () => onPrompt(item.pair.prompts[i]) },
            "Put into the live prompt",
          ),
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
    { "data-testid": "changed-pairs" },
    h("h3", {}, "Pairs that changed most"),
    h(
      "p",
      { class: "small quiet" },
      "Under each prompt: its right answer, and the logit difference (right minus wrong) before → after. Shades part the tokens; marked ones are in one prompt only.",
    ),
    h("div", { class: "pairs" }, changed.slice(0, SHOWN_PAIRS).map(one)),
  );
}

/** A prompt's tokens, those that the other one lacks marked. @param {ChangedPair} item @param {0 | 1} i */
function promptOf({ pair, tokens }, i) {
  if (!tokens) return [pair.prompts[i]];
  const own = differing(tokens.prompts[0], tokens.prompts[1])[i];
  return tokens.prompts[i].map((token, at) => h(own[at] ? "mark" : "span", { class: "lab-token" }, token));
}

/** Mark what differs in pairs of records without tokens. @param {Element} result */
export function markPairs(result) {
  for (const pair of result.querySelectorAll(".pair")) {
    const [first, second] = pair.querySelectorAll("pre");
    if (first && second && !pair.querySelector(".lab-token")) markDifferences(first, second);
  }
}
