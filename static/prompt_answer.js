// @ts-check
// What follows a prompt: candidates and most probable tokens, full model and circuit side by side.

/** @import { Prediction, PromptTrace } from "./panel_types.js" */
import { h } from "./dom.js";
import { fixed, percent, signed, visible } from "./format.js";

/** @param {PromptTrace} trace */
export function answerOf(trace) {
  return [
    h(
      "div",
      { class: "answers" },
      prediction("Full model", trace.full_model.prediction),
      prediction("Circuit", trace.circuit.prediction),
    ),
    h(
      "p",
      { class: "small quiet" },
      `Probabilities of the next token, without the fitted calibration. Run in ${fixed(trace.elapsed_ms / 1000, 2)} s.`,
    ),
  ];
}

/** @param {string} title @param {Prediction} answer */
function prediction(title, answer) {
  return h(
    "section",
    {},
    h("h3", {}, title),
    h("p", { class: "small" }, "logit difference ", h("strong", {}, signed(answer.logit_diff, 2)), " nats"),
    h("p", { class: "small quiet" }, "candidates"),
    bars(answer.candidates),
    h("p", { class: "small quiet" }, "most probable"),
    bars(answer.top),
  );
}

/** @param {{ token: string, probability: number }[]} tokens */
function bars(tokens) {
  return h(
    "ul",
    { class: "bars" },
    tokens.map(({ token, probability }) => {
      const bar = h("span", { class: "bar", "aria-hidden": "true" });
      bar.style.width = `${100 * probability}%`;
      return h(
        "li",
        {},
        bar,
        h("span", { class: "tok" }, visible(token)),
        h("span", { class: "bar-value" }, percent(probability)),
      );
    }),
  );
}
