// @ts-check
// A picture of shapes as SVG: one path a shape, its data in the picture's own units, moved into the window by a matrix.

/** @import { Frame } from "./types.js" */
import { svg } from "./dom.js";
import { scaleOf } from "./paths.js";

/**
 * One class of lines or outlines.
 * @typedef {object} Shape
 * @property {string} name
 * @property {string} path SVG path data
 * @property {{ color?: string, width: number, dash?: string }} line in pixels
 * @property {string} fill
 * @property {number} opacity
 */

/** @param {Shape} shape */
const drawn = ({ name, path, line, fill, opacity }) =>
  svg("path", {
    ...{ "data-name": name, d: path, fill, opacity },
    ...(line.width && line.color ? { stroke: line.color, "stroke-width": line.width } : {}),
    ...(line.dash ? { "stroke-dasharray": line.dash } : {}),
  });

/** Draw anew what an element holds, as large as the frame. @param {HTMLElement} element @param {Shape[]} shapes @param {Frame} frame */
export function drawPicture(element, shapes, frame) {
  const { width, height, x, y } = frame;
  const scale = scaleOf(frame);
  const transform = `matrix(${scale.x} 0 0 ${-scale.y} ${-x[0] * scale.x} ${y[1] * scale.y})`;
  const size = { class: "picture", width, height, "data-x": x.join(" "), "data-y": y.join(" ") };
  element.replaceChildren(
    svg("svg", { ...size, "aria-hidden": "true" }, svg("g", { transform }, ...shapes.map(drawn))),
  );
}
