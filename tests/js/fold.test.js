// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundlesOf, foldOf, groupsOfKind, toggleGroup } from "../../static/fold.js";
import { graphOf } from "../../static/graph.js";
import { layoutCircuit } from "../../static/layout.js";
import { handCircuit } from "./hand_circuit.js";

const circuit = handCircuit();
const graph = graphOf(circuit);

/** @param {string[]} collapsed */
const bundles = (collapsed) => bundlesOf(foldOf(circuit.nodes, collapsed), circuit.edges, circuit.links);
/** @param {string[]} collapsed @param {string} source @param {string} target */
const between = (collapsed, source, target) =>
  bundles(collapsed).find((b) => b.source === source && b.target === target);

test("with nothing collapsed every line is by itself", () => {
  assert.equal(bundles([]).length, circuit.edges.length + circuit.links.length);
  assert.ok(bundles([]).every((b) => b.members.length === 1));
});

test("the edges into a collapsed head are one: the sum of |weight|, their number, no sign where signs differ", () => {
  const into = between(["0.attn.h2"], "0.attn.act_in:7", "0.attn.h2");
  assert.equal(into?.total, 0.25 + 0.5 + 1);
  assert.equal(into?.members.length, 3);
  assert.equal(into?.sign, 0);
  const out = between(["0.attn.h2"], "0.attn.h2", "0.attn.resid_delta:9");
  assert.equal(out?.sign, 1);
  assert.equal(out?.members.length, 1);
});

test("what runs inside a group is not drawn: the edges of a block, the pairing of q and k", () => {
  assert.deepEqual(
    bundles(["0.attn"]).filter((b) => b.source === b.target),
    [],
  );
  assert.equal(bundles(["0.attn", "0.mlp"]).filter((b) => b.kind === "edge").length, 0);
  assert.equal(bundles(["0.attn.h2"]).filter((b) => b.kind === "qk").length, 0);
});

test("links across groups stay: the embedding into the layer, the layer into the logit", () => {
  assert.deepEqual(
    bundles(["0"]).map((b) => [b.kind, b.source, b.target]),
    [
      ["residual", "embed:7", "0"],
      ["unembed", "0", "logit:5"],
    ],
  );
});

test("the outermost collapsed group stands for a node", () => {
  const fold = foldOf(circuit.nodes, ["0.attn.h2", "0.attn"]);
  assert.equal(fold.standsFor("0.attn.q:33"), "0.attn");
  assert.deepEqual([...fold.groups.keys()], ["0.attn"]);
  assert.equal(fold.standsFor("embed:7"), "embed:7");
});

test("a group that the circuit does not have changes nothing", () => {
  assert.equal(foldOf(circuit.nodes, ["7.attn"]).groups.size, 0);
});

test("collapsing forgets what was collapsed inside; expanding takes away only itself", () => {
  assert.deepEqual(toggleGroup(["0.attn.h2", "1"], "0.attn"), ["1", "0.attn"]);
  assert.deepEqual(toggleGroup(["1", "0.attn"], "1"), ["0.attn"]);
});

test("every kind of group is known", () => {
  assert.deepEqual(groupsOfKind(graph, "layer"), ["0"]);
  assert.deepEqual(groupsOfKind(graph, "block").sort(), ["0.attn", "0.mlp"]);
  assert.deepEqual(groupsOfKind(graph, "head"), ["0.attn.h2"]);
});

test("collapsing moves rows together and leaves every x as it was", () => {
  const whole = layoutCircuit(circuit);
  for (const collapsed of [["0.attn"], ["0.mlp"], ["0.attn.h2"], ["0"]]) {
    const picture = layoutCircuit(circuit, collapsed);
    assert.ok(picture.y[1] < whole.y[1], `${collapsed}`);
    assert.ok(picture.points.has(String(collapsed[0])));
    for (const [id, point] of picture.points) {
      if (whole.points.has(id)) assert.equal(point.x, whole.points.get(id)?.x, id);
    }
  }
});

test("rows stay in order with a head collapsed beside an open one", () => {
  const two = handCircuit();
  const [q] = two.nodes.filter((node) => node.id === "0.attn.q:33");
  assert.ok(q);
  two.nodes.splice(2, 0, { ...q, id: "0.attn.q:65", index: 65, head: 4, channel: 1 });
  const picture = layoutCircuit(two, ["0.attn.h2"]);
  assert.equal(picture.heads.length, 1);
  assert.equal(picture.points.get("0.attn.h2")?.y, picture.points.get("0.attn.q:65")?.y);
  const ys = picture.rows.map((row) => row.y);
  assert.deepEqual(
    ys,
    [...ys].sort((a, b) => a - b),
  );
});
