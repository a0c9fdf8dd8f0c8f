// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { diverging, inkOn, mix, place } from "../../static/colour.js";
import { graphOf } from "../../static/graph.js";
import { embedTicks, labelsThatFit, sideGroups } from "../../static/labels.js";
import { createScenes } from "../../static/scene.js";
import { nodeSizeOf, shapesOf, widthClass } from "../../static/shapes.js";
import { DEFAULT_VIEW } from "../../static/state.js";
import { bundleLines, pointLines } from "../../static/words.js";
import { handCircuit } from "./hand_circuit.js";
import { palette } from "./palette.js";

/** @typedef {import("../../static/types.js").View} View */

const graph = graphOf(handCircuit());
const scenes = createScenes(graph);

/** @param {Partial<View>} change @param {object} [more] @returns {any[]} */
function shapes(change, more = {}) {
  const view = { ...DEFAULT_VIEW, ...change };
  const parts = scenes.of(view);
  const frame = { width: 900, height: 700, x: parts.picture.x, y: parts.picture.y };
  return shapesOf({ ...parts, view, palette, frame, nodeSize: nodeSizeOf(frame), ...more });
}

/** Count of lines in the shapes whose name holds a word. @param {any[]} list @param {string} word */
const strokes = (list, word) =>
  list.filter((s) => s.name.includes(word)).reduce((sum, s) => sum + s.path.split("M").length - 1, 0);

test("every edge is drawn once, by its sign", () => {
  const list = shapes({});
  assert.equal(strokes(list, "positive edges"), 4);
  assert.equal(strokes(list, "negative edges, class"), 2);
});

test("each negative edge carries a bar, so that its sign does not hang on colour", () => {
  assert.equal(strokes(shapes({}), "bars of negative edges"), 2);
});

test("the number of shapes does not grow with the number of edges", () => {
  const many = handCircuit();
  const more = Array.from({ length: 500 }, (_, i) => ({
    source: "0.mlp.act_in:9",
    target: "0.mlp.post_act:117",
    weight: (i % 7) / 7 + 0.1,
  }));
  const crowded = graphOf({ ...many, edges: [...many.edges, ...more] });
  const parts = createScenes(crowded).of(DEFAULT_VIEW);
  const frame = { width: 900, height: 700, x: parts.picture.x, y: parts.picture.y };
  const list = shapesOf({ ...parts, view: DEFAULT_VIEW, palette, frame, nodeSize: 10 });
  assert.ok(list.length < shapes({}).length + 12, `${list.length} shapes`);
});

test("a selected node keeps the edges of its trace lit and dims the rest", () => {
  const list = shapes({ node: "0.attn.resid_delta:9", trace: "up" });
  assert.equal(strokes(list, "edges, class"), 1);
  assert.equal(strokes(list, "dimmed edges"), 5);
});

test("edges of cut nodes are apart, and the node is crossed out", () => {
  const list = shapes({ cut: ["0.attn.v:35"] });
  assert.equal(strokes(list, "edges of cut nodes"), 2);
  assert.equal(strokes(list, "cut nodes") - 2, 2);
});

test("a collapsed head is no longer drawn node by node, and its edges run as one", () => {
  const list = shapes({ collapsed: ["0.attn.h2"] });
  assert.equal(strokes(list, "nodes") - strokes(list, "cut nodes"), 6);
  assert.equal(strokes(list, "mixed edges"), 1);
});

test("nodes can be lit by values of the moment, in place of their effects", () => {
  const light = new Map([["0.mlp.post_act:117", -1]]);
  const lit = shapes({}, { light }).filter((s) => s.name === "nodes");
  assert.deepEqual(lit.map((s) => [s.fill, s.opacity]).sort(), [
    ["#ffffff", 0.25],
    ["rgb(0, 0, 255)", 1],
  ]);
});

test("width classes are quarters of the largest weight", () => {
  assert.deepEqual(
    [0.24, 0.25, -0.5, 0.75, -1].map((w) => widthClass(w, 1)),
    [0, 1, 2, 3, 3],
  );
  assert.equal(widthClass(0, 0), 0);
});

test("a quarter of the largest effect is half way up the scale, with its sign", () => {
  assert.equal(place(0.25, 1), 0.5);
  assert.equal(place(-0.25, 1), -0.5);
  assert.equal(place(1, 0), 0);
  assert.equal(diverging(0, 1, palette), "rgb(255, 255, 255)");
  assert.equal(diverging(1, 1, palette), "rgb(255, 0, 0)");
  assert.equal(diverging(-0.25, 1, palette), "rgb(128, 128, 255)");
});

test("colours mix and carry readable ink", () => {
  assert.equal(mix("#000000", "rgb(200, 100, 0)", 0.5), "rgb(100, 50, 0)");
  assert.equal(inkOn("#ffffff"), "#000000");
  assert.equal(inkOn("#102040"), "#ffffff");
});

test("tooltips carry exact figures", () => {
  const { picture, bundles } = scenes.of(DEFAULT_VIEW);
  const one = bundles.find((b) => b.target === "0.attn.k:33" && b.kind === "edge");
  assert.ok(one);
  assert.deepEqual(bundleLines(graph, one), ["0.attn.act_in:7 → 0.attn.k:33", "weight −0.500"]);
  const text = pointLines(graph, picture, "0.attn.k:33").join("\n");
  assert.match(text, /key channel 1 of head 2/);
  assert.match(text, /−0\.100 nats/);
  assert.match(text, /edges 1 in, 0 out/);
  assert.match(pointLines(graph, picture, "embed:7").join("\n"), /·def/);
  assert.match(pointLines(graph, picture, "logit:5").join("\n"), /"\)/);
});

test("what is merged says how many edges it is and their sum", () => {
  const { bundles } = scenes.of({ ...DEFAULT_VIEW, collapsed: ["0.attn.h2"] });
  const merged = bundles.find((b) => b.target === "0.attn.h2" && b.kind === "edge");
  assert.ok(merged);
  assert.deepEqual(bundleLines(graph, merged), [
    "0.attn.act_in:7 → head 2 of layer 0",
    "3 edges, of both signs",
    "sum of |weight| 1.750",
  ]);
});

test("labels are left out where the next node leaves no room", () => {
  const { picture } = scenes.of(DEFAULT_VIEW);
  const wide = { width: 1000, height: 800, x: picture.x, y: picture.y };
  assert.equal(labelsThatFit(graph, picture, wide, 8).length, graph.circuit.nodes.length);
  assert.equal(labelsThatFit(graph, picture, { ...wide, height: 60 }, 8).length, 0);
});

test("an embedding terminal is named by the tokens that write it", () => {
  const { picture } = scenes.of(DEFAULT_VIEW);
  const frame = { width: 600, height: 800, x: picture.x, y: picture.y };
  assert.deepEqual(embedTicks(graph, picture, frame, 3), [
    { id: "embed:7", x: picture.points.get("embed:7")?.x, text: "·def" },
  ]);
});

test("the side names each layer with its blocks, a collapsed layer alone", () => {
  const ids = (/** @type {string[]} */ collapsed) =>
    sideGroups(scenes.of({ ...DEFAULT_VIEW, collapsed }).picture).map(
      (g) => `${g.id}${g.collapsed ? "*" : ""}`,
    );
  assert.deepEqual(ids([]), ["0", "0.attn", "0.mlp"]);
  assert.deepEqual(ids(["0.mlp"]), ["0", "0.attn", "0.mlp*"]);
  assert.deepEqual(ids(["0"]), ["0*"]);
});
