// @ts-check
// Two problems on a line: which order crosses least, and how to stand apart without moving far.

/** Work that sifting may cost: about a tenth of a second. */
const SIFT_STEPS = 1e7;

/**
 * A weighted pair of a rail (residual channel) and an item (neuron or head).
 * @typedef {{ rail: number, item: number, weight: number }} Tie
 */

/** @param {number} n @param {Tie[]} ties @param {"rail" | "item"} side @param {Float64Array} other */
function barycentres(n, ties, side, other) {
  const sum = new Float64Array(n);
  const mass = new Float64Array(n);
  for (const tie of ties) {
    const [here, there] = side === "rail" ? [tie.rail, tie.item] : [tie.item, tie.rail];
    sum[here] = /** @type {number} */ (sum[here]) + tie.weight * /** @type {number} */ (other[there]);
    mass[here] = /** @type {number} */ (mass[here]) + tie.weight;
  }
  return sum.map((value, i) => (mass[i] ? value / /** @type {number} */ (mass[i]) : Number.NaN));
}

/** Positions 0..n-1 by key; equal keys keep the order of the indices. @param {Float64Array} key */
function ranks(key) {
  const order = [...key.keys()].sort((a, b) => Number(key[a]) - Number(key[b]) || a - b);
  const rank = new Float64Array(key.length);
  order.forEach((i, place) => {
    rank[i] = place;
  });
  return rank;
}

/** @param {Float64Array} rank @param {number} nItems @param {Tie[]} ties */
function length(rank, nItems, ties) {
  const at = barycentres(nItems, ties, "item", rank);
  return ties.reduce((sum, t) => sum + t.weight * Math.abs(Number(rank[t.rail]) - Number(at[t.item])), 0);
}

/**
 * An order of the rails in which tied rails and items lie close: repeated barycentres, the common drift
 * taken out, then barycentres of ranks; the shortest order seen wins. Rails without ties go last.
 * @param {number} nRails
 * @param {number} nItems
 * @param {Tie[]} ties
 * @returns {number[]} rail indices, left to right
 */
export function orderRails(nRails, nItems, ties) {
  let key = Float64Array.from({ length: nRails }, (_, i) => i - (nRails - 1) / 2);
  let best = ranks(key);
  let bestLength = length(best, nItems, ties);
  const consider = (/** @type {Float64Array} */ values) => {
    const rank = ranks(values.map((value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)));
    const size = length(rank, nItems, ties);
    if (size < bestLength - 1e-9) [best, bestLength] = [rank, size];
    return rank;
  };
  const degree = new Float64Array(nRails);
  for (const tie of ties) degree[tie.rail] = Number(degree[tie.rail]) + tie.weight;
  const total = degree.reduce((a, b) => a + b, 0) || 1;
  for (let round = 0; round < 60; round++) {
    const next = barycentres(nRails, ties, "rail", barycentres(nItems, ties, "item", key));
    const mean = next.reduce((sum, v, i) => sum + (degree[i] ? v * Number(degree[i]) : 0), 0) / total;
    const centred = next.map((value) => value - mean);
    const size = Math.sqrt(centred.reduce((sum, v) => sum + (Number.isNaN(v) ? 0 : v * v), 0)) || 1;
    key = centred.map((value) => value / size);
    if (round % 10 === 9) consider(key);
    key = key.map((value) => (Number.isNaN(value) ? 0 : value));
  }
  let rank = best;
  for (let round = 0; round < 8; round++) {
    rank = consider(barycentres(nRails, ties, "rail", barycentres(nItems, ties, "item", rank)));
  }
  const order = [...best.keys()].sort((a, b) => Number(best[a]) - Number(best[b]));
  return sift(order, nItems, ties);
}

/** The ties of each of n, in the order given. @param {number} n @param {Tie[]} ties @param {"rail" | "item"} side */
function tiesBy(n, ties, side) {
  const found = Array.from({ length: n }, () => /** @type {Tie[]} */ ([]));
  for (const tie of ties) found[tie[side]]?.push(tie);
  return found;
}

/** What one item adds to the length: its ties' distances from their barycentre. @param {Tie[]} ties @param {Float64Array} rank */
function reach(ties, rank) {
  let [sum, mass, total] = [0, 0, 0];
  for (const tie of ties) {
    sum += tie.weight * Number(rank[tie.rail]);
    mass += tie.weight;
  }
  for (const tie of ties) total += tie.weight * Math.abs(Number(rank[tie.rail]) - sum / mass);
  return total;
}

/**
 * Take each rail out and put it where the whole is shortest. It passes the others one by one, and each time only the
 * items of the two that change places are measured anew.
 * @param {number[]} order @param {number} nItems @param {Tie[]} ties
 */
function sift(order, nItems, ties) {
  const n = order.length;
  if (n * n * ties.length > SIFT_STEPS) return order;
  const ofItem = tiesBy(nItems, ties, "item");
  const itemsOf = tiesBy(n, ties, "rail").map((list) => [...new Set(list.map((tie) => tie.item))]);
  const rank = new Float64Array(n);
  const lengths = new Float64Array(nItems);
  const remeasure = (/** @type {number[]} */ items) => {
    let change = 0;
    for (const item of items) {
      const now = reach(ofItem[item] ?? [], rank);
      change += now - Number(lengths[item]);
      lengths[item] = now;
    }
    return change;
  };
  const everything = [...ofItem.keys()];
  const measure = (/** @type {number[]} */ list) => {
    list.forEach((rail, place) => {
      rank[rail] = place;
    });
    remeasure(everything);
    return lengths.reduce((sum, value) => sum + value, 0);
  };
  let [best, bestLength] = [order, measure(order)];
  for (const rail of order) {
    const rest = best.filter((other) => other !== rail);
    let size = measure([rail, ...rest]);
    for (let place = 0; place < n; place++) {
      if (place > 0) {
        const passed = Number(rest[place - 1]);
        [rank[rail], rank[passed]] = [place, place - 1];
        size += remeasure([...new Set([...(itemsOf[rail] ?? []), ...(itemsOf[passed] ?? [])])]);
      }
      if (size < bestLength - 1e-9) [best, bestLength] = [rest.toSpliced(place, 0, rail), size];
    }
  }
  return best;
}

/**
 * Left edges on a grid of whole slots, in the given order, `gap` apart, inside [0, slots], as near as
 * they can be to the wanted centres (least squares: pool adjacent violators, then round).
 * @param {{ centre: number, width: number }[]} items sorted by centre
 * @param {number} slots
 * @param {number} [gap]
 * @returns {number[]}
 */
export function spread(items, slots, gap = 0) {
  const offsets = /** @type {number[]} */ ([]);
  let used = 0;
  for (const item of items) {
    offsets.push(used);
    used += item.width + gap;
  }
  const room = Math.max(0, slots - (used - gap));
  const blocks = /** @type {{ sum: number, n: number }[]} */ ([]);
  items.forEach((item, i) => {
    let block = { sum: item.centre - item.width / 2 - Number(offsets[i]), n: 1 };
    for (let last = blocks.at(-1); last && last.sum / last.n >= block.sum / block.n; last = blocks.at(-1)) {
      block = { sum: last.sum + block.sum, n: last.n + block.n };
      blocks.pop();
    }
    blocks.push(block);
  });
  const places = /** @type {number[]} */ ([]);
  for (const block of blocks) {
    const left = Math.min(room, Math.max(0, Math.round(block.sum / block.n)));
    for (let i = 0; i < block.n; i++) places.push(left + Number(offsets[places.length]));
  }
  return places;
}
