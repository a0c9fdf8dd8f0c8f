// @ts-check
// Where everything stands from left to right, counted in slots; it does not depend on what is collapsed or hidden.
//
// Residual channels stand on whole multiples of the rail spacing, so that all nodes of one channel share a vertical
// line; neurons and head channels stand on half slots between.

/** @import { CircuitDetail, CircuitNode } from "./types.js" */
import { crossingsOf } from "./crossings.js";
import { foldOf } from "./fold.js";
import { railOf, siteOf } from "./format.js";
import { keptOrder } from "./kept_order.js";
import { orderRails, spread } from "./order.js";
import { isHead, rowsOf } from "./rows.js";
import { untangle } from "./untangle.js";

/** Up to so many edges three orders are tried and their crossings counted: milliseconds. */
const FEW_EDGES = 150;

/** @typedef {import("./order.js").Tie} Tie */
/** @typedef {import("./untangle.js").Stage} Stage */

/**
 * @typedef {object} Columns
 * @property {Map<string, number>} x of nodes and embedding channels
 * @property {Map<number, number>} rails x by residual channel
 * @property {{ layer: number, head: number, x0: number, x1: number }[]} boxes around heads
 * @property {number} slots
 * @property {number} span from the first rail to the last
 */

/** What stands between rails as a whole: a neuron by itself, or a head. @param {CircuitNode} node */
function groupKey(node) {
  const kind = siteOf(node.id);
  if (isHead(kind)) return `${node.layer}.head${node.head}`;
  return kind === "mlp.post_act" ? node.id : null;
}

/** What stands in one column: a neuron, a v channel, or the q and k channels that meet. @param {CircuitNode} node */
function columnKey(node) {
  const kind = siteOf(node.id);
  if (kind === "attn.q" || kind === "attn.k") return `${node.layer}.qk:${node.index}`;
  return kind === "mlp.post_act" || kind === "attn.v" ? node.id : null;
}

/** @template K @param {Map<K, number>} numbers @param {K} key */
function numberOf(numbers, key) {
  const found = numbers.get(key) ?? numbers.size;
  numbers.set(key, found);
  return found;
}

/** Edges between a rail and what stands between rails. @param {CircuitDetail} circuit */
function spokesOf(circuit) {
  const byId = new Map(circuit.nodes.map((node) => [node.id, node]));
  return circuit.edges.flatMap((edge) => {
    const ends = [byId.get(edge.source), byId.get(edge.target)];
    const rail = ends.find((node) => node && railOf(node.id) !== null);
    const item = ends.find((node) => node && railOf(node.id) === null);
    if (!rail || !item) return [];
    return [{ channel: Number(railOf(rail.id)), rail, item, weight: Math.abs(edge.weight) }];
  });
}

const newLane = () => ({
  group: /** @type {number[]} */ ([]),
  stages: /** @type {Map<string, Stage>} */ (new Map()),
  keys: /** @type {Map<string, number>} */ (new Map()),
  groups: /** @type {Map<string, number>} */ (new Map()),
});

/** @typedef {{ spokes: ReturnType<typeof spokesOf>, channels: number[], place: Map<string, number> }} Order */

/**
 * Orders of the rails and columns that cross little: one sifted from rails that lie close to their neurons and heads
 * and, where there are few edges, one sifted from the order of indices and that order itself.
 * @param {CircuitDetail} circuit @returns {Order[]}
 */
function ordersOf(circuit) {
  const spokes = spokesOf(circuit);
  const channels = new Set(circuit.terminals.filter((t) => t.kind === "embed").map((t) => t.index));
  const groups = /** @type {Map<string, number>} */ (new Map());
  const lanes = /** @type {Map<string, ReturnType<typeof newLane>>} */ (new Map());
  for (const node of circuit.nodes) {
    const [channel, group, column] = [railOf(node.id), groupKey(node), columnKey(node)];
    if (channel !== null) channels.add(channel);
    if (group === null || column === null) continue;
    numberOf(groups, group);
    const name = `${node.layer}.${siteOf(node.id).split(".")[0]}`;
    const lane = lanes.get(name) ?? newLane();
    lane.group[numberOf(lane.keys, column)] = numberOf(lane.groups, group);
    lanes.set(name, lane);
  }
  const rails = [...channels].sort((a, b) => a - b);
  const railAt = new Map(rails.map((channel, i) => [channel, i]));
  const ties = /** @type {Tie[]} */ ([]);
  for (const { channel, rail, item, weight } of spokes) {
    const at = Number(railAt.get(channel));
    const group = Number(groups.get(String(groupKey(item))));
    ties.push({ rail: at, item: group, weight: Math.sqrt(weight) + 1e-6 });
    const lane = lanes.get(`${item.layer}.${siteOf(item.id).split(".")[0]}`);
    const column = lane?.keys.get(String(columnKey(item)));
    if (!lane || column === undefined) continue;
    const name = `${siteOf(rail.id)} ${siteOf(item.id)}`;
    const stage = lane.stages.get(name) ?? { rails: [], items: [] };
    stage.rails.push(at);
    stage.items.push(column);
    lane.stages.set(name, stage);
  }
  const all = [...lanes.values()];
  const flat = all.map(({ group, stages }) => ({ group, stages: [...stages.values()] }));
  const order = (/** @type {number[]} */ channels, /** @type {number[][]} */ items) => {
    const place = /** @type {Map<string, number>} */ (new Map());
    all.forEach((lane, l) => {
      const at = new Map(items[l]?.map((item, i) => [item, i]));
      for (const [key, item] of lane.keys) place.set(key, Number(at.get(item)));
    });
    return { spokes, channels: channels.map((i) => Number(rails[i])), place };
  };
  const near = untangle(orderRails(rails.length, groups.size, ties), flat);
  if (circuit.edges.length > FEW_EDGES) return [order(near.rails, near.items)];
  const asNumbered = [...rails.keys()];
  const sifted = untangle(asNumbered, flat);
  return [
    order(near.rails, near.items),
    order(sifted.rails, sifted.items),
    order(
      asNumbered,
      all.map(({ keys }) => [...keys.values()].sort((a, b) => a - b)),
    ),
  ];
}

/** @typedef {{ layer: number, head: number, qk: number[], q: string[], k: string[], v: string[], width: number }} Head */

/** The kept heads with their columns. @param {CircuitNode[]} nodes @returns {Head[]} by layer and head */
function headsOf(nodes) {
  const heads = /** @type {Map<string, Head>} */ (new Map());
  for (const node of nodes) {
    if (!isHead(siteOf(node.id))) continue;
    const key = String(groupKey(node));
    const head = heads.get(key) ?? {
      ...{ layer: node.layer, head: Number(node.head) },
      ...{ qk: [], q: [], k: [], v: [], width: 0 },
    };
    const letter = /** @type {"q" | "k" | "v"} */ (node.id.split(":")[0]?.slice(-1));
    head[letter].push(node.id);
    if (letter !== "v" && !head.qk.includes(node.index)) head.qk.push(node.index);
    head.width = Math.max(head.qk.length, head.v.length);
    heads.set(key, head);
  }
  return [...heads.values()].sort((a, b) => a.layer - b.layer || a.head - b.head);
}

/** @template T @param {T[]} list @param {(item: T) => number} key */
const sortedBy = (list, key) =>
  list
    .map((item, i) => ({ item, i, k: key(item) }))
    .sort((a, b) => a.k - b.k || a.i - b.i)
    .map(({ item }) => item);

/** Lists of items by a key, in the order of the keys' first items. @template T @param {T[]} list @param {(item: T) => number} key */
function byLayer(list, key) {
  const found = /** @type {Map<number, T[]>} */ (new Map());
  for (const item of list) found.set(key(item), [...(found.get(key(item)) ?? []), item]);
  return [...found.values()];
}

/** The rails and columns in the order that an earlier picture had them. @param {CircuitDetail} circuit @param {Columns} kept */
function orderAfter(circuit, kept) {
  const spokes = spokesOf(circuit);
  const here = [...circuit.nodes.map((node) => node.id), ...circuit.terminals.map((end) => end.id)];
  const rails = [...new Set(here.map(railOf).filter((channel) => channel !== null))];
  const pairs = spokes.map(({ channel, item }) => ({ channel, item: item.id }));
  const { channels, place: placeOf } = keptOrder(kept, rails, pairs);
  const place = /** @type {Map<string, number>} */ (new Map());
  for (const node of circuit.nodes) {
    const [column, at] = [columnKey(node), placeOf.get(node.id)];
    if (column !== null && at !== undefined) place.set(column, Math.min(at, place.get(column) ?? at));
  }
  return { spokes, channels, place };
}

/**
 * Of the orders that there are the one that crosses least once all stands in its place.
 * @param {CircuitDetail} circuit @param {Columns | null} [kept] an earlier picture's, whose order is kept @returns {Columns}
 */
export function columnsOf(circuit, kept = null) {
  const [first, ...others] = (kept ? [orderAfter(circuit, kept)] : ordersOf(circuit)).map((order) =>
    columnsIn(circuit, order),
  );
  let best = /** @type {Columns} */ (first);
  if (!others.length) return best;
  const rows = rowsOf(circuit, foldOf(circuit.nodes, []));
  const y = new Map(rows.flatMap((row) => row.ids.map((id) => [id, row.y])));
  const crossings = (/** @type {Columns} */ { x }) =>
    crossingsOf(new Map([...x].map(([id, at]) => [id, { x: at, y: Number(y.get(id)) }])), circuit.edges);
  let least = crossings(best);
  for (const columns of others) {
    const n = crossings(columns);
    if (n < least) [best, least] = [columns, n];
  }
  return best;
}

/** Where all stands in a given order. @param {CircuitDetail} circuit @param {Order} order @returns {Columns} */
function columnsIn(circuit, { spokes, channels, place }) {
  const heads = byLayer(headsOf(circuit.nodes), (head) => head.layer);
  const neurons = byLayer(
    circuit.nodes.filter((node) => siteOf(node.id) === "mlp.post_act"),
    (node) => node.layer,
  );
  const widest = Math.max(
    0,
    ...neurons.map((row) => row.length),
    ...heads.map((row) => row.reduce((sum, head) => sum + head.width + 1, -1)),
  );
  const step = channels.length > 1 ? Math.max(1, Math.ceil((widest - 2) / (channels.length - 1))) : 1;
  const span = Math.max(step * Math.max(0, channels.length - 1), widest - 2);
  const slots = span + 2; // half slots from -0.5 to span + 0.5
  const rails = new Map(channels.map((channel, i) => [channel, i * step]));
  const x = /** @type {Map<string, number>} */ (new Map());
  for (const { id } of [...circuit.nodes, ...circuit.terminals]) {
    const rail = railOf(id);
    if (rail !== null) x.set(id, rails.get(rail) ?? 0);
  }
  const wanted = wishesOf(spokes, rails, slots);
  for (const row of neurons) {
    const ids = sortedBy(
      row.map((node) => node.id),
      (id) => place.get(id) ?? 0,
    );
    const left = spread(
      ids.map((id) => ({ centre: wanted([id]), width: 1 })),
      slots,
    );
    ids.forEach((id, i) => {
      x.set(id, Number(left[i]) - 0.5);
    });
  }
  return { x, rails, boxes: heads.flatMap((row) => placeHeads(row, place, wanted, slots, x)), slots, span };
}

/** Where a node would stand by its edges alone: the mean of its rails by |weight|, on the line of half slots. @param {ReturnType<typeof spokesOf>} spokes @param {Map<number, number>} rails @param {number} slots */
function wishesOf(spokes, rails, slots) {
  const near = /** @type {Map<string, { sum: number, mass: number }>} */ (new Map());
  for (const { channel, item, weight } of spokes) {
    const at = near.get(item.id) ?? { sum: 0, mass: 0 };
    const mass = weight + 1e-6;
    near.set(item.id, { sum: at.sum + mass * Number(rails.get(channel)), mass: at.mass + mass });
  }
  const one = (/** @type {string} */ id) => {
    const at = near.get(id);
    return at ? at.sum / at.mass + 1 : slots / 2;
  };
  return (/** @type {string[]} */ ids) => ids.reduce((sum, id) => sum + one(id), 0) / (ids.length || 1);
}

/**
 * The heads of a layer: a q and a k channel that meet share a column.
 * @param {Head[]} row @param {Map<string, number>} place @param {(ids: string[]) => number} wanted @param {number} slots
 * @param {Map<string, number>} x is filled
 * @returns {Columns["boxes"]}
 */
function placeHeads(row, place, wanted, slots, x) {
  const qkAt = (/** @type {Head} */ { layer }, /** @type {number} */ index) =>
    place.get(`${layer}.qk:${index}`) ?? 0;
  const first = (/** @type {Head} */ head) =>
    Math.min(...head.qk.map((index) => qkAt(head, index)), ...head.v.map((id) => place.get(id) ?? 0));
  const heads = sortedBy(row, first);
  const left = spread(
    heads.map((head) => ({ centre: wanted([...head.q, ...head.k, ...head.v]), width: head.width })),
    slots,
    1,
  );
  return heads.map((head, h) => {
    const x0 = Number(left[h]) - 0.5;
    const put = (/** @type {string} */ id, /** @type {number} */ column, /** @type {number} */ n) =>
      x.set(id, x0 + Math.floor((head.width - n) / 2) + column);
    sortedBy(head.qk, (index) => qkAt(head, index)).forEach((index, column) => {
      for (const id of [...head.q, ...head.k]) if (id.endsWith(`:${index}`)) put(id, column, head.qk.length);
    });
    sortedBy(head.v, (id) => place.get(id) ?? 0).forEach((id, column) => {
      put(id, column, head.v.length);
    });
    return { layer: head.layer, head: head.head, x0: x0 - 0.5, x1: x0 + head.width - 0.5 };
  });
}
