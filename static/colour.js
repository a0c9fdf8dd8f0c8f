// @ts-check
// One vocabulary of sign: warm is positive, cool is negative, neutral is zero. Colours in, colours out.

/** @import { Palette } from "./types.js" */

/** @param {string} colour `#rrggbb` or `rgb(...)` @returns {[number, number, number]} */
export function parse(colour) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  const parts = hex
    ? hex.slice(1).map((h) => Number.parseInt(h, 16))
    : (colour.match(/[\d.]+/g) ?? []).map(Number);
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0];
}

/** The colour a fraction `t` of the way from `a` to `b`. @param {string} a @param {string} b @param {number} t */
export function mix(a, b, t) {
  const [from, to] = [parse(a), parse(b)];
  const part = (/** @type {0 | 1 | 2} */ i) => Math.round(from[i] + (to[i] - from[i]) * t);
  return `rgb(${part(0)}, ${part(1)}, ${part(2)})`;
}

/** @param {string} colour @param {number} alpha */
export const fade = (colour, alpha) => `rgba(${parse(colour).join(", ")}, ${alpha})`;

/**
 * Where a value lies on the scale from -1 to 1: a signed square root, so that small effects still show.
 * @param {number} value
 * @param {number} max the largest magnitude of the scale
 */
export function place(value, max) {
  if (!(max > 0)) return 0;
  return Math.sign(value) * Math.sqrt(Math.min(1, Math.abs(value) / max));
}

/** @param {number} value @param {number} max @param {Palette} palette */
export function diverging(value, max, palette) {
  const t = place(value, max);
  return mix(palette.neutral, t < 0 ? palette.negative : palette.positive, Math.abs(t));
}

/** Black or white, whichever reads better on a colour (WCAG relative luminance). @param {string} colour */
export function inkOn(colour) {
  const [r, g, b] = parse(colour).map((c) =>
    c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
  );
  const luminance = 0.2126 * Number(r) + 0.7152 * Number(g) + 0.0722 * Number(b);
  return luminance > 0.179 ? "#000000" : "#ffffff";
}
