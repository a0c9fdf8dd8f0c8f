// @ts-check
// The head of a q, k or v node: where it looks, with the sink's share; which channels make the score; what if sharper.

/** @import { AttentionAnswer, HeadRun, Sharpness, WhatIf, Which } from "./panel_types.js" */
/** @import { CircuitNode, NodeDetail } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { getSharpness, postAttention } from "./api.js";
import { mix } from "./colour.js";
import { fill, h } from "./dom.js";
import { interval, percent, plural, signed, visible } from "./format.js";
import { livePrompt } from "./live_prompt.js";
import { scoresOf } from "./node_scores.js";
import { errorNotice } from "./notice.js";
import { readPalette } from "./palette.js";
import { RUNS, segmented } from "./section.js";

/** As many tokens as a pattern is drawn for; of longer prompts only the last of them. */
const MOST_TOKENS = 64;
const NAMES = { softmax: "softmax", entmax15: "1.5-entmax", sparsemax: "sparsemax" };

/** The run that is shown, and the prompt, stay from node to node. */
const shown = { which: /** @type {Which} */ ("circuit"), prompt: 0 };

/**
 * @param {Explorer} explorer
 * @param {CircuitNode} node with a head
 * @param {NodeDetail} detail
 */
export function attentionSection(explorer, node, detail) {
  const { circuit } = explorer.graph;
  const head = node.head ?? 0;
  const prompts = promptsOf(explorer, detail);
  shown.prompt = Math.min(shown.prompt, prompts.length - 1);
  const result = h("div", { class: "stack-small", "data-testid": "attention" });
  const choice = h(
    "select",
    { "aria-label": "Prompt", onchange: () => pick(choice.selectedIndex) },
    ...prompts.map(([name]) => h("option", {}, name)),
  );
  choice.selectedIndex = shown.prompt;
  let answer = /** @type {AttentionAnswer | null} */ (null);

  const draw = () => answer && fill(result, ...headOf(answer, shown.which));
  async function pick(/** @type {number} */ i) {
    shown.prompt = i;
    result.classList.add("busy");
    try {
      const found = await postAttention(circuit.id, node.layer, head, prompts[i]?.[1] ?? "");
      if (shown.prompt !== i) return;
      answer = found;
      draw();
    } catch (error) {
      fill(
        result,
        errorNotice(error, () => pick(i)),
      );
    }
    result.classList.remove("busy");
  }
  pick(shown.prompt);
  return [
    h(
      "div",
      { class: "row spread" },
      choice,
      segmented("Attention in", RUNS, shown.which, (which) => {
        shown.which = which;
        draw();
      }),
    ),
    result,
    whatIf(circuit.id, node.layer, head),
  ];
}

/** Names and texts: the pairs of the detail, then the prompt of the Prompt panel. @param {Explorer} explorer @param {NodeDetail} detail */
function promptsOf(explorer, detail) {
  const ofPairs = detail.pairs.flatMap(({ class_1, class_2 }, i) => [
    [`pair ${i + 1}, class 1`, class_1.tokens.join("")],
    [`pair ${i + 1}, class 2`, class_2.tokens.join("")],
  ]);
  return [...ofPairs, ["prompt of one’s own", livePrompt(explorer).get().prompt]];
}

/** @param {AttentionAnswer} answer @param {Which} which */
function headOf(answer, which) {
  const run = answer[which];
  const last = answer.tokens.length - 1;
  const sink = run.sink?.[last];
  return [
    patternTable(answer, run),
    h(
      "p",
      { class: "small quiet" },
      `Rows: tokens that look; columns: ${run.sink ? "the sink, then " : ""}tokens looked at. `,
      sink === undefined
        ? "This model has no sink."
        : `At the last token the sink takes ${percent(sink)} of the attention.`,
    ),
    h(
      "h4",
      {},
      `What makes the last token’s scores, in the ${which === "circuit" ? "circuit" : "full model"}`,
    ),
    ...scoresOf(answer, run),
  ];
}

/** @param {AttentionAnswer} answer @param {HeadRun} run */
function patternTable(answer, run) {
  const palette = readPalette();
  const start = Math.max(0, answer.tokens.length - MOST_TOKENS);
  const cell = (/** @type {number} */ value, /** @type {string} */ title) => {
    const td = h("td", { title: `${title}: ${percent(value)}` });
    td.style.backgroundColor = mix(palette.surface, palette.ink, Math.sqrt(value));
    return td;
  };
  const rows = answer.tokens.slice(start).map((token, r) => {
    const i = start + r;
    const shares = (run.pattern[i] ?? []).slice(start);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, visible(token)),
      run.sink && cell(run.sink[i] ?? 0, `${visible(token)} → sink`),
      ...shares.map((share, k) =>
        cell(share, `${visible(token)} → ${visible(answer.tokens[start + k] ?? "")}`),
      ),
    );
  });
  const heads = answer.tokens
    .slice(start)
    .map((token) => h("th", { scope: "col" }, h("span", {}, visible(token))));
  return h(
    "div",
    { class: "pattern-wrap", tabindex: 0, role: "region", "aria-label": "The attention pattern" },
    start > 0 && h("p", { class: "small quiet" }, `The last ${plural(MOST_TOKENS, "token")}.`),
    h(
      "table",
      { class: "pattern", "data-testid": "pattern" },
      h(
        "thead",
        {},
        h("tr", {}, h("td", {}), run.sink && h("th", { scope: "col" }, h("span", {}, "sink")), ...heads),
      ),
      h("tbody", {}, ...rows),
    ),
  );
}

/** @param {string} circuit @param {number} layer @param {number} head */
function whatIf(circuit, layer, head) {
  const result = h("div", { "data-testid": "what-if" });
  async function run() {
    fill(result, h("p", { class: "small quiet" }, "Running the task’s pairs, three ways, twice…"));
    try {
      fill(result, ...sharpnessOf(await getSharpness(circuit, layer, head)));
    } catch (error) {
      fill(result, errorNotice(error, run));
    }
  }
  return h(
    "section",
    {},
    h("h4", {}, "What if this head looked more sharply?"),
    h(
      "button",
      { type: "button", onclick: run, "data-testid": "run-what-if" },
      "Run sparsemax and 1.5-entmax",
    ),
    result,
  );
}

/** @param {Sharpness} answer */
function sharpnessOf(answer) {
  const rows = (/** @type {WhatIf[]} */ run) =>
    run.map((one) =>
      h(
        "tr",
        {},
        h("td", {}, NAMES[one.normaliser]),
        h("td", { class: "number" }, interval(one.loss_nats)),
        h("td", { class: "number" }, one.normaliser === "softmax" ? "–" : signedInterval(one.change_nats)),
      ),
    );
  const head = (/** @type {string} */ words) =>
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", {}, words),
        h("th", { class: "number" }, "loss, nats"),
        h("th", { class: "number" }, "change"),
      ),
    );
  return [
    ...RUNS.map(([which, words]) =>
      h(
        "table",
        { class: "narrow-table" },
        head(which === "circuit" && answer.calibrated ? `${words}, calibrated` : words),
        h("tbody", {}, ...rows(answer[which])),
      ),
    ),
    h(
      "p",
      { class: "small quiet" },
      `Exact, on ${plural(answer.n_pairs, "held-out pair")}: the softmax of this head alone replaced, the sink one more entry; `,
      "95% bootstrap intervals over pairs.",
    ),
  ];
}

/** @param {WhatIf["change_nats"]} change */
const signedInterval = ({ value, low, high }) => `${signed(value)} [${signed(low)}, ${signed(high)}]`;
