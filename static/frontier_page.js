// @ts-check
// The frontier's page: the figure, a click on a point opens that model's circuits, a choice is shown at once.

/** @import { Frontier } from "./types.js" */
import { need, pageData } from "./dom.js";
import { redrawn } from "./figure_size.js";
import { frontierLayout, frontierTraces, placed } from "./frontier.js";
import { readPalette } from "./palette.js";
import { draw, listen } from "./plot.js";

const frontier = /** @type {Frontier} */ (pageData("frontier-data"));
const figure = need("frontier");
const form = /** @type {HTMLFormElement} */ (need("frontier-form"));

if (placed(frontier).length) {
  let listening = false;
  redrawn(figure, async () => {
    const palette = readPalette();
    const size = { width: figure.clientWidth, height: figure.clientHeight };
    await draw(figure, frontierTraces(frontier, palette, size), frontierLayout(frontier, palette, size));
    if (!listening) listen(figure, { onPick: (url) => location.assign(url) });
    listening = true;
    figure.dataset.ready = "";
  });
} else {
  figure.hidden = true;
}

for (const input of form.querySelectorAll("select, input[type=radio]")) {
  input.addEventListener("change", () => form.requestSubmit());
}
