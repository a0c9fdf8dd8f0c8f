// @ts-check
// A neuron as a function: what goes in, what comes out, what it adds to each channel that it writes.

/** @import { NeuronResponse } from "./panel_types.js" */
import { fill, h } from "./dom.js";
import { count, fixed, plural, signed } from "./format.js";
import { responseCurve } from "./response_curve.js";

const FEW = 6;

/** Where what goes in lies: on the task, and on text where there is some. @param {NeuronResponse} answer */
function lanesOf(answer) {
  const { task_counts: task, corpus_counts: text } = answer;
  const lanes = [
    {
      ...{ name: "task", ...task },
      of: `${count(answer.n_tokens)} tokens of ${plural(answer.n_pairs, "held-out pair")}`,
    },
  ];
  if (text)
    lanes.push({ name: "text", ...text, of: `${count(answer.n_corpus_tokens)} tokens of held-out text` });
  return lanes;
}

/**
 * @param {NeuronResponse} answer
 * @param {(id: string) => HTMLElement} nodeOrName a button for a node of the circuit, else its name
 */
export function responseSection(answer, nodeOrName) {
  const picture = h("div", { class: "curve-frame" });
  const words = { relu: "ReLU", gelu: "GELU" }[answer.activation];
  const lanes = lanesOf(answer);
  const show = (/** @type {number} */ weight, /** @type {string} */ what) =>
    fill(
      picture,
      responseCurve(
        answer.pre,
        answer.post.map((post) => weight * post),
        answer.edges,
        lanes,
        `${what} against what goes in; under it how often that is, at ${lanes.map((lane) => lane.of).join(", and at ")}`,
      ),
      h(
        "p",
        { class: "small quiet" },
        `${what}, by what goes into the neuron (${words}, unit of activation).`,
      ),
    );
  show(1, "What comes out");
  const row = (/** @type {NeuronResponse["writes"][number]} */ write) =>
    h(
      "tr",
      { class: write.in_circuit ? null : "outside" },
      h("td", {}, nodeOrName(write.node)),
      h("td", { class: `number ${write.weight < 0 ? "negative" : "positive"}` }, signed(write.weight)),
      h(
        "td",
        { class: "number" },
        h(
          "button",
          {
            type: "button",
            class: "plain",
            onclick: () => show(write.weight, `What is added to ${write.node}`),
          },
          "curve",
        ),
      ),
    );
  const kept = [...answer.writes.filter((w) => w.in_circuit), ...answer.writes.filter((w) => !w.in_circuit)];
  return [
    picture,
    h(
      "p",
      { class: "small quiet", "data-testid": "response-lanes" },
      `Under the curve, how often each input comes: ${lanes.map((lane) => `${lane.name}, ${lane.of}`).join("; ")}. `,
      "Filled: full model; line: circuit; heights on a logarithmic scale. ",
      `With nothing read, ${fixed(answer.bias, 3)} goes in.`,
    ),
    h(
      "table",
      { class: "narrow-table" },
      h("thead", {}, h("tr", {}, h("th", {}, "writes"), h("th", { class: "number" }, "weight"), h("td", {}))),
      h("tbody", {}, ...kept.slice(0, FEW).map(row)),
    ),
    kept.length > FEW &&
      h("p", { class: "small quiet" }, `and ${plural(kept.length - FEW, "more channel")}.`),
  ];
}
