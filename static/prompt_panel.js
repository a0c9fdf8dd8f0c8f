// @ts-check
// The panel of a prompt of one's own: run as it is typed, its nodes lit in the graph, its answer accounted for.

/** @import { Contrast, Ledger } from "./panel_types.js" */
/** @import { PromptSide } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { ApiError, postContrast, postLedger } from "./api.js";
import { debounce, fill, h } from "./dom.js";
import { plural, visible } from "./format.js";
import { livePrompt } from "./live_prompt.js";
import { errorNotice } from "./notice.js";
import { answerOf } from "./prompt_answer.js";
import { contrastOf } from "./prompt_contrast.js";
import { ledgerOf } from "./prompt_ledger.js";
import { lightAt, lightOfContrast, scaleOf } from "./prompt_light.js";
import { RUNS, segmented } from "./section.js";
import { panelOf } from "./state.js";
import { tokenChips } from "./token_chips.js";

/**
 * @param {HTMLElement} panel
 * @param {Explorer} explorer
 */
export function createPromptPanel(panel, explorer) {
  const { graph, store } = explorer;
  const { circuit } = graph;
  const live = livePrompt(explorer);
  let waiting = new AbortController();
  const area = promptArea("prompt-text", 5);
  const other = promptArea("other-prompt", 4);
  const otherField = h("div", {}, h("label", { for: "other-prompt" }, "The other prompt"), other);
  const chips = h("section", { "data-testid": "prompt-tokens" });
  const result = h("div", { class: "stack-small", "aria-live": "polite", "data-testid": "prompt-result" });
  area.value = live.get().prompt;
  otherField.hidden = store.get().side !== "contrast";
  other.value =
    store.get().against ?? circuit.example.prompts[area.value === circuit.example.prompts[1] ? 0 : 1];

  const example = (/** @type {0 | 1} */ i) =>
    h(
      "button",
      { type: "button", onclick: () => take(circuit.example.prompts[i]) },
      `Example ${i + 1}: `,
      h("span", { class: "tok" }, visible(circuit.example.answers[i])),
    );

  /** @param {string} prompt */
  function take(prompt) {
    area.value = prompt;
    live.write(prompt);
  }

  // -- what is shown of the prompt --

  /** Where nothing is pointed at. */
  const dark = () => explorer.light(null);

  function drawChips() {
    const { trace } = live.get();
    const { side, lights: which } = store.get();
    if (!trace || side === "contrast") return fill(chips);
    const say = h("p", { class: "small quiet", "aria-live": "polite" }, hint());
    const tokens = trace.tokens.map((text) => ({ text }));
    const point = (/** @type {number | null} */ token) => {
      if (token === null) dark();
      else explorer.light(lightAt(trace, which, token), scaleOf("activation at the token"));
      const words = RUNS.find(([run]) => run === which)?.[1];
      say.textContent =
        token === null
          ? hint()
          : `Graph: activations at ${visible(trace.tokens[token] ?? "")}, token ${token + 1}, ${words}; scale by kind of site.`;
    };
    fill(chips, h("h3", {}, plural(trace.tokens.length, "token")), tokenChips(tokens, point), say);
  }

  const hint = () =>
    "Point at a token, or go there with Tab and the arrow keys: the graph shows every node there.";

  async function draw() {
    const { trace, error, busy, prompt } = live.get();
    const { side } = store.get();
    result.classList.toggle("busy", busy);
    const unusable = !prompt || (error instanceof ApiError && error.status === 422);
    if (error) return fill(result, errorNotice(error, unusable ? undefined : live.run));
    if (!trace) return;
    if (side === "answer") return fill(result, ...answerOf(trace));
    waiting.abort();
    waiting = new AbortController();
    const { signal } = waiting;
    try {
      if (side === "ledger") {
        const ledger = await postLedger(circuit.id, prompt, signal);
        if (!signal.aborted) fill(result, ...ledgerOf(ledger, explorer));
      } else {
        const contrast = await postContrast(circuit.id, [prompt, other.value], signal);
        if (!signal.aborted) drawContrast(contrast);
      }
    } catch (failure) {
      if (!signal.aborted) fill(result, errorNotice(failure, draw));
    }
  }

  /** @param {Contrast} contrast */
  function drawContrast(contrast) {
    const which = store.get().lights;
    const point = (/** @type {number | null} */ place) =>
      explorer.light(lightOfContrast(contrast, which, place), scaleOf("difference in activation"));
    fill(result, ...contrastOf(contrast, which, explorer, point));
    if (panelOf(store.get()) === "prompt") point(null);
  }

  /** @param {PromptSide} side */
  function turn(side) {
    store.set({ side });
    otherField.hidden = side !== "contrast";
    dark();
    drawChips();
    draw();
  }

  fill(
    panel,
    h("div", { class: "panel-head" }, h("h2", {}, "Run a prompt")),
    h(
      "form",
      {
        class: "stack-small",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          live.write(area.value);
        },
      },
      h("label", { for: "prompt-text" }, "Prompt; the next token is predicted as you type"),
      area,
      otherField,
      h(
        "div",
        { class: "row" },
        h("button", { type: "submit", class: "primary" }, "Run"),
        example(0),
        example(1),
      ),
    ),
    h(
      "div",
      { class: "row spread" },
      segmented(
        "What is shown of the prompt",
        [
          ["answer", "Answer"],
          ["contrast", "Contrast"],
          ["ledger", "Ledger"],
        ],
        store.get().side,
        turn,
      ),
      segmented("Nodes in", RUNS, store.get().lights, (lights) => {
        store.set({ lights });
        drawChips();
        if (store.get().side === "contrast") draw();
      }),
    ),
    chips,
    result,
  );

  area.addEventListener("input", () => live.write(area.value, true));
  const hold = debounce(draw, 250);
  other.addEventListener("input", () => {
    store.set({ against: other.value || null });
    hold();
  });
  let drawn = live.get();
  live.onChange((now) => {
    if (area.value !== now.prompt) area.value = now.prompt; // written from another panel
    if (now.trace !== drawn.trace) drawChips();
    if (now.trace !== drawn.trace || now.error !== drawn.error) draw();
    else result.classList.toggle("busy", now.busy);
    drawn = now;
  });
  store.onChange((now, before) => {
    const [is, was] = [panelOf(now) === "prompt", panelOf(before) === "prompt"];
    if (is && !was) live.start();
    if (was && !is) dark();
    if (is && !was && now.side === "contrast") draw();
  });
  if (panelOf(store.get()) === "prompt") live.start();
}

/** @param {string} id @param {number} rows */
const promptArea = (id, rows) =>
  h("textarea", { id, rows, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
