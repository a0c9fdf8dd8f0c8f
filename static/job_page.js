// @ts-check
// The page of one job: the live view takes the place of the figures the server wrote; a prune's frontier follows it.

/** @import { JobDetail } from "./types.js" */
import { getJob } from "./api.js";
import { need, pageData } from "./dom.js";
import { showJob } from "./job_view.js";
import { showReached } from "./reached.js";

const EVERY_MS = 2000;

const job = /** @type {JobDetail} */ (pageData("page-data"));
const place = document.getElementById("reached");

async function look() {
  try {
    if (place) showReached(place, (await getJob(job.id)).reached);
  } catch {
    // The connection line says what is wrong; the next look may find the server again.
  }
}

if (place) showReached(place, job.reached);
const timer = setInterval(() => document.hidden || look(), EVERY_MS);
showJob(need("job"), job, {
  onFinal() {
    clearInterval(timer);
    look();
  },
});
