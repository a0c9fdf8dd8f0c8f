// @ts-check
// The ablation lab: what is set to what and where, and what that does, estimated first and then exactly.

/** @import { Ablation, View } from "./types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { postAblation, postEstimate } from "./api.js";
import { estimateOf, headlineOf, resultOf } from "./cut_result.js";
import { debounce, fill, h } from "./dom.js";
import { plural } from "./format.js";
import { ablationRequest, amountOf, MODES } from "./lab_request.js";
import { markPairs } from "./lab_tables.js";
import { createTargets } from "./lab_targets.js";
import { livePrompt } from "./live_prompt.js";
import { errorNotice } from "./notice.js";
import { createSweep } from "./sweep_panel.js";

export const N_PAIRS = 64;
const PAUSE_MS = 250;

/** @typedef {Pick<View, "cut" | "mode" | "amount" | "within">} Setup what can be undone */

/** @param {View} view @returns {Setup} */
const setupOf = ({ cut, mode, amount, within }) => ({ cut, mode, amount, within });

/** @param {Setup} a @param {Setup} b */
const isSame = (a, b) =>
  a.cut === b.cut && a.mode === b.mode && a.amount === b.amount && a.within === b.within;

/**
 * @param {HTMLElement} panel
 * @param {Explorer} explorer
 */
export function createCutPanel(panel, explorer) {
  const { graph, store, status } = explorer;
  const [undone, redone] = /** @type {[Setup[], Setup[]]} */ ([[], []]);
  const answers = /** @type {Map<string, Ablation>} */ (new Map());
  let waiting = new AbortController();
  let stepping = false;

  const targets = createTargets(explorer);
  const button = (/** @type {string} */ words, /** @type {() => void} */ act) =>
    h("button", { type: "button", onclick: act }, words);
  const undo = button("Undo", () => step(undone, redone));
  const redo = button("Redo", () => step(redone, undone));
  const clear = button("Clear all", () => store.set({ cut: [], panel: "cut" }));
  const result = h("div", { class: "cut-result stack", "aria-live": "polite", "data-testid": "cut-result" });
  const does = h("p", { class: "small quiet" });
  const amount = h("div", { class: "lab-amount" });
  const choices = h(
    "div",
    { class: "row" },
    segmented("mode", "Set to", MODES),
    segmented("within", "Within", [
      ["circuit", "circuit"],
      ["model", "full model"],
    ]),
  );

  /** @param {"mode" | "within"} key @param {string} legend @param {string[][]} options */
  function segmented(key, legend, options) {
    const labels = options.map(([value, words]) => {
      const change = key === "mode" ? { mode: value, amount: null } : { within: value };
      const input = h("input", {
        type: "radio",
        name: `cut-${key}`,
        value,
        onchange: () => store.set({ .../** @type {Partial<View>} */ (change), panel: "cut" }),
      });
      return h("label", {}, input, h("span", {}, words));
    });
    return h(
      "div",
      { class: "field" },
      h("span", { class: "small quiet", "aria-hidden": "true" }, legend),
      h("fieldset", { class: "segmented" }, h("legend", { class: "visually-hidden" }, legend), labels),
    );
  }

  /** @param {Setup[]} from @param {Setup[]} to */
  function step(from, to) {
    const setup = from.pop();
    if (!setup) return;
    to.push(setupOf(store.get()));
    stepping = true;
    store.set({ ...setup, panel: "cut" });
    stepping = false;
    renderControls();
  }

  function renderAmount() {
    const view = store.get();
    amount.hidden = view.mode !== "value" && view.mode !== "steer";
    if (amount.dataset.mode !== view.mode) {
      amount.dataset.mode = view.mode;
      fill(amount, ...(view.mode === "steer" ? slider() : number()));
    }
    const input = /** @type {HTMLInputElement} */ (amount.querySelector("input"));
    if (document.activeElement !== input || view.mode === "steer") input.value = String(amountOf(view));
    const output = amount.querySelector("output");
    if (output) output.textContent = `t = ${amountOf(view).toFixed(2)}`;
  }

  function slider() {
    const input = h("input", {
      ...{ type: "range", id: "lab-t", min: 0, max: 1, step: 0.05, "data-testid": "steer-t" },
      oninput: () => {
        output.textContent = `t = ${Number(input.value).toFixed(2)}`;
        const detail = Number(input.value);
        result.querySelector('[data-testid="steering"]')?.dispatchEvent(new CustomEvent("steer", { detail }));
      },
      onchange: () => store.set({ amount: Number(input.value), panel: "cut" }),
    });
    const output = h("output", { for: "lab-t", class: "small" });
    return [
      h("label", { for: "lab-t" }, "From the first prompt (0) to the second (1)"),
      h("div", { class: "row" }, input, output),
    ];
  }

  function number() {
    const input = h("input", {
      ...{ type: "number", id: "lab-value", step: "any", "data-testid": "lab-value" },
      onchange: () => {
        const value = input.value === "" ? Number.NaN : Number(input.value);
        if (Number.isFinite(value)) store.set({ amount: value, panel: "cut" });
      },
    });
    return [h("label", { for: "lab-value" }, "Value, at every token"), input];
  }

  function renderControls() {
    const view = store.get();
    for (const input of choices.querySelectorAll("input")) {
      input.checked = input.value === (input.name === "cut-mode" ? view.mode : view.within);
    }
    undo.disabled = undone.length === 0;
    redo.disabled = redone.length === 0;
    clear.disabled = view.cut.length === 0;
    does.textContent = MODES.find(([mode]) => mode === view.mode)?.[2] ?? "";
    renderAmount();
    targets.render();
  }

  const onPrompt = (/** @type {string} */ prompt) => livePrompt(explorer).write(prompt);

  const run = debounce(async () => {
    const view = store.get();
    if (!view.cut.length) return;
    const body = ablationRequest(view, graph.circuit, N_PAIRS);
    const key = JSON.stringify(body);
    const { signal } = waiting;
    try {
      if (!answers.has(key) && body.n_pairs > 8) {
        const estimate = await postEstimate(body, signal);
        const within = view.within === "model" ? "full model" : "circuit";
        const steers = result.querySelector('[data-testid="steering"]'); // the curve stays under the hand
        if (!signal.aborted) fill(result, ...estimateOf(estimate, within), view.mode === "steer" && steers);
        result.classList.remove("busy");
      }
      const answer = answers.get(key) ?? (await postAblation(body, signal));
      answers.set(key, answer);
      if (!signal.aborted) {
        status.set(headlineOf(answer));
        fill(result, ...resultOf(answer, onPrompt));
        markPairs(result);
      }
    } catch (error) {
      if (signal.aborted) return;
      fill(result, errorNotice(error, start));
      status.set(null);
    }
    result.classList.remove("busy");
  }, PAUSE_MS);

  function start() {
    waiting.abort();
    waiting = new AbortController();
    const { cut } = store.get();
    renderControls();
    if (!cut.length) {
      result.classList.remove("busy");
      status.set(null);
      fill(
        result,
        h(
          "p",
          { class: "empty" },
          "Nothing is cut. Click an edge, select a node and press c, draw a box, or type a target.",
        ),
      );
      return;
    }
    status.set(
      `${plural(cut.length, cut.every((id) => id.includes(":")) ? "node" : "target")} cut, measuring…`,
    );
    if (result.querySelector(".dotplot")) result.classList.add("busy");
    else fill(result, h("p", { class: "empty measuring" }, `Measuring on ${N_PAIRS} held-out pairs…`));
    run();
  }

  store.onChange((now, before) => {
    if (isSame(setupOf(now), setupOf(before))) return;
    if (!stepping) {
      undone.push(setupOf(before));
      redone.length = 0;
    }
    start();
  });
  fill(
    panel,
    h(
      "div",
      { class: "panel-head" },
      h("h2", {}, "Ablation lab"),
      h("div", { class: "row" }, undo, redo, clear),
    ),
    targets.element,
    choices,
    amount,
    does,
    result,
    createSweep(explorer, targets.put),
  );
  start();
}
