// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { graphOf } from "../../static/graph.js";
import { ablationRequest, edgesBetween, suggestions, targetWords } from "../../static/lab_request.js";
import { cutsOf, isCut } from "../../static/selection.js";
import { DEFAULT_VIEW, readView, strangersIn, TARGET, writeView } from "../../static/state.js";
import { along } from "../../static/steer_curve.js";
import { linesOf, sorted } from "../../static/sweep_panel.js";
import { handCircuit } from "./hand_circuit.js";

const CIRCUIT = { id: "0123456789abcdef", model: "tiny", task: "quotes" };
const EDGE = "0.mlp.act_in:5->0.mlp.post_act:9";

test("cutting nodes to mean or zero takes the short form", () => {
  const view = { ...DEFAULT_VIEW, cut: ["0.attn.q:1"] };
  assert.deepEqual(ablationRequest(view, CIRCUIT, 64), {
    target: { kind: "circuit", circuit: CIRCUIT.id },
    ...{ nodes: ["0.attn.q:1"], mode: "mean", interventions: [], n_pairs: 64, seed: 0 },
  });
  const whole = ablationRequest({ ...view, within: "model", mode: "zero" }, CIRCUIT, 64);
  assert.deepEqual(whole.target, {
    kind: "model",
    model: "tiny",
    task: "quotes",
    circuit: "0123456789abcdef",
  });
  assert.equal(whole.mode, "zero");
});

test("all else is asked for one by one, with its number", () => {
  const view = { ...DEFAULT_VIEW, cut: ["0.attn.h3", EDGE] };
  assert.deepEqual(ablationRequest(view, CIRCUIT, 8).interventions, [
    { mode: "mean", on: "0.attn.h3" },
    { mode: "mean", on: EDGE },
  ]);
  const of = (/** @type {Partial<typeof DEFAULT_VIEW>} */ change) =>
    ablationRequest({ ...DEFAULT_VIEW, cut: ["1"], ...change }, CIRCUIT, 8).interventions[0];
  assert.deepEqual(of({ mode: "value", amount: -2 }), { mode: "value", on: "1", value: -2 });
  assert.deepEqual(of({ mode: "steer" }), { mode: "steer", on: "1", t: 0.5 });
  assert.deepEqual(of({ mode: "patch", amount: 3 }), { mode: "patch", on: "1" });
});

test("targets have five forms", () => {
  for (const good of ["3.mlp.post_act:117", EDGE, "0.attn.h3", "2.mlp", "1"])
    assert.ok(TARGET.test(good), good);
  for (const bad of ["", "quote", "1.mlp.h3", "a->b", `${EDGE}->1`, "0.attn.h3 "])
    assert.ok(!TARGET.test(bad), bad);
});

test("a view with edges, groups and a number survives its address", () => {
  const known = { has: () => true };
  const view = {
    ...DEFAULT_VIEW,
    cut: [EDGE, "0.attn.h3", "1"],
    mode: /** @type {const} */ ("steer"),
    amount: 0.25,
  };
  const query = writeView(view);
  assert.equal(query, `?cut=${EDGE}&cut=0.attn.h3&cut=1&mode=steer&amount=0.25`);
  assert.deepEqual(readView(query, known, known), view);
  assert.equal(readView("?mode=steer&amount=7").amount, null);
  assert.equal(readView("?mode=mean&amount=7").amount, null);
  assert.equal(readView("?mode=value&amount=-7e2").amount, -700);
});

test("what the circuit lacks is named, unless the whole model is asked", () => {
  const none = new Set(/** @type {string[]} */ ([]));
  const query = `?cut=${EDGE}&cut=1.mlp`;
  assert.deepEqual(strangersIn(query, none, none), EDGE.split("->"));
  assert.deepEqual(readView(query, none, none).cut, ["1.mlp"]);
  assert.deepEqual(strangersIn(`${query}&within=model`, none, none), []);
  assert.deepEqual(readView(`${query}&within=model`, none, none).cut, [EDGE, "1.mlp"]);
});

test("a cut layer crosses out its nodes, a cut edge only itself", () => {
  const graph = graphOf(handCircuit());
  const [edge] = graph.circuit.edges;
  assert.ok(edge);
  const name = `${edge.source}->${edge.target}`;
  assert.ok(isCut(cutsOf(graph, [name]), edge));
  assert.ok(!cutsOf(graph, [name]).has(edge.source));
  const [group] = graph.groups.values();
  assert.ok(group?.members.every((id) => cutsOf(graph, [group.id]).has(id)));
  assert.ok(suggestions(graph).includes(name));
  assert.deepEqual(edgesBetween(graph, [edge.source, edge.target]), [name]);
  assert.match(targetWords(graph, String(group?.id)), /nodes kept/);
  assert.equal(targetWords(graph, "7.mlp"), "not in this circuit");
});

const at = (/** @type {number} */ value) => ({ value, low: value, high: value });
const point = (/** @type {number} */ t, /** @type {number} */ value) => ({
  ...{ t, on_first: at(value), on_second: at(-value), loss_nats: at(0) },
});

test("between its points a curve is straight", () => {
  const curve = { nodes: [], points: [point(0, 4), point(0.5, 2), point(1, -4)] };
  assert.deepEqual(
    [0, 0.25, 0.5, 0.75, 1].map((t) => along(curve, t, "on_first")),
    [4, 3, 2, -1, -4],
  );
  assert.equal(along(curve, 0.75, "on_second"), 1);
});

test("a sweep sorts by effect, by accuracy and by name, numbers as numbers", () => {
  const node = (/** @type {string} */ id, /** @type {number} */ value, /** @type {number} */ accuracy) => ({
    ...{ node: id, label: "", effect_nats: at(value), accuracy_change: accuracy },
  });
  const sweep = /** @type {import("../../static/lab_types.js").Sweep} */ (
    /** @type {unknown} */ ({
      nodes: [node("0.attn.q:10", 0.3, 0), node("0.attn.q:9", -0.1, -0.5)],
      edges: [{ source: "a", target: "b", weight: -1.5, effect_nats: at(1), accuracy_change: 0 }],
    })
  );
  const parts = (/** @type {Parameters<typeof sorted>[1]} */ order) =>
    sorted(linesOf(sweep, "nodes"), order).map((line) => line.part);
  assert.deepEqual(parts({ by: "effect", up: false }), ["0.attn.q:10", "0.attn.q:9"]);
  assert.deepEqual(parts({ by: "part", up: true }), ["0.attn.q:9", "0.attn.q:10"]);
  assert.deepEqual(parts({ by: "accuracy", up: true }), ["0.attn.q:9", "0.attn.q:10"]);
  assert.deepEqual(
    linesOf(sweep, "edges").map(({ part, words }) => [part, words]),
    [["a->b", "weight −1.500"]],
  );
});
