// @ts-check
// SVG path data in the picture's own units: curves between rows, marks on them, symbols of a size in pixels.

/** @import { Frame } from "./types.js" */

/** @typedef {{ x: number, y: number }} Place */

const n = (/** @type {number} */ value) => Math.round(value * 1000) / 1000;

/** Pixels of one slot and of one row height. @param {Frame} frame */
export const scaleOf = (frame) => ({
  x: frame.width / (frame.x[1] - frame.x[0]),
  y: frame.height / (frame.y[1] - frame.y[0]),
});

/** A line that leaves and arrives upright; straight where it can be. @param {Place} a @param {Place} b */
export function curve(a, b) {
  if (a.x === b.x) return `M${n(a.x)},${n(a.y)}L${n(b.x)},${n(b.y)}`;
  const mid = n((a.y + b.y) / 2);
  return `M${n(a.x)},${n(a.y)}C${n(a.x)},${mid} ${n(b.x)},${mid} ${n(b.x)},${n(b.y)}`;
}

/** A point of that line. @param {Place} a @param {Place} b @param {number} t from 0 to 1 */
export const along = (a, b, t) => ({
  x: a.x + (b.x - a.x) * (3 * t * t - 2 * t * t * t),
  y: a.y + (b.y - a.y) * (1.5 * t * (1 - t) + t * t * t),
});

/** A short bar across the middle of that line. @param {Place} a @param {Place} b @param {{ x: number, y: number }} scale @param {number} px half its length */
export function bar(a, b, scale, px) {
  const [dx, dy] = [1.5 * (b.x - a.x) * scale.x, 0.75 * (b.y - a.y) * scale.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [((-dy / length) * px) / scale.x, ((dx / length) * px) / scale.y];
  const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  return `M${n(x - ux)},${n(y - uy)}L${n(x + ux)},${n(y + uy)}`;
}

/** @param {Place} a @param {Place} b */
export const straight = (a, b) => `M${n(a.x)},${n(a.y)}L${n(b.x)},${n(b.y)}`;

/** @param {{ x0: number, x1: number, y0: number, y1: number }} box */
export const box = ({ x0, x1, y0, y1 }) =>
  `M${n(x0)},${n(y0)}L${n(x1)},${n(y0)}L${n(x1)},${n(y1)}L${n(x0)},${n(y1)}Z`;

/** How far a circle's handles stand from its quarters. */
const ROUND = 0.5523;

/** @param {Place} at @param {number} rx @param {number} ry */
export function ellipse({ x, y }, rx, ry) {
  const [cx, cy] = [rx * ROUND, ry * ROUND];
  const p = (/** @type {number} */ dx, /** @type {number} */ dy) => `${n(x + dx)},${n(y + dy)}`;
  return (
    `M${p(rx, 0)}C${p(rx, cy)} ${p(cx, ry)} ${p(0, ry)}C${p(-cx, ry)} ${p(-rx, cy)} ${p(-rx, 0)}` +
    `C${p(-rx, -cy)} ${p(-cx, -ry)} ${p(0, -ry)}C${p(cx, -ry)} ${p(rx, -cy)} ${p(rx, 0)}Z`
  );
}

/** @param {Place} at @param {number} rx @param {number} ry */
export const diamond = ({ x, y }, rx, ry) =>
  `M${n(x)},${n(y - ry)}L${n(x + rx)},${n(y)}L${n(x)},${n(y + ry)}L${n(x - rx)},${n(y)}Z`;

/** Two crossed strokes. @param {Place} at @param {number} rx @param {number} ry */
export const cross = ({ x, y }, rx, ry) =>
  `M${n(x - rx)},${n(y - ry)}L${n(x + rx)},${n(y + ry)}M${n(x - rx)},${n(y + ry)}L${n(x + rx)},${n(y - ry)}`;
