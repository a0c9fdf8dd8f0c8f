// @ts-check
// How few crossings the order of channels leaves, on the circuits that come with the app.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { crossingsOf } from "../../static/crossings.js";
import { railOf } from "../../static/format.js";
import { layoutCircuit } from "../../static/layout.js";
import { orderRails } from "../../static/order.js";
import { untangle } from "../../static/untangle.js";

/** @typedef {import("../../static/types.js").CircuitDetail} CircuitDetail */
/** @typedef {import("../../static/types.js").Picture} Picture */

const FOLDER = new URL("../../bundle/circuits/", import.meta.url);
/** @type {CircuitDetail[]} */
const bundled = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".json"))
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")));

/** The same rows with all of a row from left to right by index: channels, neurons, heads' channels. @param {Picture} picture @returns {Picture} */
function byIndex(picture) {
  const points = new Map(picture.points);
  const places = [...points.values()];
  const rails = [...new Set(places.filter((p) => railOf(p.id) !== null).map((p) => p.x))].sort(
    (a, b) => a - b,
  );
  const channels = [...new Set(places.flatMap((p) => railOf(p.id) ?? []))].sort((a, b) => a - b);
  for (const p of places) {
    const channel = railOf(p.id);
    if (channel !== null) points.set(p.id, { ...p, x: Number(rails[channels.indexOf(channel)]) });
  }
  for (const row of picture.rows) {
    const ids = row.ids.filter((id) => railOf(id) === null && !id.startsWith("logit"));
    const xs = ids.map((id) => Number(picture.points.get(id)?.x)).sort((a, b) => a - b);
    const order = ids.sort((a, b) => Number(a.split(":")[1]) - Number(b.split(":")[1]));
    order.forEach((id, i) => {
      const point = points.get(id);
      if (point) points.set(id, { ...point, x: Number(xs[i]) });
    });
  }
  return { ...picture, points };
}

test("the bundled circuits cross far less than in the order of their indices", (t) => {
  let logs = 0; // every circuit counts alike, however many edges it has
  for (const circuit of bundled) {
    const picture = layoutCircuit(circuit);
    const [was, is] = [
      crossingsOf(byIndex(picture).points, circuit.edges),
      crossingsOf(picture.points, circuit.edges),
    ];
    t.diagnostic(
      `${circuit.task}: ${circuit.edges.length} edges, ${was} crossings by index, ${is} as ordered`,
    );
    assert.ok(is <= was, circuit.task);
    logs += Math.log((is + 1) / (was + 1));
  }
  const share = Math.exp(logs / bundled.length);
  t.diagnostic(`geometric mean of what is left: ${share.toFixed(2)}`);
  assert.ok(share < 0.5, `${share} of the crossings are left`);
});

test("the same circuit gives the same picture", () => {
  for (const circuit of bundled.slice(0, 3)) {
    assert.deepEqual(layoutCircuit(circuit), layoutCircuit(structuredClone(circuit)));
  }
});

test("two crossing lines are untangled", () => {
  const lane = { group: [0, 1], stages: [{ rails: [0, 1], items: [1, 0] }] };
  assert.deepEqual(untangle([0, 1], [lane]), { rails: [0, 1], items: [[1, 0]], crossings: 0 });
});

test("a complete bipartite graph keeps its crossings: two by two has one", () => {
  const lane = { group: [0, 1], stages: [{ rails: [0, 0, 1, 1], items: [0, 1, 0, 1] }] };
  assert.equal(untangle([0, 1], [lane]).crossings, 1);
});

test("what belongs to a head stays together", () => {
  const lane = { group: [0, 1, 0, 1], stages: [{ rails: [0, 1, 2, 3], items: [0, 1, 2, 3] }] };
  const [items] = untangle([0, 1, 2, 3], [lane]).items;
  assert.ok(items);
  const groups = items.map((item) => lane.group[item]);
  assert.ok(groups[0] === groups[1] && groups[2] === groups[3], String(items));
});

test("lines that share an end do not cross", () => {
  const points = new Map(
    [
      ["a", 0, 0],
      ["b", 2, 0],
      ["c", 0, 1],
      ["d", 2, 1],
    ].map(([id, x, y]) => [String(id), { id: String(id), kind: "", x: Number(x), y: Number(y) }]),
  );
  const picture = /** @type {Picture} */ (/** @type {unknown} */ ({ points }));
  const edge = (/** @type {string} */ source, /** @type {string} */ target) => ({
    source,
    target,
    weight: 1,
  });
  assert.equal(crossingsOf(picture.points, [edge("a", "d"), edge("b", "c")]), 1);
  assert.equal(crossingsOf(picture.points, [edge("a", "d"), edge("a", "c")]), 0);
  assert.equal(crossingsOf(picture.points, [edge("a", "c"), edge("b", "d")]), 0);
});

test("an order of rails is the same however often it is asked for", () => {
  const ties =
    bundled[0]?.edges.map((_, i) => ({ rail: i % 7, item: (i * 3) % 11, weight: 1 + (i % 5) })) ?? [];
  assert.deepEqual(orderRails(7, 11, ties), orderRails(7, 11, ties));
});
