// @ts-check
// What an intervention did, as the lab shows it: the estimate, then the exact figures and all that stands beside them.

/** @import { Ablation, Measure } from "./types.js" */
/** @import { Estimate, SteerControl, Steering } from "./lab_types.js" */
import { getText } from "./api.js";
import { copyFrom, h } from "./dom.js";
import { dotPlot } from "./dotplot.js";
import { redrawn } from "./figure_size.js";
import { fixed, plural, signed } from "./format.js";
import { nTargets, steerT } from "./lab_request.js";
import { change, changedSection, corpusSection, figuresTable, interplaySection } from "./lab_tables.js";
import { readPalette } from "./palette.js";
import { draw } from "./plot.js";
import { along, steerLayout, steerTraces } from "./steer_curve.js";

/** The cut in one line. @param {Ablation} ablation */
export function headlineOf(ablation) {
  const [was, is] = [ablation.before, ablation.after].map((measure) => fixed(measure.loss_nats.value, 3));
  const n = nTargets(ablation);
  const what = ablation.request.nodes.length ? `${plural(n, "node")} cut` : `${plural(n, "target")} set`;
  return `${what}: loss ${was} → ${is} nats`;
}

/** What is shown until all pairs are measured. @param {Estimate} estimate @param {string} within */
export const estimateOf = ({ loss_change_nats: value, n_pairs, of_pairs }, within) => [
  h(
    "p",
    { class: "headline" },
    h("strong", { "data-testid": "loss-estimate" }, `≈ ${signed(value.value)} nats`),
    h("span", { class: "quiet" }, ` [${signed(value.low)}, ${signed(value.high)}] `),
    `on the ${within}’s loss `,
    h("span", { class: "badge", "data-state": "running" }, "estimate"),
  ),
  h(
    "p",
    { class: "small quiet" },
    `From ${n_pairs} of ${of_pairs} pairs; brackets: 95% interval by Student’s t. Measuring all of them…`,
  ),
];

/** @param {Ablation} ablation @param {(prompt: string) => void} onPrompt */
export function resultOf(ablation, onPrompt) {
  const { before, after, reference, loss_change_nats: value, estimate } = ablation;
  const within = ablation.request.target.kind === "model" ? "full model" : "circuit";
  const rows = [
    { name: `${within}, after`, interval: after.loss_nats, strong: true },
    { name: `${within}, before`, interval: before.loss_nats },
    ...Object.entries(reference)
      .filter(([name]) => name.replace("_", " ") !== within)
      .map(([name, measure]) => ({ name: REFERENCES[name] ?? name, interval: measure.loss_nats })),
  ];
  return [
    h(
      "p",
      { class: "headline" },
      h("strong", { "data-testid": "loss-change" }, `${signed(value.value)} nats`),
      h("span", { class: "quiet" }, ` [${signed(value.low)}, ${signed(value.high)}] `),
      `on the ${within}’s loss `,
      h("span", { class: "badge", "data-state": "done" }, "exact"),
    ),
    dotPlot(rows, "nats"),
    figuresTable(before, after),
    h(
      "p",
      { class: "small quiet" },
      `${plural(after.n_pairs, `${split(after)} pair`)}, two prompts each; brackets: 95% bootstrap interval over pairs. ` +
        `Measured in ${fixed(ablation.elapsed_ms / 1000, 2)} s.` +
        calibrationWords(ablation) +
        (estimate
          ? ` Estimated before from ${estimate.n_pairs} pairs: ${change(estimate.loss_change_nats)}.`
          : ""),
    ),
    h(
      "div",
      { class: "row" },
      h("a", { class: "button", href: ablation.url, "data-testid": "ablation-link" }, "Permanent page"),
      copyButton("Copy as curl", `${ablation.url}.sh`),
      copyButton("Copy as Python", `${ablation.url}.py`),
    ),
    ablation.steering ? steerSection(ablation.steering, steerT(ablation)) : null,
    ablation.interplay ? interplaySection(ablation.interplay, after.n_pairs) : null,
    ablation.corpus ? corpusSection(ablation.corpus) : null,
    changedSection(ablation.changed, onPrompt),
  ];
}

/** @type {Record<string, string>} */
const REFERENCES = {
  full_model: "full model",
  circuit: "circuit",
  empty_circuit: "empty circuit",
  uncalibrated_circuit: "circuit, uncalibrated",
  calibrated_empty_circuit: "empty, same calibration",
};

/** Which logits the figures are of. @param {Ablation} ablation */
function calibrationWords({ calibration }) {
  if (!calibration) return " Logits as they are.";
  return (
    ` The circuit’s calibration multiplies its logits by ${Number(calibration.scale.toPrecision(3))}, before and after; ` +
    "full model and empty circuit are on logits as they are."
  );
}

/** @param {Measure} measure */
const split = (measure) => (measure.split === "heldout" ? "held-out" : "training");

/** Which random nodes stand beside, and where they are from. @param {SteerControl[]} controls */
function besideWords(controls) {
  if (!controls.length) return "No random nodes beside: there are too few others.";
  const nodes = controls.map((control) => control.nodes.join(" ")).join("; ");
  const standIns = new Map(
    controls
      .flatMap((control) => control.stand_ins ?? [])
      .map((one) => [`${one.site} ${one.taken_from}`, one]),
  );
  const from = [...standIns.values()].map(
    (one) => `; ${one.site} has too few others, so ${one.taken_from}, the nearest comparable site, stands in`,
  );
  return `Thin grey: ${nodes}, drawn at random${from.length ? from.join("") : " from the same sites"}.`;
}

/** @param {Steering} steering @param {number} t */
function steerSection(steering, t) {
  const figure = h("div", { class: "plot steer-plot", role: "img", "data-testid": "steer-curve" });
  let now = t;
  const words = () =>
    `at t = ${now.toFixed(2)}: ${signed(along(steering.curve, now, "on_first"), 2)} on the first prompt, ` +
    `${signed(along(steering.curve, now, "on_second"), 2)} on the second`;
  const said = h("p", { class: "small", "data-testid": "steer-words" });
  const drawNow = () => {
    const palette = readPalette();
    if (figure.clientWidth) draw(figure, steerTraces(steering, palette), steerLayout(now, palette));
  };
  const say = () => {
    said.textContent = `Logit of the first prompt’s answer minus that of the second’s, ${words()}.`;
    figure.setAttribute("aria-label", `Steering curve; ${words()}`);
  };
  redrawn(figure, drawNow);
  say();
  return h(
    "section",
    {
      "data-testid": "steering",
      onsteer: (/** @type {CustomEvent<number>} */ event) => {
        now = event.detail;
        say();
        drawNow();
      },
    },
    h("h3", {}, "From the first prompt to the second"),
    said,
    figure,
    h(
      "p",
      { class: "small quiet" },
      `Solid: on first prompts; dashed: on second prompts; bands: 95% intervals over ${plural(steering.n_pairs, "pair")}. ${besideWords(steering.controls)}`,
    ),
  );
}

/** @param {string} words @param {string} path */
function copyButton(words, path) {
  const button = h(
    "button",
    { type: "button", onclick: async () => copyFrom(button, await getText(path)) },
    words,
  );
  return button;
}
