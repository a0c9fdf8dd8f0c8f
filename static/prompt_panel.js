// @ts-check
// The panel of a prompt of one's own, answered by the full model and by the circuit.

/** @import { Prediction, RunAnswer, TokenWeight } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { postRun } from "./api.js";
import { fill, h } from "./dom.js";
import { fixed, percent, plural, signed, visible } from "./format.js";
import { errorNotice } from "./notice.js";

/**
 * @param {HTMLElement} panel
 * @param {Explorer} explorer
 */
export function createPromptPanel(panel, { graph, store }) {
  const { circuit } = graph;
  let waiting = new AbortController();
  const area = h("textarea", {
    id: "prompt-text",
    rows: 6,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
  });
  area.value = store.get().prompt ?? circuit.example.prompts[0];
  const result = h("div", { class: "stack", "aria-live": "polite", "data-testid": "prompt-result" });
  const submit = h("button", { type: "submit", class: "primary" }, "Run");

  const example = (/** @type {0 | 1} */ i) =>
    h(
      "button",
      {
        type: "button",
        onclick: () => {
          area.value = circuit.example.prompts[i];
          run();
        },
      },
      `Example ${i + 1}: `,
      h("span", { class: "tok" }, visible(circuit.example.answers[i])),
    );

  async function run() {
    const prompt = area.value;
    if (!prompt) return fill(result, h("p", { class: "notice" }, "Type a prompt first."));
    waiting.abort();
    waiting = new AbortController();
    const { signal } = waiting;
    store.set({ prompt, panel: "prompt" });
    result.classList.add("busy");
    try {
      const answer = await postRun(circuit.id, prompt, signal);
      if (!signal.aborted) fill(result, ...answerOf(answer));
    } catch (error) {
      if (signal.aborted) return;
      fill(result, errorNotice(error, run));
    }
    result.classList.remove("busy");
  }

  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
  });
  fill(
    panel,
    h("div", { class: "panel-head" }, h("h2", {}, "Run a prompt")),
    h(
      "form",
      {
        class: "stack",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          run();
        },
      },
      h("label", { for: "prompt-text" }, "Prompt; the next token is predicted. Ctrl+Enter runs."),
      area,
      h("div", { class: "row" }, submit, example(0), example(1)),
    ),
    result,
  );
  if (store.get().prompt) run();
}

/** @param {RunAnswer} answer */
function answerOf(answer) {
  return [
    h(
      "div",
      { class: "answers" },
      prediction("Full model", answer.full_model),
      prediction("Circuit", answer.circuit),
    ),
    h(
      "section",
      {},
      h("h3", {}, `The prompt as ${plural(answer.tokens.length, "token")}`),
      h(
        "div",
        { class: "tokens" },
        answer.tokens.map((token) => h("span", { class: "tok" }, visible(token))),
      ),
    ),
    h(
      "p",
      { class: "small quiet" },
      `Logits without the fitted calibration. Run in ${fixed(answer.elapsed_ms / 1000, 2)} s.`,
    ),
  ];
}

/** @param {string} title @param {Prediction} answer */
function prediction(title, answer) {
  return h(
    "section",
    {},
    h("h3", {}, title),
    h("p", { class: "small" }, "logit difference ", h("strong", {}, signed(answer.logit_diff, 2))),
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
