// @ts-check
// The prune form: what the reader set, and nothing else, is sent; then the job is shown in its place.

import { getModel, getTasks, postJob, postSearch } from "./api.js";
import { arm, fill, h } from "./dom.js";
import { nats } from "./format.js";
import { showJob } from "./job_view.js";
import { errorNotice } from "./notice.js";

/** The settings of a form as numbers and booleans, by the names on the wire. @param {HTMLFormElement} form */
export function settingsOf(form) {
  const settings = /** @type {Record<string, number | boolean>} */ ({});
  for (const input of form.querySelectorAll("input")) {
    if (!input.name) continue;
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
  const trials = /** @type {HTMLInputElement | null} */ (form.querySelector("[data-trials]"));
  let stop = () => {};
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const asked = { model, task: tasks.value, settings: settingsOf(form) };
      const n_trials = Number(trials?.value ?? 1);
      const job = await (n_trials > 1
        ? postSearch({ ...asked, n_trials })
        : postJob({ kind: "prune", ...asked }));
      stop();
      stop = showJob(place, job);
      place.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (error) {
      fill(place, errorNotice(error));
    }
    button.disabled = false;
  });
  arm(form);
}

/** Offer every task, with the model's loss where it was measured, not only the ones rendered. @param {HTMLFormElement} form */
export async function offerTasks(form) {
  const tasks = /** @type {HTMLSelectElement} */ (form.elements.namedItem("task"));
  try {
    const [model, all] = await Promise.all([getModel(form.dataset.model ?? ""), getTasks()]);
    const scores = new Map(model.tasks.map((score) => [score.task, nats(score.measure.loss_nats.value)]));
    const options = all
      .filter((task) => task.language === model.language && task.prunable)
      .map(({ name, title }) => {
        const score = scores.get(name);
        return h("option", { value: name }, score ? `${title} (full model ${score} nats)` : title);
      });
    if (!options.length && !tasks.value) {
      const give = h("a", { href: "/tasks/new" }, "Give it prompt pairs");
      form.replaceWith(
        h("p", { class: "quiet" }, "No task is there that this model can read. ", give, " of its own."),
      );
      return;
    }
    const chosen = tasks.value; // now: it may have changed meanwhile
    tasks.replaceChildren(...options);
    tasks.value = chosen || (options[0]?.value ?? "");
  } catch {
    // The task of this circuit stays on offer; the connection line says what is wrong.
  }
}
