// @ts-check
// The prune form: what the reader set, and nothing else, is sent; then the job is shown in its place.

import { getModel, postJob } from "./api.js";
import { fill, h } from "./dom.js";
import { nats } from "./format.js";
import { showJob } from "./job_view.js";
import { errorNotice } from "./notice.js";

/** The settings of a form as numbers and booleans, by the names on the wire. @param {HTMLFormElement} form */
export function settingsOf(form) {
  const settings = /** @type {Record<string, number | boolean>} */ ({});
  for (const input of form.querySelectorAll("input")) {
    if (input.type === "checkbox") settings[input.name] = input.checked;
    else if (input.value !== "") settings[input.name] = Number(input.value);
  }
  return settings;
}

/** @param {HTMLFormElement} form as parts.html renders it @param {HTMLElement} place where the job is shown */
export function wirePruneForm(form, place) {
  const { model = "" } = form.dataset;
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("[type=submit]"));
  const tasks = /** @type {HTMLSelectElement} */ (form.elements.namedItem("task"));
  let stop = () => {};
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const job = await postJob({ kind: "prune", model, task: tasks.value, settings: settingsOf(form) });
      stop();
      stop = showJob(place, job);
      place.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (error) {
      fill(place, errorNotice(error));
    }
    button.disabled = false;
  });
}

/** Offer all the model's tasks, not only the one rendered. @param {HTMLFormElement} form */
export async function offerTasks(form) {
  const tasks = /** @type {HTMLSelectElement} */ (form.elements.namedItem("task"));
  const chosen = tasks.value;
  try {
    const model = await getModel(form.dataset.model ?? "");
    const options = model.tasks.map((score) =>
      h(
        "option",
        { value: score.task },
        `${score.title} (full model ${nats(score.measure.loss_nats.value)} nats)`,
      ),
    );
    tasks.replaceChildren(...options);
    tasks.value = chosen;
  } catch {
    // The task of this circuit stays on offer; the connection line says what is wrong.
  }
}
