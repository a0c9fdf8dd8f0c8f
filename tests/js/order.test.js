// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { orderRails, spread } from "../../static/order.js";

test("rails that share an item stand side by side", () => {
  const ties = [
    { rail: 0, item: 0, weight: 1 },
    { rail: 3, item: 0, weight: 1 },
    { rail: 1, item: 1, weight: 1 },
    { rail: 2, item: 1, weight: 1 },
  ];
  const order = orderRails(4, 2, ties);
  const apart = (/** @type {number} */ a, /** @type {number} */ b) =>
    Math.abs(order.indexOf(a) - order.indexOf(b));
  assert.equal(apart(0, 3), 1);
  assert.equal(apart(1, 2), 1);
});

test("every rail is placed once, with ties or without", () => {
  assert.deepEqual(orderRails(3, 0, []).sort(), [0, 1, 2]);
  assert.deepEqual(orderRails(0, 0, []), []);
});

test("items that fit stay where they want to be", () => {
  const items = [
    { centre: 0.5, width: 1 },
    { centre: 4.5, width: 1 },
  ];
  assert.deepEqual(spread(items, 6), [0, 4]);
});

test("items that want one place share the way", () => {
  const items = [5, 5, 5].map((centre) => ({ centre, width: 1 }));
  assert.deepEqual(
    spread(items, 10),
    [4, 5, 6].map((left) => left - 0),
  );
});

test("nothing leaves the line, wide items keep their gap", () => {
  const items = [
    { centre: 9, width: 3 },
    { centre: 9, width: 2 },
  ];
  assert.deepEqual(spread(items, 8, 1), [2, 6]);
});
