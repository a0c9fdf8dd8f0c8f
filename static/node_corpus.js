// @ts-check
// A node on held-out text: how its activations are spread, and the tokens where it is most and least active.

/** @import { CorpusExample, CorpusRun, NoCorpus, NodeOnCorpus, Which } from "./panel_types.js" */
/** @import { Palette } from "./types.js" */
import { diverging, inkOn } from "./colour.js";
import { fill, h } from "./dom.js";
import { count, fixed, percent, visible } from "./format.js";
import { histogram } from "./histogram.js";
import { readPalette } from "./palette.js";
import { RUNS, segmented } from "./section.js";

/** Which share and which run are shown stays from node to node. */
const shown = { share: "0.001", which: /** @type {Which} */ ("full_model") };

/** @param {CorpusExample} example @param {number} max @param {Palette} palette */
function exampleOf(example, max, palette) {
  const tokens = example.tokens.map((token, i) => {
    const value = example.values[i] ?? 0;
    const colour = diverging(value, max, palette);
    const box = h(
      "span",
      {
        class: i === example.focus ? "lit focus" : "lit",
        title: `${visible(token)}  ${fixed(value, 4)}`,
      },
      visible(token),
    );
    box.style.backgroundColor = colour;
    box.style.color = inkOn(colour);
    return box;
  });
  return h(
    "li",
    {},
    h("span", { class: "example-value" }, fixed(example.values[example.focus] ?? 0, 2)),
    h("span", { class: "example-text" }, ...tokens),
  );
}

/** @param {CorpusRun} run */
const extent = (run) => Math.max(Math.abs(run.low), Math.abs(run.high));

/** @param {NodeOnCorpus | NoCorpus} answer */
export function corpusSection(answer) {
  if (answer.kind === "none") return [h("p", { class: "notice" }, answer.message)];
  const largest = Math.max(...answer.full_model.counts, ...answer.circuit.counts);
  const spread = RUNS.map(([which, words]) => {
    const run = answer[which];
    const about = `${words}: mean ${fixed(run.mean, 3)}, exactly zero at ${percent(run.zero_share)} of tokens`;
    return histogram(about, answer.edges, run.counts, largest);
  });
  const examples = h("div", { class: "stack-small", "data-testid": "corpus-examples" });
  const draw = () => {
    const palette = readPalette();
    const run = answer[shown.which];
    const share = run.shares.find((one) => String(one.share) === shown.share) ?? run.shares[0];
    if (!share) return;
    const list = (/** @type {string} */ title, /** @type {CorpusExample[]} */ some) =>
      h(
        "section",
        {},
        h("h4", {}, title),
        h("ul", { class: "examples" }, ...some.map((one) => exampleOf(one, extent(run), palette))),
      );
    const part = percent(share.share);
    fill(examples, list(`From the top ${part}`, share.top), list(`From the bottom ${part}`, share.bottom));
  };
  draw();
  const shares = answer.full_model.shares.map(
    ({ share }) => /** @type {[string, string]} */ ([String(share), `${Number((100 * share).toFixed(1))}%`]),
  );
  return [
    ...spread,
    h(
      "p",
      { class: "small quiet" },
      `${count(answer.n_tokens)} tokens of ${count(answer.n_documents)} held-out documents, half generated, half real. `,
      "Bars: number of tokens, on a logarithmic scale.",
    ),
    h(
      "div",
      { class: "row spread" },
      segmented("Share of tokens", shares, shown.share, (share) => {
        shown.share = share;
        draw();
      }),
      segmented("Examples in", RUNS, shown.which, (which) => {
        shown.which = which;
        draw();
      }),
    ),
    examples,
    h(
      "p",
      { class: "small quiet" },
      "Tokens at even steps through the share, the strongest first; the one with a frame is meant.",
    ),
  ];
}
