// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { heightOf } from "../../static/histogram.js";
import { ticksOf } from "../../static/legend.js";
import { lightOf } from "../../static/light.js";
import { restWords } from "../../static/node_scores.js";
import { clearestWay } from "../../static/node_task.js";
import { placesOf } from "../../static/prompt_contrast.js";
import { linesOf, tiny } from "../../static/prompt_ledger.js";
import { largest, lightAt, lightOfContrast } from "../../static/prompt_light.js";
import { along, axisOf } from "../../static/strip.js";

const NO_PREDICTION = { top: [], candidates: [], logit_diff: 0 };

/** @param {number} value @param {number} half */
const around = (value, half) => ({ value, low: value - half, high: value + half });

test("an axis of strips always has zero on it", () => {
  const strip = { name: "a", values: [2, 4], mean: around(3, 0.5) };
  assert.deepEqual(axisOf([strip]), { low: 0, high: 4 });
  assert.equal(along(3, { low: 0, high: 4 }), 75);
  assert.deepEqual(axisOf([{ name: "a", values: [0], mean: around(0, 0) }]), { low: -1, high: 1 });
});

test("the legend's ticks are round and leave each other room", () => {
  const texts = (/** @type {number} */ max) => ticksOf(max).map((tick) => tick.text);
  assert.deepEqual(texts(2.056), ["−2.06", "−0.21", "0", "+0.21", "+2.06"]);
  assert.deepEqual(texts(0.924), ["−0.924", "0", "+0.924"]);
});

test("a bar's height is the logarithm of its count", () => {
  assert.equal(heightOf(0, 9), 0);
  assert.equal(heightOf(9, 9), 1);
  assert.ok(Math.abs(heightOf(Math.sqrt(10) - 1, 9) - 0.5) < 1e-12);
});

test("the way that is shown first keeps the circuit's classes furthest apart", () => {
  const values = (/** @type {number} */ value, /** @type {number} */ half) => ({
    class_1: [],
    class_2: [],
    mean_1: around(0, 0),
    mean_2: around(0, 0),
    difference: around(value, half),
  });
  const of = { last: values(4, 4), mean: values(-1, 0.1), largest: values(0, 0) };
  const none = { last: values(0, 0), mean: values(0, 0), largest: values(0, 0) };
  const about = {
    circuit_id: "c",
    node: "n",
    task: "t",
    n_pairs: 2,
    split: /** @type {"heldout"} */ ("heldout"),
  };
  assert.equal(clearestWay({ ...about, full_model: none, circuit: of }), "mean");
  assert.equal(clearestWay({ ...about, full_model: of, circuit: none }), "last");
});

test("light is on the scale of the largest activation at a kind of site", () => {
  const run = {
    prediction: NO_PREDICTION,
    activations: [
      [1, -4],
      [2, 0],
      [10, 5],
    ],
  };
  const trace = {
    tokens: ["a", "b"],
    nodes: ["0.mlp.post_act:1", "1.mlp.post_act:1", "0.attn.q:1"],
    full_model: run,
    circuit: run,
    elapsed_ms: 1,
  };
  assert.deepEqual([...lightAt(trace, "circuit", 0).values()], [0.25, 0.5, 1]);
  assert.deepEqual([...lightAt(trace, "circuit", 1).values()], [-1, 0, 0.5]);
  assert.deepEqual([...lightOf([{ id: "a", value: 3, scale: 0 }])], [["a", 0]]);
});

const CONTRAST = {
  tokens: /** @type {[string[], string[]]} */ ([
    ["x", "1"],
    ["x", "2"],
  ]),
  places: /** @type {[number, number][]} */ ([
    [0, 0],
    [1, 1],
  ]),
  nodes: [
    { node: "0.attn.q:1", label: "", full_model: [0, 0], circuit: [0, -2], largest: -2, at: 1 },
    { node: "0.attn.q:2", label: "", full_model: [0, 1], circuit: [0, 1], largest: 1, at: 1 },
  ],
  n_same: 3,
  full_model: /** @type {[any, any]} */ ([NO_PREDICTION, NO_PREDICTION]),
  circuit: /** @type {[any, any]} */ ([NO_PREDICTION, NO_PREDICTION]),
  elapsed_ms: 1,
};

test("only what differs is lit", () => {
  assert.deepEqual([...lightOfContrast(CONTRAST, "circuit", null).values()], [-1, 0.5]);
  assert.deepEqual([...lightOfContrast(CONTRAST, "full_model", 1).keys()], ["0.attn.q:2"]);
  assert.equal(lightOfContrast(CONTRAST, "circuit", 0).size, 0);
  assert.equal(largest([1, -3, 2]), -3);
});

test("places where prompts differ show both tokens", () => {
  assert.deepEqual(placesOf(CONTRAST), [
    { text: "x", marked: false },
    { text: "1|2", marked: true },
  ]);
});

test("a ledger's runs stand side by side, the circuit's largest entry first", () => {
  const entry = (
    /** @type {any} */ kind,
    /** @type {string} */ source,
    /** @type {number} */ logit_diff,
  ) => ({
    kind,
    source,
    label: source,
    logit_diff,
  });
  const run = { total: 0, measured: 0, norm_scale: 1 };
  const lines = linesOf({
    candidates: ["a", "b"],
    elapsed_ms: 1,
    circuit: { ...run, entries: [entry("embedding", "", 0.5), entry("node", "0.mlp.resid_delta:1", -2)] },
    full_model: { ...run, entries: [entry("embedding", "", 0.4), entry("held", "final_resid", 1)] },
  });
  assert.deepEqual(
    lines.map((line) => [line.entry.kind, line.circuit, line.full]),
    [
      ["node", -2, null],
      ["embedding", 0.5, 0.4],
      ["held", null, 1],
    ],
  );
  assert.equal(tiny(-2.4e-7), "−2e−7");
  assert.equal(tiny(0), "0");
});

test("what other channels add to every score alike is a sentence", () => {
  const channels = [{ channel: 3, q_kept: true, k_kept: true, scores: [0.25, -1] }];
  const same = { rest: [22, 22.004], channels, sink_logit: 2.93 };
  assert.match(
    restWords(same),
    /^\. All other channels add \+22\.00 to every score, which weighs against the sink alone/,
  );
  assert.match(restWords({ ...same, sink_logit: null }), /no token’s share feels/);
  assert.match(restWords({ ...same, rest: [1, 2] }), /^, and the rest/);
});
