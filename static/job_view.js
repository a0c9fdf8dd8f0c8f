// @ts-check
// A running prune: its state in words, the curve of loss and size as it is made, cancel, and what came of it.

/** @import { CurvePoint, Job, JobState } from "./types.js" */
import { cancelJob, FINAL_STATES, followJob } from "./api.js";
import { fill, h } from "./dom.js";
import { count, duration, nats, plural } from "./format.js";
import { errorNotice } from "./notice.js";
import { drawCurve } from "./plot.js";

/** @param {Job} job */
export function stateWords(job) {
  const place = job.queue_place ? `, ${plural(job.queue_place, "job")} before it` : "";
  const words = /** @type {Record<JobState, string>} */ ({
    queued: `Waiting for its turn${place}.`,
    running: "Running.",
    done: job.request.kind === "card" ? "Done: the controls are on the card." : "Done: the circuit is kept.",
    failed: "Failed.",
    cancelled: "Cancelled.",
    interrupted: "Interrupted: the server stopped while it ran.",
  });
  return words[job.state];
}

/**
 * @param {HTMLElement} element
 * @param {Job} first
 * @param {{ onFinal?: (job: Job) => void }} [listeners]
 * @returns {() => void} stops following
 */
export function showJob(element, first, { onFinal = () => {} } = {}) {
  let job = first;
  const { request } = first;
  const target = request.kind === "prune" ? request.settings.target_loss_nats : null;
  const points = /** @type {CurvePoint[]} */ ([]);
  let waiting = false;
  const badge = h("span", { class: "badge", "data-testid": "job-state" });
  const words = h("span", { class: "grow", role: "status" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const figures = h("p", { class: "small quiet job-figures" });
  const plot = h("div", { class: "plot", role: "img", "aria-label": "Loss and nodes kept, by step" });
  const problem = h("div", {});
  const cancel = h("button", { type: "button", "data-testid": "cancel-job", onclick: stop }, "Cancel");
  const outcome = h("div", { class: "row" });

  async function stop() {
    cancel.disabled = true;
    try {
      render(await cancelJob(job.id));
    } catch (error) {
      cancel.disabled = false;
      fill(problem, errorNotice(error));
    }
  }

  /** @param {Job} now */
  function render(now) {
    job = now;
    const final = FINAL_STATES.includes(job.state);
    badge.textContent = job.state;
    badge.dataset.state = job.state;
    words.textContent = stateWords(job);
    cancel.hidden = final;
    bar.hidden = final;
    const { progress } = job;
    if (progress) say(progress.phase, progress.step, progress.n_steps, progress.elapsed_s, progress.eta_s);
    if (job.error) fill(problem, h("p", { class: "notice error", role: "alert" }, job.error));
    fill(
      outcome,
      job.circuit &&
        h(
          "a",
          {
            class: "button primary",
            href: `/circuits/${job.circuit}${request.kind === "card" ? "/card" : ""}`,
            "data-testid": "open-circuit",
          },
          request.kind === "card" ? "Open the card" : "Open the circuit",
        ),
      h("a", { href: job.url, class: "small" }, "this job’s page"),
    );
    if (final) onFinal(job);
  }

  /** Only learning knows how far it is; what follows it shows that it is at work. @param {string} phase @param {number} step @param {number} n @param {number} elapsed @param {number | null | undefined} eta */
  function say(phase, step, n, elapsed, eta) {
    const learning = phase.endsWith("learning");
    if (learning) bar.value = n ? step / n : 0;
    else bar.removeAttribute("value");
    const last = points.at(-1);
    const left =
      eta == null || !learning || FINAL_STATES.includes(job.state) ? "" : `, about ${duration(eta)} left`;
    const now = last ? ` · loss ${nats(last.loss_nats)} nats, ${count(last.size)} nodes` : "";
    figures.textContent = `${learning ? `${phase}, step ${count(step)} of ${count(n)}` : n > 8 ? `${phase}, after ${count(n)} steps` : phase} · ${duration(elapsed)}${left}${now}`;
  }

  const redraw = () => {
    waiting = false;
    if (points.length && plot.isConnected) drawCurve(plot, points, { sizeName: "nodes kept", target });
  };
  const schedule = () => {
    if (!waiting) setTimeout(redraw, 200);
    waiting = true;
  };

  fill(element, h("div", { class: "row" }, badge, words, cancel), bar, figures, problem, plot, outcome);
  document.addEventListener("themechange", schedule);
  render(job);
  return followJob(job, {
    onStep(event) {
      if (!event.n_nodes) return say(event.phase, event.step, event.n_steps, event.elapsed_s, null);
      const step = Math.max(event.step, (points.at(-1)?.step ?? -1) + 1); // trials after learning count on
      points.push({ step, loss_nats: event.loss_nats, size: event.n_nodes });
      const eta = event.step ? (event.elapsed_s / event.step) * (event.n_steps - event.step) : null;
      say(event.phase, event.step, event.n_steps, event.elapsed_s, job.progress?.eta_s ?? eta);
      schedule();
    },
    onState: render,
    onConnected(up) {
      if (!FINAL_STATES.includes(job.state))
        words.textContent = up ? stateWords(job) : "Connection lost; reconnecting…";
    },
  });
}
