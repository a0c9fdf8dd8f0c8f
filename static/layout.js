// @ts-check
// Where everything in the picture of a circuit stands: pure, deterministic, no pixels.
//
// x is counted in slots (columns.js), y in row heights (rows.js) from the embedding (bottom) to the logits (top).
// Collapsing moves rows together and leaves every x as it was.

/** @import { CircuitDetail, HeadBox, LayerBand, Link, Picture, Point, Rail, Row } from "./types.js" */
/** @typedef {import("./columns.js").Columns} Columns */
/** @typedef {import("./fold.js").Fold} Fold */
import { columnsOf } from "./columns.js";
import { foldOf } from "./fold.js";
import { railOf, siteOf } from "./format.js";
import { isHead, railTop, rowsOf } from "./rows.js";

const MIN_SLOTS = 9;
/** How far from a collapsed group a line leaves its rail. */
const TURN = 0.8;

/** @param {CircuitDetail} circuit @param {string[]} [collapsed] groups drawn as one @returns {Picture} */
export const layoutCircuit = (circuit, collapsed = []) =>
  arrange(circuit, columnsOf(circuit), foldOf(circuit.nodes, collapsed));

/**
 * The picture with its columns already found: what changes when something is collapsed.
 * @param {CircuitDetail} circuit
 * @param {Columns} columns
 * @param {Fold} fold
 * @returns {Picture}
 */
export function arrange(circuit, columns, fold) {
  const { slots, span } = columns;
  const rows = rowsOf(circuit, fold);
  const points = /** @type {Map<string, Point>} */ (new Map());
  const layers = /** @type {LayerBand[]} */ ([]);
  for (const row of rows) {
    for (const id of row.ids) {
      const members = fold.groups.get(id)?.members;
      const x = members ? middle(members, columns) : columns.x.get(id);
      const kind = members ? "group" : row.kind === "embed" ? "embed" : siteOf(id);
      if (x !== undefined) points.set(id, { id, kind, x, y: row.y });
    }
    if (row.layer === null) continue;
    const band = layers.at(-1);
    if (band?.layer === row.layer) band.y1 = row.y;
    else layers.push({ layer: row.layer, y0: row.y, y1: row.y });
  }
  placeLogits(rows, span, points);
  const pad = Math.max(0, (MIN_SLOTS - slots) / 2);
  return {
    points,
    rows,
    rails: railsOf(circuit.links, columns, fold, points, railTop(rows)).spans,
    heads: boxesOf(columns, rows, fold),
    layers,
    groups: fold.groups,
    slots,
    x: [-1.2 - pad, span + 1.2 + pad],
    y: [-0.8, (rows.at(-1)?.y ?? 0) + 1.2],
  };
}

/** Half way between the outermost nodes of a group. @param {string[]} members @param {Columns} columns */
function middle(members, columns) {
  const xs = members.map((id) => columns.x.get(id) ?? 0);
  return (Math.min(...xs) + Math.max(...xs)) / 2;
}

/** The heads that are not collapsed. @param {Columns} columns @param {Row[]} rows @param {Fold} fold @returns {HeadBox[]} */
function boxesOf(columns, rows, fold) {
  return columns.boxes.flatMap((box) => {
    const ids = [String(box.layer), `${box.layer}.attn`, `${box.layer}.attn.h${box.head}`];
    if (ids.some((id) => fold.groups.has(id))) return [];
    const ys = rows.filter((row) => row.layer === box.layer && isHead(row.kind)).map((row) => row.y);
    if (!ys.length) return [];
    return [{ ...box, y0: Math.min(...ys) - 0.42, y1: Math.max(...ys) + 0.42 }];
  });
}

/** Candidate logits in the order given, a third of the picture apart. @param {Row[]} rows @param {number} span @param {Map<string, Point>} points */
function placeLogits(rows, span, points) {
  const row = rows.find(({ kind }) => kind === "logit");
  if (!row) return;
  const apart = Math.max(span / (row.ids.length + 1), 3);
  row.ids.forEach((id, i) => {
    points.set(id, { id, kind: "logit", x: span / 2 + (i - (row.ids.length - 1) / 2) * apart, y: row.y });
  });
}

/** A curve that leaves and arrives upright. @typedef {{ x0: number, y0: number, x1: number, y1: number }} Join */

/**
 * How far each rail runs for these links, and the curves where they leave it: to a logit, to or from a group.
 * @param {Link[]} links
 * @param {Pick<Columns, "rails">} columns
 * @param {Fold} fold
 * @param {Map<string, Point>} points
 * @param {number} top where links to the logits leave their rail
 * @returns {{ spans: Rail[], joins: Join[] }}
 */
export function railsOf(links, columns, fold, points, top) {
  const reach = /** @type {Map<number, Rail>} */ (new Map());
  const joins = /** @type {Map<string, Join>} */ (new Map());
  const join = (/** @type {Join} */ line) => joins.set(`${line.x0} ${line.y0} ${line.x1} ${line.y1}`, line);
  for (const link of links) {
    const [from, to] = [points.get(fold.standsFor(link.source)), points.get(fold.standsFor(link.target))];
    const channel = railOf(link.source);
    if (link.kind === "qk" || !from || !to || from === to || channel === null) continue;
    const x = columns.rails.get(channel) ?? from.x;
    const [leaves, arrives] = [from.kind === "group", to.kind === "group" || to.kind === "logit"];
    if (leaves && arrives) {
      join({ x0: from.x, y0: from.y, x1: to.x, y1: to.y });
      continue;
    }
    const y0 = leaves ? Math.min(from.y + TURN, to.y) : from.y;
    const y1 = to.kind === "logit" ? top : arrives ? Math.max(to.y - TURN, from.y) : to.y;
    if (leaves) join({ x0: from.x, y0: from.y, x1: x, y1: y0 });
    if (arrives) join({ x0: x, y0: y1, x1: to.x, y1: to.y });
    const rail = reach.get(channel) ?? { channel, x, y0, y1 };
    reach.set(channel, { ...rail, y0: Math.min(rail.y0, y0), y1: Math.max(rail.y1, y1) });
  }
  return { spans: [...reach.values()].sort((a, b) => a.x - b.x), joins: [...joins.values()] };
}
