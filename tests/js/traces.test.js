// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { diverging, inkOn, mix, place } from "../../static/colour.js";
import { embedTicks, labelsThatFit } from "../../static/figure.js";
import { graphOf, neighbourhood, shownEdges } from "../../static/graph.js";
import { layoutCircuit } from "../../static/layout.js";
import { DEFAULT_VIEW } from "../../static/state.js";
import { edgeText, pointText, tracesOf, widthClass } from "../../static/traces.js";
import { handCircuit } from "./hand_circuit.js";

/** @typedef {import("../../static/types.js").Palette} Palette */
/** @typedef {import("../../static/types.js").View} View */

const palette = /** @type {Palette} */ ({
  ...{
    paper: "#fefefe",
    surface: "#ffffff",
    sunk: "#eeeeee",
    ink: "#000000",
    ink2: "#222222",
    ink3: "#444444",
  },
  ...{ rule: "#cccccc", ruleStrong: "#aaaaaa", accent: "#006655", positive: "#ff0000", negative: "#0000ff" },
  ...{ neutral: "#ffffff", head: "#eeeeee", font: "sans", mono: "mono" },
});
const graph = graphOf(handCircuit());
const picture = layoutCircuit(graph.circuit);

/** @param {Partial<View>} change @returns {any[]} */
const traces = (change) =>
  tracesOf({ graph, picture, view: { ...DEFAULT_VIEW, ...change }, cursor: null, palette, nodeSize: 10 });

/** Count of segments of the traces whose name holds a word. @param {any[]} list @param {string} word */
const segments = (list, word) =>
  list
    .filter((trace) => trace.name.includes(word))
    .reduce((sum, trace) => sum + trace.x.filter((/** @type {unknown} */ x) => x === null).length, 0);

test("every edge is drawn once, by its sign", () => {
  const list = traces({});
  assert.equal(segments(list, "positive weights"), 4);
  assert.equal(segments(list, "negative weights"), 2);
});

test("the number of traces never changes", () => {
  const n = traces({}).length;
  assert.equal(traces({ node: "0.attn.v:35" }).length, n);
  assert.equal(traces({ cut: ["0.attn.v:35"], minWeight: 0.5 }).length, n);
});

test("a selected node keeps its own edges lit and dims the rest", () => {
  const list = traces({ node: "0.attn.v:35" });
  assert.equal(segments(list, "weights, class"), 2);
  assert.equal(segments(list, "dimmed edges"), 4);
});

test("edges of cut nodes are apart, and the node is crossed out", () => {
  const list = traces({ cut: ["0.attn.v:35"] });
  assert.equal(segments(list, "edges of cut nodes"), 2);
  assert.equal(list.find((trace) => trace.name === "cut nodes").x.length, 1);
});

test("the slider hides edges lighter than it says and keeps those as heavy", () => {
  assert.equal(shownEdges(graph, 0.25).length, 5);
  assert.equal(shownEdges(graph, 0.76).length, 2);
});

test("neighbours are one edge or link away", () => {
  assert.deepEqual([...neighbourhood(graph, "0.mlp.act_in:9")].sort(), [
    "0.attn.resid_delta:9",
    "0.mlp.act_in:9",
    "0.mlp.post_act:117",
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
  assert.equal(inkOn("#ffffff"), "#101214");
  assert.equal(inkOn("#102040"), "#ffffff");
});

test("tooltips carry exact figures", () => {
  assert.match(edgeText({ source: "a", target: "b", weight: -0.1234 }), /−0\.123/);
  const text = pointText(graph, "0.attn.k:33");
  assert.match(text, /key channel 1 of head 2/);
  assert.match(text, /−0\.100/);
  assert.match(text, /edges 1 in, 0 out/);
  assert.match(pointText(graph, "embed:7"), /·def/);
  assert.match(pointText(graph, "logit:5"), /"\)/);
});

test("labels are left out where the next node leaves no room", () => {
  const wide = { width: 1000, height: 800, x: picture.x, y: picture.y };
  const labels = labelsThatFit(graph, picture, wide, 8);
  assert.equal(labels.length, graph.circuit.nodes.length);
  assert.equal(labelsThatFit(graph, picture, { ...wide, height: 60 }, 8).length, 0);
});

test("an embedding terminal is named by the tokens that write it", () => {
  const frame = { width: 600, height: 800, x: picture.x, y: picture.y };
  assert.deepEqual(embedTicks(graph, picture, frame, 3), [
    { x: picture.points.get("embed:7")?.x, text: "·def" },
  ]);
});
