// @ts-check
// Between the picture's units and pixels: which part is shown, and how panning, zooming and framing change it. Pure.

/** @import { Frame, Picture, Range } from "./types.js" */

/** @typedef {{ x: Range, y: Range }} Ranges */

/** The least that can be shown: slots across, row heights up. */
const LEAST = { x: 4, y: 3 };

/** @param {Frame} frame @param {number} x @param {number} y @returns {{ x: number, y: number }} pixels from the frame's top left */
export const toPixels = (frame, x, y) => ({
  x: ((x - frame.x[0]) / (frame.x[1] - frame.x[0])) * frame.width,
  y: (1 - (y - frame.y[0]) / (frame.y[1] - frame.y[0])) * frame.height,
});

/** @param {Frame} frame @param {number} px @param {number} py @returns {{ x: number, y: number }} */
export const fromPixels = (frame, px, py) => ({
  x: frame.x[0] + (px / frame.width) * (frame.x[1] - frame.x[0]),
  y: frame.y[1] - (py / frame.height) * (frame.y[1] - frame.y[0]),
});

/** A range no wider than the whole and no narrower than `least`, moved so that it lies inside. @param {Range} range @param {Range} whole @param {number} least @returns {Range} */
function inside([low, high], whole, least) {
  const all = whole[1] - whole[0];
  if (high - low >= all || least >= all) return whole;
  const size = Math.max(least, high - low);
  const start = Math.min(whole[1] - size, Math.max(whole[0], (low + high - size) / 2));
  return [start, start + size];
}

/** @param {Ranges} ranges @param {Picture} picture @returns {Ranges} */
export const clamped = ({ x, y }, picture) => ({
  x: inside(x, picture.x, LEAST.x),
  y: inside(y, picture.y, LEAST.y),
});

/**
 * Larger or smaller about a point that stays in place.
 * @param {Frame} frame
 * @param {number} factor of what is shown: under 1 zooms in
 * @param {number} px
 * @param {number} py
 * @returns {Ranges}
 */
export function zoomed(frame, factor, px, py) {
  const at = fromPixels(frame, px, py);
  const about = (/** @type {Range} */ [low, high], /** @type {number} */ fixed) =>
    /** @type {Range} */ ([fixed + (low - fixed) * factor, fixed + (high - fixed) * factor]);
  return { x: about(frame.x, at.x), y: about(frame.y, at.y) };
}

/** @param {Frame} frame @param {number} dx pixels that the picture moves to the right @param {number} dy and down @returns {Ranges} */
export function panned(frame, dx, dy) {
  const x = (dx / frame.width) * (frame.x[1] - frame.x[0]);
  const y = (dy / frame.height) * (frame.y[1] - frame.y[0]);
  return { x: [frame.x[0] - x, frame.x[1] - x], y: [frame.y[0] + y, frame.y[1] + y] };
}

/** What shows all of some places, with room around them. @param {{ x: number, y: number }[]} places @returns {Ranges} */
export function framing(places) {
  const spread = (/** @type {number[]} */ values, /** @type {number} */ least) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = Math.max(0.12 * (high - low), (least - (high - low)) / 2, 1.5);
    return /** @type {Range} */ ([low - room, high + room]);
  };
  return {
    x: spread(
      places.map((p) => p.x),
      10,
    ),
    y: spread(
      places.map((p) => p.y),
      7,
    ),
  };
}

/** Ranges that show a place, moved no further than needed; null where it shows already. @param {Ranges} ranges @param {{ x: number, y: number }} place @returns {Ranges | null} */
export function revealing({ x, y }, place) {
  const move = (/** @type {Range} */ [low, high], /** @type {number} */ value) => {
    const room = (high - low) * 0.08;
    const by = value < low + room ? value - low - room : value > high - room ? value - high + room : 0;
    return /** @type {Range} */ ([low + by, high + by]);
  };
  const moved = { x: move(x, place.x), y: move(y, place.y) };
  return moved.x[0] === x[0] && moved.y[0] === y[0] ? null : moved;
}

/** Whether some of the picture is out of sight. @param {Ranges} ranges @param {Picture} picture */
export const isPart = ({ x, y }, picture) =>
  x[1] - x[0] < 0.97 * (picture.x[1] - picture.x[0]) || y[1] - y[0] < 0.97 * (picture.y[1] - picture.y[0]);

/** A frame with room around it in the same scale, so that a small pan shows no edge. @param {Frame} frame @param {number} share of its size, on each side @returns {Frame} */
export function overscanned(frame, share) {
  const grow = (/** @type {Range} */ [low, high]) =>
    /** @type {Range} */ ([low - (high - low) * share, high + (high - low) * share]);
  const size = (/** @type {number} */ length) => Math.round(length * (1 + 2 * share));
  return { width: size(frame.width), height: size(frame.height), x: grow(frame.x), y: grow(frame.y) };
}
