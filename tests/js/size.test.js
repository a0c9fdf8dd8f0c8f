// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { graphOf } from "../../static/graph.js";
import { keptOrder } from "../../static/kept_order.js";
import { createScenes } from "../../static/scene.js";
import { shapesOf } from "../../static/shapes.js";
import { shownOf } from "../../static/shown.js";
import { placeOfSize, sizeLayout, sizeTraces } from "../../static/size_curve.js";
import { aroundSize, edgesAt, sizedScenes, sizeGraph } from "../../static/size_graph.js";
import { trainWords } from "../../static/size_panel.js";
import { notesOf } from "../../static/stage_notes.js";
import { DEFAULT_VIEW, panelOf, readView, writeView } from "../../static/state.js";
import { pointLines } from "../../static/words.js";
import { handCircuit } from "./hand_circuit.js";
import { palette as PALETTE } from "./palette.js";

/** The hand circuit's MLP path as the circuit itself, its head as what was dropped last. */
const RANKS = /** @type {Record<string, number>} */ ({
  "0.mlp.post_act:117": 0,
  "0.mlp.act_in:9": 1,
  "0.mlp.resid_delta:7": 2,
  "0.attn.resid_delta:9": 3,
  "0.attn.v:35": 4,
  "0.attn.act_in:7": 5,
  "0.attn.q:33": 6,
  "0.attn.k:33": 7,
});
const N_OWN = 3;
const rankOf = (/** @type {string} */ id) => RANKS[id] ?? 0;

function handSizes() {
  const { nodes, edges, links, terminals } = handCircuit();
  const rank = (/** @type {{ source: string, target: string }} */ line) =>
    Math.max(rankOf(line.source), rankOf(line.target));
  return {
    ...{
      circuit: "0".repeat(16),
      n_nodes: N_OWN,
      n_all: 8,
      n_cut_edges: 0,
      target_loss_nats: 0.15,
      n_pairs: 128,
    },
    nodes: nodes.map(({ effect_nats, ...node }) => ({ ...node, rank: rankOf(node.id) })),
    edges: edges.map((edge) => ({ ...edge, rank: rank(edge) })),
    links: links.map((link) => ({ ...link, rank: rank(link) })),
    terminals,
    sizes: [
      { n_nodes: 0, n_edges: 0, loss_nats: 0.7 },
      { n_nodes: 3, n_edges: 2, loss_nats: 0.14 },
      { n_nodes: 8, n_edges: 6, loss_nats: 0.02 },
    ],
  };
}

function own() {
  const whole = handCircuit();
  const inside = (/** @type {string} */ id) => !(id in RANKS) || rankOf(id) < N_OWN;
  const both = (/** @type {{ source: string, target: string }} */ line) =>
    inside(line.source) && inside(line.target);
  return graphOf({
    ...whole,
    nodes: whole.nodes.filter((node) => inside(node.id)),
    edges: whole.edges.filter(both),
    links: whole.links.filter(both),
  });
}

const graph = own();
const sizes = handSizes();
const larger = sizeGraph(graph, sizes);
const at = (/** @type {number | null} */ size) => ({ ...DEFAULT_VIEW, size });

test("nodes come and go with the size, and edges with their later end", () => {
  const ids = (/** @type {number} */ n) => [...shownOf(larger, at(n)).ids].filter((id) => id in RANKS).length;
  assert.deepEqual([0, 1, 3, 8].map(ids), [0, 1, 3, 8]);
  assert.deepEqual(
    [0, 1, 2, 3, 5, 6, 8].map((n) => shownOf(larger, at(n)).edges.length),
    [0, 0, 1, 2, 3, 4, 6],
  );
  assert.deepEqual(
    [0, 3, 8].map((n) => edgesAt(sizes, n)),
    [0, 2, 6],
  );
});

test("the picture keeps its places at every size", () => {
  const scenes = createScenes(larger);
  const places = [0, 1, 4, 8].map((n) => [...scenes.of(at(n)).picture.points.values()]);
  for (const other of places) assert.deepEqual(other, places[0]);
});

test("what the circuit has keeps its order at other sizes; what is new stands where its neighbours do", () => {
  const kept = {
    rails: new Map([
      [7, 0],
      [9, 1],
      [3, 2],
    ]),
    x: new Map([["old", 2]]),
  };
  const pairs = [
    { channel: 5, item: "new" },
    { channel: 7, item: "new" },
    { channel: 4, item: "old" },
    { channel: 4, item: "new" },
  ];
  const { channels, place } = keptOrder(kept, [3, 4, 5, 7, 8, 9], pairs);
  assert.deepEqual(channels, [7, 5, 9, 4, 3, 8]); // 5 beside 7 through "new"; 4 beside 9 and 3; 8 has no neighbour
  assert.ok(Number(place.get("new")) < Number(place.get("old")));
});

test("without a size the circuit's own picture is shown; with one, that of the largest set once it is known", () => {
  const scenes = sizedScenes(createScenes(graph));
  assert.equal(scenes.of(at(5)).graph, graph);
  scenes.use(larger);
  assert.equal(scenes.of(at(5)).graph, larger);
  assert.equal(scenes.of(at(null)).graph, graph);
});

test("nodes outside the circuit are hollow and dashed, and say that their effect is not measured", () => {
  assert.deepEqual(
    [...(larger.outside ?? [])].sort(),
    Object.keys(RANKS)
      .filter((id) => rankOf(id) >= N_OWN)
      .sort(),
  );
  const scene = createScenes(larger).of(at(8));
  const frame = { width: 800, height: 600, x: scene.picture.x, y: scene.picture.y };
  const shapes = shapesOf({ ...scene, view: at(8), palette: PALETTE, frame, nodeSize: 12 });
  const hollow = shapes.filter((shape) => shape.name === "nodes outside");
  assert.equal(hollow.length, 1);
  assert.equal(hollow[0]?.fill, PALETTE.surface);
  assert.equal((hollow[0]?.path.split("M") ?? []).length - 1, 8 - N_OWN);
  const lines = pointLines(larger, scene.picture, "0.attn.k:33");
  assert.equal(lines[2], "outside the circuit: place 8 of 8 in the order; effect not measured");
  assert.match(pointLines(larger, scene.picture, "0.mlp.act_in:9")[2] ?? "", /nats when cut/);
});

test("a size is in the address, opens its panel, and is said over the picture", () => {
  assert.equal(writeView(at(45)), "?size=45");
  assert.deepEqual(readView("?size=45"), at(45));
  assert.equal(readView("?size=-1").size, null);
  assert.equal(readView("?size=x").size, null);
  assert.equal(panelOf(at(0)), "size");
  const said = (/** @type {number | null} */ n) => notesOf(larger, shownOf(larger, at(n)), at(n), []);
  assert.match(said(5)[0]?.text ?? "", /the first 5 nodes of the pruning order/);
  assert.deepEqual(said(5)[0]?.action?.change, { size: null });
  assert.deepEqual(said(N_OWN), []);
});

test("between measured sizes the neighbours are told, not a value made up", () => {
  assert.deepEqual(aroundSize(sizes.sizes, 3), { at: sizes.sizes[1] });
  assert.deepEqual(aroundSize(sizes.sizes, 5), { below: sizes.sizes[1], above: sizes.sizes[2] });
  assert.equal(trainWords(sizes, 3), "On train pairs: 0.140 nats, measured at this size.");
  assert.match(
    trainWords(sizes, 5),
    /not measured; its neighbours were: 0\.140 nats at 3, 0\.020 nats at 8\./,
  );
});

test("the curve stands on powers of ten with room for nothing kept; the marker is at the size shown", () => {
  assert.equal(placeOfSize(0), 0.5);
  const interval = { value: 0.2, low: 0.15, high: 0.3 };
  const measure = {
    loss_nats: interval,
    accuracy: interval,
    logit_diff: interval,
    n_pairs: 64,
    split: /** @type {const} */ ("heldout"),
  };
  const now = { circuit: "0", n_nodes: 5, n_edges: 3, measure, kept_as: null };
  const [curve, exact] = /** @type {any[]} */ (sizeTraces(sizes, now, PALETTE));
  assert.deepEqual(
    [curve.x, curve.y],
    [
      [0.5, 3, 8],
      [0.7, 0.14, 0.02],
    ],
  );
  assert.deepEqual([exact.x, exact.y], [[5], [0.2]]);
  assert.ok(
    Math.abs(exact.error_y.array[0] - 0.1) < 1e-9 && Math.abs(exact.error_y.arrayminus[0] - 0.05) < 1e-9,
  );
  const layout = sizeLayout(sizes, 5, PALETTE);
  assert.equal(layout.xaxis.type, "log");
  assert.deepEqual(layout.xaxis.ticktext, ["0", "1", "2", "5"]);
  assert.deepEqual(
    layout.shapes.map((line) => line.x0),
    [0, 3, 5],
  );
});
