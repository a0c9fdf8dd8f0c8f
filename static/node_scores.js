// @ts-check
// What makes the scores of a head's last token: the part of each kept channel on a scale of its own, then all others.

/** @import { AttentionAnswer, HeadRun } from "./panel_types.js" */
/** @import { Child } from "./dom.js" */
import { diverging, inkOn } from "./colour.js";
import { h } from "./dom.js";
import { brief, fixed, percent, signed, visible } from "./format.js";
import { readPalette } from "./palette.js";

/** Scores that differ by less than this are one score to the softmax. */
const SAME = 0.005;

/** @param {number[]} values */
const isSame = (values) => Math.max(...values) - Math.min(...values) < SAME;

/** The table and the sentence that says how to read it. @param {AttentionAnswer} answer @param {HeadRun} run */
export function scoresOf(answer, run) {
  const rest = restWords(run);
  return [
    run.channels.length
      ? null
      : h("p", { class: "small quiet" }, "The circuit keeps no q and no k of this head."),
    scoreTable(answer, run),
    h(
      "p",
      { class: "small quiet" },
      `q·k/√d of each channel of which the circuit keeps q or k, each column coloured on a scale of its own${rest}. `,
      "They add up to the score, whose softmax",
      run.sink_logit === null ? "" : ` with the sink’s ${fixed(run.sink_logit, 2)}`,
      " is the share.",
    ),
  ];
}

/** What the channels without a column add. @param {Pick<HeadRun, "rest" | "channels" | "sink_logit">} run */
export function restWords({ rest, channels, sink_logit }) {
  if (!isSame(rest)) return ", and the rest, which all other channels add";
  const others = channels.length ? "All other channels" : "All channels";
  const felt = sink_logit === null ? "no token’s share feels" : "weighs against the sink alone";
  return `. ${others} add ${signed(rest[0] ?? 0, 2)} to every score, which ${felt}`;
}

/** @param {AttentionAnswer} answer @param {HeadRun} run */
function scoreTable(answer, run) {
  const palette = readPalette();
  const shares = run.pattern.at(-1) ?? [];
  const largest = Math.max(...shares, 1e-9);
  const columns = run.channels.map(({ channel, q_kept, k_kept, scores }) => ({
    name: `ch${channel}`,
    kept: [q_kept && "q", k_kept && "k"].filter(Boolean).join("·"),
    scores,
    max: Math.max(...scores.map(Math.abs), 1e-9),
  }));
  const score = (/** @type {number} */ j) =>
    columns.reduce((sum, { scores }) => sum + (scores[j] ?? 0), run.rest[j] ?? 0);
  const part = (/** @type {number} */ value, /** @type {number} */ max) => {
    const colour = diverging(value, max, palette);
    const td = number(brief(value), { class: "number part", title: fixed(value, 4) });
    td.style.backgroundColor = colour;
    td.style.color = inkOn(colour);
    return td;
  };
  const share = (/** @type {number} */ value) => {
    const td = number(percent(value), { class: "number share" });
    td.style.setProperty("--share", `${(100 * value) / largest}%`);
    return td;
  };
  const rows = answer.tokens.map((token, j) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", title: visible(token) }, visible(token)),
      columns.map(({ scores, max }) => part(scores[j] ?? 0, max)),
      number(signed(run.rest[j] ?? 0, 2), { class: "number quiet", title: fixed(run.rest[j] ?? 0, 4) }),
      number(signed(score(j), 2)),
      share(shares[j] ?? 0),
    ),
  );
  return h(
    "div",
    { class: "table-wrap score-wrap", tabindex: 0, role: "region", "aria-label": "The parts of the scores" },
    h(
      "table",
      { class: "scores", "data-testid": "scores" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "token"),
          columns.map(({ name, kept, max }) => {
            const title = `channel kept: ${kept}; the largest part is ${fixed(max, 2)}`;
            return head(name, { title }, `${kept}, ≤ ${brief(max)}`);
          }),
          head("rest", { title: "what all other channels add" }),
          head("score"),
          head("share"),
        ),
      ),
      h("tbody", {}, rows),
    ),
  );
}

/** @param {string} text @param {import("./dom.js").Attributes} [attributes] */
const number = (text, attributes = { class: "number" }) => h("td", attributes, text);

/** @param {string} name @param {import("./dom.js").Attributes} [attributes] @param {Child} [more] */
const head = (name, attributes = {}, more = null) =>
  h("th", { scope: "col", class: "number", ...attributes }, name, more && h("small", {}, more));
