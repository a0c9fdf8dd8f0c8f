// @ts-check
// The page of one job: the live view takes the place of the figures the server wrote.

/** @import { Job } from "./types.js" */
import { need, pageData } from "./dom.js";
import { showJob } from "./job_view.js";

showJob(need("job"), /** @type {Job} */ (pageData("page-data")));
