// @ts-check
// The card of a circuit: its small pictures, and the buttons that compute what is missing.

/** @import { Card, ControlName } from "./card_types.js" */
import { computeControl, postCardJob } from "./api.js";
import { faithfulFigure, randomFigure } from "./card_figures.js";
import { fill, need, pageData } from "./dom.js";
import { redrawn } from "./figure_size.js";
import { showJob } from "./job_view.js";
import { errorNotice } from "./notice.js";
import { readPalette } from "./palette.js";
import { draw } from "./plot.js";

const card = /** @type {Card} */ (pageData("page-data"));
const resultOf = (/** @type {string} */ name) =>
  card.parts.find((part) => part.result.control === name)?.result;

/** @param {HTMLElement} element */
function wire(element) {
  const result = resultOf(element.dataset.plot ?? "");
  redrawn(element, async () => {
    const palette = readPalette();
    if (result?.control === "random_circuits") await draw(element, ...randomFigure(result, palette));
    if (result?.control === "faithfulness") await draw(element, ...faithfulFigure(result, palette));
    element.dataset.ready = "";
  });
}
for (const element of document.querySelectorAll("[data-plot]")) wire(/** @type {HTMLElement} */ (element));

/** @param {string} control */
async function computeNow(control) {
  await computeControl(card.circuit, control);
  location.hash = `control-${control}`;
  location.reload();
}

/** @param {ControlName[]} controls */
async function computeLater(controls) {
  const steps = /** @type {HTMLInputElement | null} */ (document.getElementById("quick-steps"));
  const n_steps = steps?.value ? Number(steps.value) : null;
  const job = await postCardJob(card.circuit, { controls, n_steps });
  showJob(need("card-job"), job, {
    onFinal(now) {
      if (now.state === "done") location.reload();
    },
  });
  need("card-job").scrollIntoView({ block: "nearest" });
}

const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-compute]"));
for (const button of buttons) {
  button.addEventListener("click", async () => {
    const control = button.dataset.compute ?? "";
    const words = button.textContent;
    for (const other of buttons) other.disabled = true;
    button.textContent = "Computing…";
    try {
      if (control === "all") await computeLater(card.missing.map((missing) => missing.control));
      else if (button.dataset.by === "job") await computeLater([/** @type {ControlName} */ (control)]);
      else await computeNow(control);
    } catch (error) {
      for (const other of buttons) other.disabled = false;
      fill(need("card-job"), errorNotice(error));
    }
    button.textContent = words;
  });
  button.disabled = false; // until here a click would be lost
}
