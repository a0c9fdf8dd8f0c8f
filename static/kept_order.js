// @ts-check
// The order of an earlier picture, for a circuit that has more: what was there keeps its order, what is new stands
// where its neighbours do.

/** @typedef {import("./columns.js").Columns} Columns */
/** @typedef {{ channel: number, item: string }} Pair a rail and what stands between rails, joined by an edge */

/** How often places are handed on: from what was there to its neighbours, from those to theirs. */
const ROUNDS = 4;

const mean = (/** @type {number[]} */ values) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Gives a place to each key that has none and has neighbours with one: their middle.
 * @template A, B @param {Map<A, number>} places @param {Map<A, B[]>} neighbours @param {Map<B, number>} theirs
 */
function handOn(places, neighbours, theirs) {
  for (const [key, others] of neighbours) {
    const known = others.flatMap((other) => theirs.get(other) ?? []);
    if (!places.has(key) && known.length) places.set(key, mean(known));
  }
}

/** @template A, B @param {Iterable<[A, B]>} pairs @returns {Map<A, B[]>} */
function listed(pairs) {
  const found = /** @type {Map<A, B[]>} */ (new Map());
  for (const [key, value] of pairs) found.set(key, [...(found.get(key) ?? []), value]);
  return found;
}

/**
 * @param {Pick<Columns, "rails" | "x">} kept the earlier picture's
 * @param {number[]} channels all rails there are now
 * @param {Pair[]} pairs
 * @returns {{ channels: number[], place: Map<string, number> }} rails from left to right; places of items, to compare
 */
export function keptOrder(kept, channels, pairs) {
  const rails = new Map(kept.rails);
  const items = new Map(kept.x);
  const itemsOf = listed(pairs.map(({ channel, item }) => [channel, item]));
  const railsOf = listed(pairs.map(({ channel, item }) => [item, channel]));
  for (let round = 0; round < ROUNDS; round++) {
    handOn(items, railsOf, rails);
    handOn(rails, itemsOf, items);
  }
  const placeOf = (/** @type {number} */ channel) => rails.get(channel) ?? Number.MAX_VALUE;
  const isNew = (/** @type {number} */ channel) => Number(!kept.rails.has(channel));
  const ordered = [...channels].sort((a, b) => placeOf(a) - placeOf(b) || isNew(a) - isNew(b) || a - b);
  return { channels: ordered, place: items };
}
