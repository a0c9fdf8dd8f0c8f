// @ts-check
// A job as it runs: its state in words, the curve of loss and size, its log, stop, cancel, and what came of it.

/** @import { CurvePoint, Job, JobState } from "./types.js" */
import { cancelJob, FINAL_STATES, followJob, stopJob } from "./api.js";
import { fill, h } from "./dom.js";
import { count, duration, nats, plural } from "./format.js";
import { errorNotice } from "./notice.js";
import { drawCurve } from "./plot.js";

/** Steps of this last while say how long the rest takes. */
const MEASURED_S = 10;

/** @param {Job} job */
export function stateWords(job) {
  const place = job.queue_place ? `, ${plural(job.queue_place, "job")} before it` : "";
  const wait = job.starts_in_s ? `, about ${duration(job.starts_in_s)} until then` : "";
  const words = /** @type {Record<JobState, string>} */ ({
    queued: `Waiting for its turn${place}${wait}.`,
    running: job.stop_asked ? "Ending with what it has." : runs(job),
    done:
      job.request.kind === "card"
        ? "Done: the controls are on the card."
        : job.request.kind === "means"
          ? "Done: the means are computed."
          : job.request.kind === "sweep"
            ? "Done: every part is measured."
            : "Done: the circuit is kept.",
    failed: "Failed.",
    cancelled: "Cancelled.",
    interrupted: "Interrupted: it goes on from its last checkpoint as soon as there is a worker.",
  });
  return words[job.state];
}

/** @param {Job} job */
const runs = (job) =>
  job.resumed_from_step === null
    ? "Running."
    : `Running again, from step ${count(job.resumed_from_step)} on.`;

/**
 * @param {HTMLElement} element
 * @param {Job} first
 * @param {{ onFinal?: (job: Job) => void }} [listeners]
 * @returns {() => void} stops following
 */
export function showJob(element, first, { onFinal = () => {} } = {}) {
  let job = first;
  const { request } = first;
  const target = "settings" in request ? request.settings.target_loss_nats : null;
  const points = /** @type {CurvePoint[]} */ ([]);
  const pace = /** @type {[number, number][]} */ ([]); // seconds and steps, of the last while
  let waiting = false;
  const badge = h("span", { class: "badge", "data-testid": "job-state" });
  const words = h("span", { class: "grow", role: "status" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const figures = h("p", { class: "small quiet job-figures" });
  const plot = h("div", { class: "plot", role: "img", "aria-label": "Loss and nodes kept, by step" });
  const problem = h("div", {});
  const cancel = h(
    "button",
    { type: "button", "data-testid": "cancel-job", onclick: () => ask(cancelJob) },
    "Cancel",
  );
  const keep = h(
    "button",
    { type: "button", "data-testid": "stop-job", onclick: () => ask(stopJob) },
    request.kind === "card" ? "Stop, keep what is measured" : "Stop, keep the best so far",
  );
  const log = h("ol", { class: "small mono job-log", "data-testid": "job-log" });
  const logBox = h("details", {}, h("summary", {}, "Log"), log);
  const outcome = h("div", { class: "row" });

  /** @param {(id: string) => Promise<Job>} what */
  async function ask(what) {
    cancel.disabled = keep.disabled = true;
    try {
      render(await what(job.id));
    } catch (error) {
      fill(problem, errorNotice(error));
    }
    cancel.disabled = keep.disabled = false;
  }

  /** @param {Job} now */
  function render(now) {
    job = now;
    const final = FINAL_STATES.includes(job.state);
    badge.textContent = job.state;
    badge.dataset.state = job.state;
    words.textContent = stateWords(job);
    cancel.hidden = final;
    keep.hidden = job.state !== "running" || job.stop_asked || ["means", "sweep"].includes(request.kind);
    bar.hidden = final;
    const { progress } = job;
    if (progress) say(progress.phase, progress.step, progress.n_steps, progress.elapsed_s, progress.eta_s);
    fill(problem, job.error && h("p", { class: "notice error", role: "alert" }, job.error));
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
      location.pathname !== job.url && h("a", { href: job.url, class: "small" }, "this job’s page"),
    );
    if (final) onFinal(job);
  }

  /** Only learning knows how far it is; what follows it shows that it is at work. @param {string} phase @param {number} step @param {number} n @param {number} elapsed @param {number | null | undefined} eta */
  function say(phase, step, n, elapsed, eta) {
    const learning = phase.endsWith("learning") || phase === "searching" || phase === "cutting";
    if (learning) bar.value = n ? step / n : 0;
    else bar.removeAttribute("value");
    const last = points.at(-1);
    const left =
      eta == null || !learning || FINAL_STATES.includes(job.state) ? "" : `, about ${duration(eta)} left`;
    const now = last ? ` · loss ${nats(last.loss_nats)} nats, ${count(last.size)} nodes` : "";
    figures.textContent = `${learning ? `${phase}, ${phase === "searching" ? "trial" : "step"} ${count(step)} of ${count(n)}` : n > 8 ? `${phase}, after ${count(n)} steps` : phase} · ${duration(elapsed)}${left}${now}`;
  }

  const redraw = () => {
    waiting = false;
    if (points.length && plot.isConnected) drawCurve(plot, points, { sizeName: "nodes kept", target });
  };
  const schedule = () => {
    if (!waiting) setTimeout(redraw, 200);
    waiting = true;
  };

  fill(
    element,
    h("div", { class: "row" }, badge, words, keep, cancel),
    bar,
    figures,
    problem,
    plot,
    outcome,
    logBox,
  );
  document.addEventListener("themechange", schedule);
  render(job);
  return followJob(job, {
    onStep(event) {
      if (!event.n_nodes) return say(event.phase, event.step, event.n_steps, event.elapsed_s, null);
      if (event.phase.endsWith("learning")) while ((points.at(-1)?.step ?? -1) >= event.step) points.pop(); // it went on from a checkpoint
      const step = Math.max(event.step, (points.at(-1)?.step ?? -1) + 1); // trials after learning count on
      points.push({ step, loss_nats: event.loss_nats, size: event.n_nodes });
      pace.push([event.elapsed_s, event.step]);
      while (pace.length > 2 && event.elapsed_s - (pace[0]?.[0] ?? 0) > MEASURED_S) pace.shift();
      const [then_s, then] = pace[0] ?? [0, 0];
      const measured = event.step > then && event.elapsed_s > then_s;
      const per_step = measured
        ? (event.elapsed_s - then_s) / (event.step - then)
        : event.elapsed_s / (event.step || 1);
      say(event.phase, event.step, event.n_steps, event.elapsed_s, per_step * (event.n_steps - event.step));
      schedule();
    },
    onState: render,
    onLog({ at, message }) {
      log.append(h("li", {}, `${at.slice(11, 19)} ${message}`));
    },
    onConnected(up) {
      if (!FINAL_STATES.includes(job.state))
        words.textContent = up ? stateWords(job) : "Connection lost; reconnecting…";
    },
  });
}
