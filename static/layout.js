// @ts-check
// Where everything in the picture of a circuit stands: pure, deterministic, no pixels.
//
// x is counted in slots. Residual channels stand on whole multiples of the rail spacing, so that all
// nodes of one channel share a vertical line; neurons and head channels stand on half slots between.
// y is counted in row heights, from the embedding (bottom) to the logits (top).

/** @import { CircuitDetail, CircuitNode, HeadBox, LayerBand, Picture, Point, Rail, Row } from "./types.js" */
import { railOf, siteOf } from "./format.js";
import { orderRails, spread } from "./order.js";
import { isHead, railTop, rowsOf } from "./rows.js";

/** @typedef {import("./order.js").Tie} Tie */

const MIN_SLOTS = 9;

/** What stands between rails: a neuron by itself, or a head as a whole. @param {CircuitNode} node */
function itemKey(node) {
  const kind = siteOf(node.id);
  if (isHead(kind)) return `${node.layer}.head${node.head}`;
  return kind === "mlp.post_act" ? node.id : null;
}

/** Rails and items with the weights between them. @param {CircuitDetail} circuit */
function tiesOf(circuit) {
  const byId = new Map(circuit.nodes.map((node) => [node.id, node]));
  const channels = new Set(circuit.terminals.filter((t) => t.kind === "embed").map((t) => t.index));
  const items = /** @type {Map<string, number>} */ (new Map());
  for (const node of circuit.nodes) {
    const rail = railOf(node.id);
    if (rail !== null) channels.add(rail);
    const key = itemKey(node);
    if (key !== null && !items.has(key)) items.set(key, items.size);
  }
  const rails = [...channels].sort((a, b) => a - b);
  const railAt = new Map(rails.map((channel, i) => [channel, i]));
  const ties = /** @type {Tie[]} */ ([]);
  for (const edge of circuit.edges) {
    const ends = [byId.get(edge.source), byId.get(edge.target)];
    const rail = ends.find((node) => node && railOf(node.id) !== null);
    const other = ends.find((node) => node && railOf(node.id) === null);
    const item = other && itemKey(other);
    if (!rail || !item) continue;
    const tie = {
      rail: railAt.get(Number(railOf(rail.id))),
      item: items.get(item),
      weight: Math.sqrt(Math.abs(edge.weight)) + 1e-6,
    };
    ties.push(/** @type {Tie} */ (tie));
  }
  return { byId, rails, nItems: items.size, ties };
}

/** @template T @param {T[]} list @param {(item: T) => number} key */
const sortedBy = (list, key) =>
  list
    .map((item, i) => ({ item, i, k: key(item) }))
    .sort((a, b) => a.k - b.k || a.i - b.i)
    .map(({ item }) => item);

/**
 * @param {CircuitDetail} circuit
 * @returns {Picture}
 */
export function layoutCircuit(circuit) {
  const rows = rowsOf(circuit);
  const { byId, rails, nItems, ties } = tiesOf(circuit);
  const order = orderRails(rails.length, nItems, ties).map((i) => /** @type {number} */ (rails[i]));
  const need = Math.max(0, ...rows.map((row) => slotsOf(row, rows, byId)));
  const step = rails.length > 1 ? Math.max(1, Math.ceil((need - 2) / (rails.length - 1))) : 1;
  const span = Math.max(step * Math.max(0, order.length - 1), need - 2);
  const slots = span + 2; // half slots from -0.5 to span + 0.5
  const railX = new Map(order.map((channel, i) => [channel, i * step]));

  const near = /** @type {Map<string, { sum: number, mass: number }>} */ (new Map());
  for (const edge of circuit.edges) {
    for (const [id, other] of [
      [edge.source, edge.target],
      [edge.target, edge.source],
    ]) {
      const x = railX.get(railOf(String(other)) ?? -1);
      if (x === undefined) continue;
      const at = near.get(String(id)) ?? { sum: 0, mass: 0 };
      const weight = Math.abs(edge.weight) + 1e-6;
      near.set(String(id), { sum: at.sum + weight * x, mass: at.mass + weight });
    }
  }
  const wanted = (/** @type {string} */ id) => {
    const at = near.get(id);
    return at ? at.sum / at.mass + 1 : slots / 2;
  };

  const points = /** @type {Map<string, Point>} */ (new Map());
  const heads = /** @type {HeadBox[]} */ ([]);
  const layers = /** @type {LayerBand[]} */ ([]);
  for (const row of rows) {
    if (row.kind === "mlp.post_act") placeLine(row, sortedBy(row.ids, wanted), wanted, slots, points);
    else if (isHead(row.kind)) placeHeads(row, rows, byId, wanted, slots, points, heads);
    else if (row.kind !== "logit") {
      for (const id of row.ids) {
        points.set(id, { id, kind: row.kind, x: railX.get(railOf(id) ?? -1) ?? 0, y: row.y });
      }
    }
    if (row.layer === null) continue;
    const band = layers.at(-1);
    if (band?.layer === row.layer) band.y1 = row.y;
    else layers.push({ layer: row.layer, y0: row.y, y1: row.y });
  }
  placeLogits(rows, span, points);

  const pad = Math.max(0, (MIN_SLOTS - slots) / 2);
  const top = rows.at(-1)?.y ?? 0;
  return {
    points,
    rows,
    rails: railsOf(circuit, points, rows),
    heads,
    layers,
    slots,
    x: [-1.2 - pad, span + 1.2 + pad],
    y: [-0.8, top + 1.2],
  };
}

/** Half slots that a row needs. @param {Row} row @param {Row[]} rows @param {Map<string, CircuitNode>} byId */
function slotsOf(row, rows, byId) {
  if (row.kind === "mlp.post_act") return row.ids.length;
  if (!isHead(row.kind)) return 0;
  const boxes = headsOf(Number(row.layer), rows, byId);
  return boxes.reduce((sum, box) => sum + box.width + 1, -1);
}

/** The kept heads of a layer with their columns. @param {number} layer @param {Row[]} rows @param {Map<string, CircuitNode>} byId */
function headsOf(layer, rows, byId) {
  const boxes =
    /** @type {Map<number, { head: number, qk: number[], q: string[], k: string[], v: string[], width: number }>} */ (
      new Map()
    );
  for (const row of rows) {
    if (row.layer !== layer || !isHead(row.kind)) continue;
    for (const id of row.ids) {
      const node = /** @type {CircuitNode} */ (byId.get(id));
      const head = Number(node.head);
      const box = boxes.get(head) ?? { head, qk: [], q: [], k: [], v: [], width: 0 };
      const letter = /** @type {"q" | "k" | "v"} */ (row.kind.slice(-1));
      box[letter].push(id);
      if (letter !== "v" && !box.qk.includes(node.index)) box.qk.push(node.index);
      box.width = Math.max(box.qk.length, box.v.length);
      boxes.set(head, box);
    }
  }
  return [...boxes.values()].sort((a, b) => a.head - b.head);
}

/**
 * @param {Row} row @param {string[]} ids in order @param {(id: string) => number} wanted @param {number} slots
 * @param {Map<string, Point>} points
 */
function placeLine(row, ids, wanted, slots, points) {
  const left = spread(
    ids.map((id) => ({ centre: wanted(id), width: 1 })),
    slots,
  );
  ids.forEach((id, i) => {
    points.set(id, { id, kind: row.kind, x: Number(left[i]) - 0.5, y: row.y });
  });
}

/**
 * All heads of a layer, at its first q, k or v row: a q and a k channel that meet share a column.
 * @param {Row} row @param {Row[]} rows @param {Map<string, CircuitNode>} byId @param {(id: string) => number} wanted
 * @param {number} slots @param {Map<string, Point>} points @param {HeadBox[]} heads
 */
function placeHeads(row, rows, byId, wanted, slots, points, heads) {
  const layer = Number(row.layer);
  if (heads.some((box) => box.layer === layer)) return;
  const mean = (/** @type {string[]} */ ids) =>
    ids.reduce((sum, id) => sum + wanted(id), 0) / (ids.length || 1);
  const centre = new Map(
    headsOf(layer, rows, byId).map((box) => [box, mean([...box.q, ...box.k, ...box.v])]),
  );
  const boxes = sortedBy([...centre.keys()], (box) => Number(centre.get(box)));
  const left = spread(
    boxes.map((box) => ({ centre: Number(centre.get(box)), width: box.width })),
    slots,
    1,
  );
  const yOf = new Map(rows.filter((r) => r.layer === layer).map((r) => [r.kind, r.y]));
  const ys = [...yOf].filter(([kind]) => isHead(kind)).map(([, y]) => y);
  boxes.forEach((box, b) => {
    const x0 = Number(left[b]) - 0.5;
    const put = (/** @type {string} */ id, /** @type {number} */ column, /** @type {number} */ n) => {
      const kind = siteOf(id);
      const x = x0 + Math.floor((box.width - n) / 2) + column;
      points.set(id, { id, kind, x, y: Number(yOf.get(kind)) });
    };
    const sharing = (/** @type {number} */ index) =>
      [...box.q, ...box.k].filter((id) => byId.get(id)?.index === index);
    sortedBy(box.qk, (index) => mean(sharing(index))).forEach((index, column) => {
      for (const id of sharing(index)) put(id, column, box.qk.length);
    });
    sortedBy(box.v, wanted).forEach((id, column) => {
      put(id, column, box.v.length);
    });
    const [y0, y1] = [Math.min(...ys), Math.max(...ys)];
    heads.push({
      layer,
      head: box.head,
      x0: x0 - 0.5,
      x1: x0 + box.width - 0.5,
      y0: y0 - 0.42,
      y1: y1 + 0.42,
    });
  });
}

/** Candidate logits in the order given, a third of the picture apart. @param {Row[]} rows  @param {number} span @param {Map<string, Point>} points */
function placeLogits(rows, span, points) {
  const row = rows.find(({ kind }) => kind === "logit");
  if (!row) return;
  const apart = Math.max(span / (row.ids.length + 1), 3);
  row.ids.forEach((id, i) => {
    points.set(id, { id, kind: "logit", x: span / 2 + (i - (row.ids.length - 1) / 2) * apart, y: row.y });
  });
}

/** How far each rail is drawn. @param {CircuitDetail} circuit @param {Map<string, Point>} points @param {Row[]} rows @returns {Rail[]} */
function railsOf(circuit, points, rows) {
  const turn = railTop(rows);
  const reach = /** @type {Map<number, Rail>} */ (new Map());
  for (const link of circuit.links) {
    const from = points.get(link.source);
    const to = link.kind === "unembed" ? turn : points.get(link.target)?.y;
    if (link.kind === "qk" || !from || to === undefined) continue;
    const channel = railOf(link.source);
    if (channel === null) continue;
    const rail = reach.get(channel) ?? { channel, x: from.x, y0: from.y, y1: to };
    reach.set(channel, { ...rail, y0: Math.min(rail.y0, from.y), y1: Math.max(rail.y1, to) });
  }
  return [...reach.values()].sort((a, b) => a.x - b.x);
}
