// @ts-check
// The list of jobs: while any is unfinished, states and progress are kept fresh; a change of turns renews the page.

import { FINAL_STATES, getJobs } from "./api.js";
import { count } from "./format.js";

const REFRESH_MS = 2000;
const rows = new Map(
  [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-job]"))].map((row) => [
    row.dataset.job ?? "",
    row,
  ]),
);

/** The state a row shows. @param {HTMLElement} row */
const stateOf = (row) => row.querySelector(".badge")?.getAttribute("data-state") ?? "";

async function refresh() {
  for (const job of await getJobs()) {
    const row = rows.get(job.id);
    if (!row) continue;
    if (job.state !== stateOf(row)) return location.reload(); // turns have changed
    const cell = row.querySelector("[data-progress]");
    if (cell && job.progress)
      cell.textContent = `${job.progress.phase}, ${count(job.progress.step)} of ${count(job.progress.n_steps)}`;
  }
}

async function tick() {
  if (!document.hidden) await refresh().catch(() => {}); // the connection line says what is wrong
  if ([...rows.values()].some((row) => !FINAL_STATES.includes(stateOf(row)))) setTimeout(tick, REFRESH_MS);
}
setTimeout(tick, REFRESH_MS);
