// @ts-check
// Prompts of one's own beside the failures: run through model and circuit, and ranked.

/** @import { Failure, Failures } from "./card_types.js" */
import { postFailures } from "./api.js";
import { fill, h, need, pageData } from "./dom.js";
import { failuresFigure } from "./failures_figure.js";
import { redrawn } from "./figure_size.js";
import { fixed, percent, plural, visible } from "./format.js";
import { errorNotice } from "./notice.js";
import { readPalette } from "./palette.js";
import { draw, listen } from "./plot.js";

const form = /** @type {HTMLFormElement} */ (need("own-form"));
const box = /** @type {HTMLTextAreaElement} */ (need("own-prompts"));
const circuit = form.dataset.circuit ?? "";
const held = /** @type {Failures} */ (pageData("page-data"));

/** Where a prompt is the live one. @param {Failure} failure */
const livePrompt = (failure) =>
  `/circuits/${circuit}?prompt=${encodeURIComponent(failure.prompt)}&panel=prompt`;

const figure = need("failures-figure");
redrawn(figure, async () => {
  await draw(figure, ...failuresFigure(held, readPalette(), livePrompt));
  if (!("ready" in figure.dataset)) listen(figure, { onPick: (address) => location.assign(address) });
  figure.dataset.ready = "";
});

/** Prompts are set apart by a line of three hyphens. @param {string} text */
const promptsIn = (text) =>
  text
    .split(/^---$/m)
    .map((part) => part.replace(/^\n|\n$/g, ""))
    .filter(Boolean);

/** @param {Failure} failure */
const row = (failure) =>
  h(
    "tr",
    {},
    h(
      "td",
      { class: "prompt-cell failure" },
      h("pre", { class: "prompt", tabindex: "0" }, failure.prompt),
      h(
        "a",
        {
          class: "small",
          href: livePrompt(failure),
        },
        "Open in the live prompt",
      ),
    ),
    h("td", { "data-label": "counted as right" }, h("span", { class: "tok" }, visible(failure.answer))),
    h("td", { class: "number", "data-label": "full model" }, percent(failure.full_model_probability)),
    h("td", { class: "number", "data-label": "circuit" }, percent(failure.circuit_probability)),
    h("td", { class: "number", "data-label": "gap, nats" }, fixed(failure.gap_nats, 3)),
    h("td", { "data-label": "answers" }, failure.opposite ? h("strong", {}, "opposite") : "same"),
  );

/** @param {Failures} found */
function show(found) {
  fill(
    need("own-result"),
    h("p", {}, `${found.n_opposite} of ${plural(found.n_prompts, "prompt")} get opposite answers.`),
    h(
      "table",
      { class: "stacked", "data-testid": "own-failures" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ...["prompt", "counted as right", "full model", "circuit", "gap, nats", "answers"].map((words, i) =>
            h("th", { scope: "col", class: i > 1 && i < 5 ? "number" : null }, words),
          ),
        ),
      ),
      h("tbody", {}, ...found.failures.map(row)),
    ),
  );
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    show(await postFailures(circuit, { prompts: promptsIn(box.value) }));
  } catch (error) {
    fill(need("own-result"), errorNotice(error));
  }
});
form.dataset.ready = "";
