// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { walk } from "../../static/graph.js";
import { layoutCircuit } from "../../static/layout.js";
import { railTop } from "../../static/rows.js";
import { handCircuit } from "./hand_circuit.js";

/** @typedef {import("../../static/types.js").Picture} Picture */

/** @param {Picture} picture @param {string} id */
function at(picture, id) {
  const point = picture.points.get(id);
  assert.ok(point, id);
  return point;
}

test("all nodes of a channel stand on one vertical line", () => {
  const picture = layoutCircuit(handCircuit());
  assert.equal(at(picture, "embed:7").x, at(picture, "0.attn.act_in:7").x);
  assert.equal(at(picture, "embed:7").x, at(picture, "0.mlp.resid_delta:7").x);
  assert.equal(at(picture, "0.attn.resid_delta:9").x, at(picture, "0.mlp.act_in:9").x);
  assert.notEqual(at(picture, "embed:7").x, at(picture, "0.mlp.act_in:9").x);
});

test("the picture climbs from the embedding to the logits in site order", () => {
  const picture = layoutCircuit(handCircuit());
  const ids = ["embed:7", ...handCircuit().nodes.map((node) => node.id), "logit:5"];
  const ys = ids.map((id) => at(picture, id).y);
  assert.deepEqual(
    ys,
    [...new Set(ys)].sort((a, b) => a - b),
  );
});

test("bands without nodes take no room", () => {
  const circuit = handCircuit();
  const whole = layoutCircuit(circuit);
  const kept = circuit.nodes.filter((node) => !node.id.includes(".attn."));
  const mlp = layoutCircuit({ ...circuit, nodes: kept, edges: circuit.edges.slice(4) });
  assert.equal(mlp.rows.length, whole.rows.length - 5);
  assert.ok(mlp.y[1] < whole.y[1]);
});

test("a q and a k that meet share a column inside their head's box", () => {
  const picture = layoutCircuit(handCircuit());
  const [box] = picture.heads;
  assert.ok(box);
  assert.equal(box.head, 2);
  assert.equal(at(picture, "0.attn.q:33").x, at(picture, "0.attn.k:33").x);
  for (const id of ["0.attn.q:33", "0.attn.k:33", "0.attn.v:35"]) {
    const point = at(picture, id);
    assert.ok(box.x0 < point.x && point.x < box.x1 && box.y0 < point.y && point.y < box.y1, id);
  }
});

test("neurons never stand on a rail, and no two points share a place", () => {
  const picture = layoutCircuit(handCircuit());
  const rails = new Set(picture.rails.map((rail) => rail.x));
  assert.ok(!rails.has(at(picture, "0.mlp.post_act:117").x));
  const places = [...picture.points.values()].map((p) => `${p.x} ${p.y}`);
  assert.equal(new Set(places).size, places.length);
});

test("a rail runs from its first writer to its last reader, or to the turn under the logits", () => {
  const picture = layoutCircuit(handCircuit());
  const rail = (/** @type {number} */ channel) => picture.rails.find((r) => r.channel === channel);
  assert.equal(rail(9)?.y0, at(picture, "0.attn.resid_delta:9").y);
  assert.equal(rail(9)?.y1, at(picture, "0.mlp.act_in:9").y);
  assert.equal(rail(7)?.y0, at(picture, "embed:7").y);
  assert.equal(rail(7)?.y1, railTop(picture.rows));
});

test("the same circuit gives the same picture", () => {
  assert.deepEqual(layoutCircuit(handCircuit()), layoutCircuit(handCircuit()));
});

test("a circuit of one neuron and no edges still has a place for it", () => {
  const circuit = handCircuit();
  const alone = { ...circuit, nodes: circuit.nodes.slice(6, 7), edges: [], links: [], terminals: [] };
  const picture = layoutCircuit(alone);
  assert.equal(picture.points.size, 1);
  assert.ok(picture.x[0] < picture.x[1] && picture.y[0] < picture.y[1]);
});

test("arrow keys walk up through the rows and stop at the top", () => {
  const picture = layoutCircuit(handCircuit());
  let id = /** @type {string | null} */ (null);
  const path = Array.from({ length: 12 }, () => {
    id = walk(picture, id, "up");
    return id;
  });
  assert.equal(path[0], "embed:7");
  assert.equal(path[1], "0.attn.act_in:7");
  assert.equal(path.at(-1), "logit:5");
  assert.equal(walk(picture, "embed:7", "left"), "embed:7");
});
