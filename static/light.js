// @ts-check
// Nodes lit by values of the moment, such as their activations at one token, in place of their effects.

/** @import { Palette } from "./types.js" */
import { diverging, place } from "./colour.js";

/** Ids and their values from -1 to 1; what is not in it stays dark. @typedef {Map<string, number>} Light */
/** @typedef {{ name?: string, customdata?: string[], marker?: any }} Trace */

/**
 * The picture's traces with its nodes coloured and sized by values; the others as they are.
 * @param {Trace[]} traces
 * @param {Light} light
 * @param {Palette} palette
 */
export const litTraces = (traces, light, palette) =>
  traces.map((trace) => {
    if (trace.name !== "nodes" || !trace.customdata) return trace;
    const values = trace.customdata.map((id) => light.get(id));
    const sizes = /** @type {number[]} */ (trace.marker.size);
    return {
      ...trace,
      marker: {
        ...trace.marker,
        color: values.map((value) => (value === undefined ? palette.surface : diverging(value, 1, palette))),
        size: sizes.map((size, i) => size * (0.6 + 0.9 * Math.abs(place(values[i] ?? 0, 1)))),
        opacity: values.map((value) => (value === undefined ? 0.25 : 1)),
      },
    };
  });

/**
 * Values as light: each on the scale of the largest magnitude of its site, so that sites of different size compare.
 * @param {{ id: string, value: number, scale: number }[]} values
 * @returns {Light}
 */
export const lightOf = (values) =>
  new Map(values.map(({ id, value, scale }) => [id, scale > 0 ? value / scale : 0]));
