// @ts-check
// The list of jobs: while any is unfinished, its state and progress are kept fresh.

import { FINAL_STATES, getJob } from "./api.js";
import { count } from "./format.js";

const REFRESH_MS = 2000;
const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-job]")]);

/** @param {HTMLElement} row */
async function refresh(row) {
  const badge = /** @type {HTMLElement | null} */ (row.querySelector(".badge"));
  if (!badge || FINAL_STATES.includes(badge.dataset.state ?? "")) return false;
  const job = await getJob(row.dataset.job ?? "");
  badge.textContent = job.state;
  badge.dataset.state = job.state;
  const cell = row.querySelector("[data-progress]");
  if (cell && job.progress) {
    cell.textContent = `${job.progress.phase}, ${count(job.progress.step)} of ${count(job.progress.n_steps)}`;
  }
  if (FINAL_STATES.includes(job.state)) location.reload();
  return true;
}

async function tick() {
  const live = await Promise.all(rows.map((row) => refresh(row).catch(() => true)));
  if (live.some(Boolean)) setTimeout(tick, REFRESH_MS);
}
setTimeout(tick, REFRESH_MS);
