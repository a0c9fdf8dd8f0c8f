// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { differing, pieces } from "../../static/diff.js";
import { niceCeiling } from "../../static/dotplot.js";
import * as format from "../../static/format.js";
import { differenceOf } from "../../static/heatmap.js";

test("losses have three decimals and a true minus", () => {
  assert.equal(format.nats(0.1418), "0.142");
  assert.equal(format.nats(-0.5), "−0.500");
  assert.equal(format.nats(null), "–");
  assert.equal(format.fixed(-0.0001, 3), "0.000");
});

test("changes show their sign", () => {
  assert.equal(format.signed(0.4), "+0.400");
  assert.equal(format.signed(-0.4), "−0.400");
  assert.equal(format.signed(0.0001), "0.000");
});

test("small percentages keep two digits", () => {
  assert.equal(format.percent(0.938), "93.8%");
  assert.equal(format.percent(0.00523), "0.52%");
  assert.equal(format.percent(0), "0.0%");
  assert.equal(format.percent(6.2e-8), "<0.001%");
});

test("cells are short", () => {
  assert.deepEqual([0, 0.123, -0.5, 1.26, -12.4, 250.7, 0.001].map(format.brief), [
    "0",
    ".12",
    "−.50",
    "1.3",
    "−12",
    "251",
    "0",
  ]);
});

test("white space in tokens is seen", () => {
  assert.equal(format.visible("\n  def\t"), "⏎··def→");
});

test("nodes are said in words", () => {
  const node = { id: "3.mlp.post_act:117", layer: 3, index: 117, head: null, channel: null, label: "117" };
  assert.equal(format.nodeWords(node), "layer 3, neuron 117 of the MLP");
  const query = { id: "1.attn.q:33", layer: 1, index: 33, head: 2, channel: 1, label: "h2.ch1" };
  assert.equal(format.nodeWords(query), "layer 1, query channel 1 of head 2");
});

test("durations grow their unit", () => {
  assert.deepEqual([2.34, 75, 600, 7200].map(format.duration), ["2.3 s", "75 s", "10 min", "2.0 h"]);
});

test("only what differs in a pair is marked", () => {
  const [a, b] = [pieces('f("hi'), pieces("f('hi")];
  assert.deepEqual(differing(a, b), [
    [false, false, true, false],
    [false, false, true, false],
  ]);
  assert.deepEqual(differing(pieces("a b"), pieces("a new b"))[1], [false, false, true, true, false]);
});

test("the difference of two prompts is taken token by token from their ends", () => {
  const first = { tokens: ["x", "a", "b"], full_model: [9, 1, 2], circuit: [0, 0, 0] };
  const second = { tokens: ["a", "c"], full_model: [0.5, 5], circuit: [0, 0] };
  assert.deepEqual(differenceOf(first, second, "full_model"), [
    { token: "a", value: 0.5, same: true },
    { token: "b|c", value: -3, same: false },
  ]);
});

test("axes end at a round number", () => {
  assert.deepEqual([0.1, 0.71, 1.2, 23].map(niceCeiling), [0.1, 0.8, 1.5, 25]);
});
