// @ts-check
// Pages with a curve and a prune form: the model page and the figures under a circuit.

/** @import { CurvePoint } from "./types.js" */
import { need, pageData } from "./dom.js";
import { redrawn } from "./figure_size.js";
import { drawCurve } from "./plot.js";
import { offerTasks, wirePruneForm } from "./prune_form.js";

const form = document.getElementById("prune-form");
if (form && document.body.contains(form) && !document.getElementById("graph")) {
  offerTasks(/** @type {HTMLFormElement} */ (form));
  wirePruneForm(/** @type {HTMLFormElement} */ (form), need("prune-job"));
}

const curve = document.getElementById("curve");
if (curve) {
  const points = /** @type {CurvePoint[]} */ (pageData("curve-data"));
  const target = curve.dataset.target ? Number(curve.dataset.target) : null;
  if (points.length)
    redrawn(curve, () => drawCurve(curve, points, { sizeName: curve.dataset.size ?? "size", target }));
}
