// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { decades, staircase } from "../../static/reached.js";

const size = (/** @type {number} */ elapsed_s, /** @type {number} */ n_edges) => ({
  elapsed_s,
  phase: "learning",
  n_nodes: 2 * n_edges,
  n_edges,
  loss_nats: 0.1,
});

test("a smaller circuit is lower, equal ratios are equal steps, and the line is level in between", () => {
  const { points, path, last } = staircase([size(2, 1000), size(4, 100), size(10, 10)]);
  const [a, b, c] = points.map((point) => point.y);
  assert.ok(a !== undefined && b !== undefined && c !== undefined && a < b && b < c);
  assert.ok(Math.abs(b - a - (c - b)) < 1e-6);
  assert.equal(last, 10);
  assert.match(path, /^M[\d.]+ [\d.]+H[\d.]+V[\d.]+H[\d.]+V[\d.]+H[\d.]+$/);
});

test("a circuit without edges has a place, and so has one alone", () => {
  for (const sizes of [[size(0, 0)], [size(0.5, 3), size(1, 0)]]) {
    const { points, path } = staircase(sizes);
    assert.ok(points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)));
    assert.ok(!path.includes("NaN"));
  }
});

test("ticks are powers of ten, or the ends where none is within", () => {
  assert.deepEqual(decades(8, 1200), [10, 100, 1000]);
  assert.deepEqual(decades(12, 80), [12, 80]);
});
