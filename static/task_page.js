// @ts-check
// A task's page: models that were never measured on it are measured now, one after another.

import { measureTask } from "./api.js";
import { fill, h } from "./dom.js";
import { count, nats, percent } from "./format.js";
import { sentence } from "./notice.js";

/** @import { Interval } from "./types.js" */

/** @param {HTMLElement | undefined} cell @param {Interval} value @param {(value: number) => string} words */
function figure(cell, value, words) {
  if (!cell) return;
  const range = h("span", { class: "interval" }, `[${words(value.low)}, ${words(value.high)}]`);
  fill(cell, words(value.value), " ", range);
}

const table = /** @type {HTMLElement | null} */ (document.querySelector("[data-task]"));
for (const row of table?.querySelectorAll("[data-unmeasured]") ?? []) {
  const model = /** @type {HTMLElement} */ (row).dataset.unmeasured ?? "";
  const [loss, accuracy, pairs] = row.querySelectorAll("td");
  if (loss) fill(loss, h("span", { class: "quiet" }, "measuring …"));
  try {
    const { measure } = await measureTask(model, table?.dataset.task ?? "");
    figure(loss, measure.loss_nats, nats);
    figure(accuracy, measure.accuracy, percent);
    if (pairs) fill(pairs, count(measure.n_pairs));
    row.removeAttribute("data-unmeasured");
  } catch (error) {
    if (loss) fill(loss, h("span", { class: "quiet" }, sentence(error)));
    loss?.classList.remove("number");
  }
}
