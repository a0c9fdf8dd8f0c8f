// @ts-check
// Two prompts in contrast: only what they do differently is lit, the most different node first.

/** @import { Contrast, Prediction, Which } from "./panel_types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { h } from "./dom.js";
import { plural, signed, visible } from "./format.js";
import { largest } from "./prompt_light.js";
import { tokenChips } from "./token_chips.js";

const FEW = 15;

/** The tokens of both prompts at an aligned place, one where they are the same. @param {Contrast} contrast */
export const placesOf = ({ tokens: [first, second], places }) =>
  places.map(([i, j]) => {
    const [a, b] = [first[i] ?? "", second[j] ?? ""];
    return a === b ? { text: a, marked: false } : { text: `${a}|${b}`, marked: true };
  });

/**
 * @param {Contrast} contrast
 * @param {Which} which
 * @param {Explorer} explorer
 * @param {(place: number | null) => void} onPoint
 */
export function contrastOf(contrast, which, { select }, onPoint) {
  const places = placesOf(contrast);
  const ordered = [...contrast.nodes].sort(
    (a, b) => Math.abs(largest(b[which])) - Math.abs(largest(a[which])),
  );
  const row = (/** @type {Contrast["nodes"][number]} */ node) => {
    const value = largest(node[which]);
    const at = node[which].indexOf(value);
    return h(
      "tr",
      {},
      h(
        "td",
        {},
        h("button", { type: "button", class: "link", onclick: () => select(node.node) }, node.node),
      ),
      h("td", { class: `number ${value < 0 ? "negative" : "positive"}` }, signed(value)),
      h("td", {}, h("span", { class: "tok" }, visible(places[at]?.text ?? ""))),
    );
  };
  const answer = (/** @type {string} */ words, /** @type {[Prediction, Prediction]} */ [first, second]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, words),
      h("td", { class: "number" }, signed(first.logit_diff, 2)),
      h("td", { class: "number" }, signed(second.logit_diff, 2)),
      h("td", { class: "number" }, signed(first.logit_diff - second.logit_diff, 2)),
    );
  const heads = (/** @type {string[]} */ ...words) =>
    h("thead", {}, h("tr", {}, ...words.map((word, i) => h("th", { class: i ? "number" : null }, word))));
  return [
    tokenChips(places, onPoint),
    h(
      "p",
      { class: "small quiet" },
      "Tokens that belong together; where they differ both are written. Point at one: the graph shows what differs there. ",
      "Without, each node shows where it differs most.",
    ),
    h(
      "table",
      { class: "narrow-table" },
      heads("logit difference, nats", "this prompt", "the other", "change"),
      h("tbody", {}, answer("full model", contrast.full_model), answer("circuit", contrast.circuit)),
    ),
    h(
      "h3",
      {},
      `${plural(contrast.nodes.length, "node")} ${contrast.nodes.length === 1 ? "differs" : "differ"}, ${contrast.n_same} ${contrast.n_same === 1 ? "does" : "do"} not`,
    ),
    h(
      "table",
      { class: "narrow-table", "data-testid": "contrast-nodes" },
      h(
        "thead",
        {},
        h("tr", {}, h("th", {}, "node"), h("th", { class: "number" }, "this − other"), h("th", {}, "at")),
      ),
      h("tbody", {}, ...ordered.slice(0, FEW).map(row)),
    ),
    ordered.length > FEW &&
      h(
        "details",
        {},
        h("summary", {}, `${ordered.length - FEW} more`),
        h("table", { class: "narrow-table" }, h("tbody", {}, ...ordered.slice(FEW).map(row))),
      ),
  ];
}
