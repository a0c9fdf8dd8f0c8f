// @ts-check
// Prompts of one's own beside the failures: run through model and circuit, and ranked.

/** @import { Failure, Failures } from "./card_types.js" */
import { postFailures } from "./api.js";
import { fill, h, need } from "./dom.js";
import { fixed, percent, visible } from "./format.js";
import { errorNotice } from "./notice.js";

const form = /** @type {HTMLFormElement} */ (need("own-form"));
const box = /** @type {HTMLTextAreaElement} */ (need("own-prompts"));
const circuit = form.dataset.circuit ?? "";

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
          href: `/circuits/${circuit}?prompt=${encodeURIComponent(failure.prompt)}&panel=prompt`,
        },
        "Open in the live prompt",
      ),
    ),
    h("td", {}, h("span", { class: "tok" }, visible(failure.answer))),
    h("td", { class: "number" }, percent(failure.full_model_probability)),
    h("td", { class: "number" }, percent(failure.circuit_probability)),
    h("td", { class: "number" }, fixed(failure.gap_nats, 3)),
    h("td", {}, failure.opposite ? "opposite answers" : "same answer"),
  );

/** @param {Failures} found */
function show(found) {
  fill(
    need("own-result"),
    h("p", {}, `${found.n_opposite} of ${found.n_prompts} prompts get opposite answers.`),
    h(
      "table",
      { "data-testid": "own-failures" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ...["prompt", "counted as right", "full model", "circuit", "gap, nats", ""].map((words) =>
            h("th", {}, words),
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
