// @ts-check
// Fewer crossings: the order of the rails and of what stands between them, improved by sifting.
//
// Lines run between rails and items in stages (what a block reads, what it writes); two lines of one stage cross when
// rails and items disagree about their order. Each order in turn is sifted against the other until nothing is gained.

/** Comparisons of two lines that all rounds may cost: a fraction of a second. */
const MAX_PAIRS = 5e6;
const ROUNDS = 8;

/** Lines of one kind, each from a rail to an item. @typedef {{ rails: number[], items: number[] }} Stage */

/**
 * Items of one row, or of the heads of a layer: those of a group stay together.
 * @typedef {{ group: number[], stages: Stage[] }} Lane `group` of each item
 */

/** Where each of 0..n-1 stands in an order. @param {number[]} order */
function placesIn(order) {
  const place = new Int32Array(order.length);
  order.forEach((item, i) => {
    place[item] = i;
  });
  return place;
}

/** @param {Int32Array} array @param {number} i */
const at = (array, i) => /** @type {number} */ (array[i]);

/**
 * Adds to entry [u * n + v] the crossings between lines of u and of v when u stands left of v.
 * @param {Int32Array} costs n by n
 * @param {number} n
 * @param {ArrayLike<number>} things which of the n each line belongs to; -1 for none
 * @param {ArrayLike<number>} places where the other end of each line stands
 */
function addCosts(costs, n, things, places) {
  const byPlace = /** @type {number[][]} */ ([]);
  for (let i = 0; i < things.length; i++) {
    if (Number(things[i]) < 0) continue;
    const group = byPlace[Number(places[i])] ?? [];
    group.push(Number(things[i]));
    byPlace[Number(places[i])] = group;
  }
  const before = new Int32Array(n); // lines of each thing that end further left
  const met = /** @type {number[]} */ ([]);
  for (const group of byPlace) {
    if (!group) continue;
    for (const thing of group)
      for (const other of met) {
        const cell = thing * n + other;
        costs[cell] = at(costs, cell) + at(before, other);
      }
    for (const thing of group) {
      if (at(before, thing) === 0) met.push(thing);
      before[thing] = at(before, thing) + 1;
    }
  }
}

/** Take each out and put it where it crosses least, as near to its place as may be. @param {number[]} order @param {Int32Array} costs */
function sift(order, costs) {
  const n = order.length;
  let best = order;
  for (let pass = 0; pass < 4; pass++) {
    let moved = false;
    for (const item of [...best]) {
      const from = best.indexOf(item);
      const rest = best.toSpliced(from, 1);
      const cost = new Int32Array(n);
      for (let i = 0; i < rest.length; i++) {
        const other = /** @type {number} */ (rest[i]);
        cost[i + 1] = at(cost, i) + at(costs, other * n + item) - at(costs, item * n + other);
      }
      let to = from;
      for (let place = 0; place < n; place++) {
        const gain = at(cost, to) - at(cost, place);
        if (gain > 0 || (gain === 0 && Math.abs(place - from) < Math.abs(to - from))) to = place;
      }
      if (to === from) continue;
      best = rest.toSpliced(to, 0, item);
      moved = true;
    }
    if (!moved) break;
  }
  return best;
}

/** The items of each group, in the order of the groups' first items. @param {number[]} group */
function membersOf(group) {
  const members = /** @type {Map<number, number[]>} */ (new Map());
  group.forEach((g, item) => {
    const found = members.get(g);
    if (found) found.push(item);
    else members.set(g, [item]);
  });
  return [...members.values()];
}

/** A lane's items, groups first, then what is in each; by barycentre, then sifted. @param {Lane} lane @param {Int32Array} railAt */
function orderLane(lane, railAt) {
  const sum = new Float64Array(lane.group.length);
  const mass = new Float64Array(lane.group.length);
  const places = lane.stages.map((stage) => stage.rails.map((rail) => at(railAt, rail)));
  lane.stages.forEach((stage, s) => {
    stage.items.forEach((item, i) => {
      sum[item] = Number(sum[item]) + Number(places[s]?.[i]);
      mass[item] = Number(mass[item]) + 1;
    });
  });
  const middle = (/** @type {number[]} */ items) => {
    const n = items.reduce((total, i) => total + Number(mass[i]), 0);
    return n ? items.reduce((total, i) => total + Number(sum[i]), 0) / n : railAt.length / 2;
  };
  const sorted = (/** @type {number[][]} */ lists) =>
    lists
      .map((list, i) => ({ list, i, key: middle(list) }))
      .sort((one, other) => one.key - other.key || one.i - other.i)
      .map(({ list }) => list);
  /** @param {number} n @param {Int32Array} which */
  const siftBy = (n, which) => {
    const costs = new Int32Array(n * n);
    lane.stages.forEach((stage, s) => {
      addCosts(
        costs,
        n,
        stage.items.map((item) => at(which, item)),
        places[s] ?? [],
      );
    });
    return sift([...Array(n).keys()], costs);
  };
  const groups = sorted(membersOf(lane.group));
  const groupAt = new Int32Array(lane.group.length);
  groups.forEach((list, g) => {
    for (const item of list) groupAt[item] = g;
  });
  return siftBy(groups.length, groupAt).flatMap((g) => {
    const list = sorted((groups[g] ?? []).map((item) => [item])).flat();
    if (list.length < 2) return list;
    const local = new Int32Array(lane.group.length).fill(-1);
    list.forEach((item, i) => {
      local[item] = i;
    });
    return siftBy(list.length, local).map((i) => Number(list[i]));
  });
}

/**
 * Better orders of the rails and of each lane's items, as far as sifting finds them.
 * @param {number[]} rails all of 0..n-1, left to right: the order to begin with
 * @param {Lane[]} lanes
 * @returns {{ rails: number[], items: number[][], crossings: number }}
 */
export function untangle(rails, lanes) {
  const n = rails.length;
  const arrange = (/** @type {number[]} */ order) => {
    const railAt = placesIn(order);
    const items = lanes.map((lane) => orderLane(lane, railAt));
    const costs = new Int32Array(n * n);
    lanes.forEach((lane, l) => {
      const itemAt = placesIn(items[l] ?? []);
      for (const stage of lane.stages) {
        addCosts(
          costs,
          n,
          stage.rails,
          stage.items.map((item) => at(itemAt, item)),
        );
      }
    });
    let crossings = 0;
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) crossings += at(costs, Number(order[i]) * n + Number(order[j]));
    }
    return { rails: order, items, crossings, costs };
  };
  const pairs = lanes.flatMap((lane) => lane.stages).reduce((sum, s) => sum + s.rails.length ** 2, 0);
  let best = arrange(rails);
  for (let round = 1; round <= ROUNDS && pairs * round < MAX_PAIRS; round++) {
    const next = arrange(sift(best.rails, best.costs));
    if (next.crossings >= best.crossings) break;
    best = next;
  }
  return { rails: best.rails, items: best.items, crossings: best.crossings };
}
