// @ts-check
// Nodes lit by values of the moment, such as their activations at one token, in place of their effects.

/** Ids and their values from -1 to 1; what is not in it stays dark. @typedef {Map<string, number>} Light */
/**
 * Values as light: each on the scale of the largest magnitude of its site, so that sites of different size compare.
 * @param {{ id: string, value: number, scale: number }[]} values
 * @returns {Light}
 */
export const lightOf = (values) =>
  new Map(values.map(({ id, value, scale }) => [id, scale > 0 ? value / scale : 0]));
