// @ts-check
// What lies under the pointer: the nearest point, else the nearest line, in pixels. Pure.

/** @import { Bundle, Frame, Picture } from "./types.js" */
import { toPixels } from "./camera.js";
import { along } from "./paths.js";

const LINE_PX = 5;
const SAMPLES = 16;

/** @param {Picture} picture @param {Frame} frame @param {number} px @param {number} py @param {number} reach pixels @param {(id: string) => boolean} isShown */
export function pointAt(picture, frame, px, py, reach, isShown) {
  let best = /** @type {string | null} */ (null);
  let least = reach;
  for (const point of picture.points.values()) {
    const at = toPixels(frame, point.x, point.y);
    const wide = point.kind === "group" || point.kind === "logit" ? 12 : 0;
    const distance = Math.max(0, Math.hypot(at.x - px, at.y - py) - wide);
    if (distance >= least || !isShown(point.id)) continue;
    least = distance;
    best = point.id;
  }
  return best;
}

/** @param {{ x: number, y: number }} a @param {{ x: number, y: number }} b @param {number} px @param {number} py */
function toSegment(a, b, px, py) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const t = Math.max(0, Math.min(1, ((px - a.x) * dx + (py - a.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(a.x + t * dx - px, a.y + t * dy - py);
}

/** @param {Bundle[]} bundles @param {Picture} picture @param {Frame} frame @param {number} px @param {number} py */
export function bundleAt(bundles, picture, frame, px, py) {
  let best = /** @type {Bundle | null} */ (null);
  let least = LINE_PX;
  for (const bundle of bundles) {
    const [a, b] = [picture.points.get(bundle.source), picture.points.get(bundle.target)];
    if (!a || !b) continue;
    const [from, to] = [toPixels(frame, a.x, a.y), toPixels(frame, b.x, b.y)];
    const outside = (/** @type {number} */ value, /** @type {number} */ one, /** @type {number} */ other) =>
      value < Math.min(one, other) - LINE_PX || value > Math.max(one, other) + LINE_PX;
    if (outside(px, from.x, to.x) || outside(py, from.y, to.y)) continue;
    let last = from;
    for (let i = 1; i <= SAMPLES; i++) {
      const next = along(from, to, i / SAMPLES);
      const distance = toSegment(last, next, px, py);
      if (distance < least) [least, best] = [distance, bundle];
      last = next;
    }
  }
  return best;
}

/** Points inside a box of pixels. @param {Picture} picture @param {Frame} frame @param {{ x0: number, y0: number, x1: number, y1: number }} box @param {(id: string) => boolean} isShown */
export function pointsIn(picture, frame, box, isShown) {
  const within = (/** @type {number} */ value, /** @type {number} */ one, /** @type {number} */ other) =>
    value >= Math.min(one, other) && value <= Math.max(one, other);
  return [...picture.points.values()]
    .filter((point) => {
      const at = toPixels(frame, point.x, point.y);
      return within(at.x, box.x0, box.x1) && within(at.y, box.y0, box.y1) && isShown(point.id);
    })
    .map((point) => point.id);
}
