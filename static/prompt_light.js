// @ts-check
// Light for the graph from activations: at one token of a prompt, or where two prompts differ.

/** @import { Contrast, PromptTrace, Which } from "./panel_types.js" */
/** @import { Light } from "./light.js" */
import { siteOf } from "./format.js";
import { lightOf } from "./light.js";

/** What the legend says of such light. @param {string} what */
export const scaleOf = (what) => ({
  max: 1,
  words: `${what}, of the largest at its kind of site (square-root scale)`,
});

/**
 * Values of nodes, each on the scale of the largest magnitude at its kind of site.
 * @param {{ id: string, value: number, all: number[] }[]} nodes a value each, and all that the scale is taken from
 * @returns {Light}
 */
function scaled(nodes) {
  const scales = /** @type {Map<string, number>} */ (new Map());
  for (const { id, all } of nodes) {
    const site = siteOf(id);
    scales.set(site, Math.max(scales.get(site) ?? 0, ...all.map(Math.abs)));
  }
  return lightOf(nodes.map(({ id, value }) => ({ id, value, scale: scales.get(siteOf(id)) ?? 0 })));
}

/** Every node's activation at one token. @param {PromptTrace} trace @param {Which} which @param {number} token */
export const lightAt = (trace, which, token) =>
  scaled(
    trace.nodes.map((id, row) => {
      const all = trace[which].activations[row] ?? [];
      return { id, value: all[token] ?? 0, all };
    }),
  );

/**
 * What differs between two prompts at one aligned place, or with null wherever each node differs most.
 * @param {Contrast} contrast
 * @param {Which} which
 * @param {number | null} place
 */
export const lightOfContrast = (contrast, which, place) =>
  scaled(
    contrast.nodes
      .map((node) => {
        const all = node[which];
        return { id: node.node, value: place === null ? largest(all) : (all[place] ?? 0), all };
      })
      .filter(({ value }) => Math.abs(value) > 1e-5),
  );

/** The value of largest magnitude. @param {number[]} values */
export const largest = (values) =>
  values.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
