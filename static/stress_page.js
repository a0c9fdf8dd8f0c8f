// @ts-check
// The stress lab: the curves of the sweep that is shown.

/** @import { StressCurve } from "./card_types.js" */
import { stressFigure } from "./card_figures.js";
import { need, pageData } from "./dom.js";
import { redrawn } from "./figure_size.js";
import { readPalette } from "./palette.js";
import { draw } from "./plot.js";

const curve = /** @type {StressCurve | null} */ (pageData("page-data"));
if (curve?.points.length) {
  for (const [id, key] of /** @type {const} */ ([
    ["stress-accuracy", false],
    ["stress-key", true],
  ])) {
    if (key && !curve.key_node) continue;
    const element = need(id);
    redrawn(element, async () => {
      await draw(element, ...stressFigure(curve, readPalette(), key));
      element.dataset.ready = "";
    });
  }
}
