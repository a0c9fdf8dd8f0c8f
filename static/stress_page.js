// @ts-check
// The stress lab: the curves of the sweep that is shown.

/** @import { StressCurve } from "./card_types.js" */
import { need, pageData } from "./dom.js";
import { redrawn } from "./figure_size.js";
import { readPalette } from "./palette.js";
import { draw } from "./plot.js";
import { keyFigure, stressFigure } from "./stress_figure.js";

const curve = /** @type {StressCurve | null} */ (pageData("page-data"));
if (curve?.points.length) {
  const figures = /** @type {const} */ ([
    ["stress-accuracy", stressFigure],
    ["stress-key", keyFigure],
  ]);
  for (const [id, figureOf] of figures) {
    if (id === "stress-key" && !curve.key_node) continue;
    const element = need(id);
    redrawn(element, async () => {
      await draw(element, ...figureOf(curve, readPalette()));
      element.dataset.ready = "";
    });
  }
}
