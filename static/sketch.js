// @ts-check
// A circuit's shapes as plain SVG: the picture from the first moment on, until the plotting library is here to draw it.

/** @import { Frame, Shape } from "./types.js" */
import { svg } from "./dom.js";
import { scaleOf } from "./paths.js";

/** From the picture's units, which grow upwards, to pixels. @param {Frame} frame */
export function toPixelsMatrix(frame) {
  const scale = scaleOf(frame);
  return [scale.x, 0, 0, -scale.y, -frame.x[0] * scale.x, frame.y[1] * scale.y];
}

/** The picture, as large as its frame. @param {Shape[]} shapes @param {Frame} frame */
export function sketchOf(shapes, frame) {
  const paths = shapes.map(({ path, line, fill, opacity }) =>
    svg("path", {
      ...{ d: path, fill, opacity, "vector-effect": "non-scaling-stroke" },
      ...{ stroke: line.width ? (line.color ?? "none") : "none", "stroke-width": line.width },
      "stroke-dasharray": line.dash ?? "none",
    }),
  );
  return svg(
    "svg",
    { class: "sketch", width: frame.width, height: frame.height },
    svg("g", { transform: `matrix(${toPixelsMatrix(frame).join(" ")})` }, ...paths),
  );
}
