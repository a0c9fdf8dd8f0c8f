// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareShapes, sideOf } from "../../static/compare_shapes.js";
import { createScenes } from "../../static/scene.js";
import { DEFAULT_VIEW } from "../../static/state.js";
import { lineKey, unionGraph, unionOf } from "../../static/union.js";
import { pointLines } from "../../static/words.js";
import { handCircuit } from "./hand_circuit.js";
import { palette as PALETTE } from "./palette.js";

/** The hand circuit without some of its nodes. @param {string[]} gone */
function without(...gone) {
  const whole = handCircuit();
  const there = (/** @type {{ source: string, target: string }} */ line) =>
    !gone.includes(line.source) && !gone.includes(line.target);
  return {
    ...whole,
    nodes: whole.nodes.filter((node) => !gone.includes(node.id)),
    edges: whole.edges.filter(there),
    links: whole.links.filter(there),
  };
}

const A = without("0.attn.q:33", "0.attn.k:33");
const B = without("0.mlp.post_act:117");
const { graph, sides } = unionGraph(A, B);
const count = (/** @type {string[]} */ keys) =>
  Object.fromEntries(
    ["both", "a", "b"].map((side) => [side, keys.filter((key) => sides.get(key) === side).length]),
  );

test("a union has each thing once and says whose it is", () => {
  const { all, sides } = unionOf([1, 2], [2, 3], String);
  assert.deepEqual(all, [1, 2, 3]);
  assert.deepEqual(
    [...sides],
    [
      ["1", "a"],
      ["2", "both"],
      ["3", "b"],
    ],
  );
});

test("nodes and edges of two circuits fall in three classes", () => {
  assert.deepEqual(count(graph.circuit.nodes.map((n) => n.id)), { both: 5, a: 1, b: 2 });
  assert.deepEqual(count(graph.circuit.edges.map(lineKey)), { both: 2, a: 2, b: 2 });
  assert.deepEqual(
    graph.circuit.nodes.map((n) => n.id),
    handCircuit().nodes.map((n) => n.id),
    "in forward order",
  );
});

test("a node says in which circuit it is, with the effect that it has there", () => {
  const { picture } = createScenes(graph).of(DEFAULT_VIEW);
  const said = (/** @type {string} */ id) => pointLines(graph, picture, id)[2];
  assert.equal(said("0.attn.k:33"), "only in B; effect when cut −0.100 nats in B");
  assert.equal(said("0.attn.act_in:7"), "in both; effect when cut +0.400 nats in A, +0.400 nats in B");
});

test("lines that run together are of one side only where all are", () => {
  const [shared, ofA] = [
    lineKey({ source: "0.attn.act_in:7", target: "0.attn.v:35" }),
    "edge 0.mlp.act_in:9 0.mlp.post_act:117",
  ];
  assert.equal(sideOf([ofA], sides), "a");
  assert.equal(sideOf([ofA, shared], sides), "both");
});

test("the classes differ without colour: filled, rimmed, hollow; solid and dashed", () => {
  const scene = createScenes(graph).of(DEFAULT_VIEW);
  const frame = { width: 800, height: 600, x: scene.picture.x, y: scene.picture.y };
  const shapes = /** @type {any[]} */ (
    compareShapes(sides)({ ...scene, view: DEFAULT_VIEW, palette: PALETTE, frame, nodeSize: 12 })
  );
  const nodes = (/** @type {string} */ side) => shapes.find((s) => s.name === `sided ${side}`);
  assert.equal(nodes("b").fill, PALETTE.surface);
  assert.notEqual(nodes("a").fill, PALETTE.surface);
  assert.ok(nodes("b").line.width > nodes("a").line.width);
  const dashes = (/** @type {string} */ side) =>
    shapes.filter((s) => s.name.startsWith(`lines ${side} `)).map((s) => s.line.dash);
  assert.ok(dashes("b").every(Boolean) && !dashes("a").some(Boolean) && !dashes("both").some(Boolean));
  assert.equal(nodes("a").path.split("M").length - 1, 1);
  assert.equal(nodes("b").path.split("M").length - 1, 2);
  assert.ok(!shapes.some((s) => /positive|negative/.test(s.name)));
});
