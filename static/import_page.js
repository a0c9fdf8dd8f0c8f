// @ts-check
// The import page: what a file comes to before it is kept, a sentence for each fault, nothing lost.

/** @import { ImportCheck } from "./types.js" */
import { addModel, checkImport, keepImport } from "./api.js";
import { arm, fill, h, need } from "./dom.js";
import { count, nats, plural, visible } from "./format.js";
import { errorNotice } from "./notice.js";

const form = /** @type {HTMLFormElement} */ (need("import-form"));
const result = need("import-result");
const modelForm = /** @type {HTMLFormElement} */ (need("model-form"));
const modelResult = need("model-result");

const WORDS = {
  sparsescope: "A circuit in our own form",
  released: "A released circuit",
  "sparse-pretrain": "A circuit of the replication",
  "prompt-pairs": "Prompt pairs",
};

/** @param {ImportCheck} check */
function faults({ faults }) {
  return h(
    "div",
    { class: "notice error", role: "alert", "data-testid": "import-faults" },
    h("p", {}, `${plural(faults.length, "fault")}; nothing is kept.`),
    h(
      "ul",
      {},
      faults.map((fault) => h("li", {}, fault)),
    ),
  );
}

/** @param {string} name @param {string | number | null | undefined} value */
const fact = (name, value) =>
  value == null ? null : h("div", {}, h("dt", {}, name), h("dd", {}, String(value)));

/** @param {ImportCheck} check */
function preview(check) {
  const { stored } = check;
  const form = check.form === null ? "A file" : WORDS[check.form];
  return h(
    "div",
    { class: "notice", "data-testid": "import-preview" },
    h("p", {}, `${form}; it can be imported.`),
    h(
      "dl",
      { class: "facts" },
      fact("model", check.model),
      fact("task", check.task),
      fact("nodes", check.n_nodes == null ? null : count(check.n_nodes)),
      fact("edges", check.n_edges == null ? null : count(check.n_edges)),
      fact("pairs", check.n_pairs == null ? null : count(check.n_pairs)),
      fact("circuit loss in the file, nats", stored && nats(stored.circuit_loss_nats)),
      fact("full model in the file, nats", stored && nats(stored.full_model_loss_nats)),
    ),
    check.example &&
      h(
        "p",
        { class: "small" },
        "Its first pair: ",
        check.example.map((prompt) => h("code", { class: "prompt-line" }, `${visible(prompt)} `)),
      ),
    h(
      "ul",
      {},
      check.notes.map((note) => h("li", {}, note)),
    ),
  );
}

/** Run a request with the form's buttons held. @param {HTMLFormElement} of @param {HTMLElement} shown @param {() => Promise<void>} act */
async function busy(of, shown, act) {
  const buttons = of.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  fill(shown, h("p", { class: "quiet" }, "Reading …"));
  try {
    await act();
  } catch (error) {
    fill(shown, errorNotice(error));
  }
  for (const button of buttons) button.disabled = false;
}

const check = () =>
  busy(form, result, async () => {
    const found = await checkImport(new FormData(form));
    fill(result, found.faults.length ? faults(found) : preview(found));
  });

need("import-check").addEventListener("click", check);
need("import-file").addEventListener("change", check);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(form, result, async () => {
    const found = await checkImport(new FormData(form));
    if (found.faults.length) fill(result, faults(found));
    else location.assign((await keepImport(new FormData(form))).url);
  });
});

modelForm.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(modelForm, modelResult, async () => {
    location.assign((await addModel(new FormData(modelForm))).url);
  });
});

arm(form);
arm(modelForm);
