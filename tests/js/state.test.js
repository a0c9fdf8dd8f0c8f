// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { createStore, DEFAULT_VIEW, panelOf, readView, toggleCut, writeView } from "../../static/state.js";

const A = "3.mlp.post_act:117";
const B = "0.attn.q:33";

test("a view survives its URL", () => {
  const view = {
    ...DEFAULT_VIEW,
    ...{ node: A, cut: [B, A], mode: /** @type {const} */ ("zero"), within: /** @type {const} */ ("model") },
    ...{
      minWeight: 0.125,
      x: /** @type {[number, number]} */ ([-1.5, 4]),
      y: /** @type {[number, number]} */ ([0, 9.25]),
    },
    ...{ prompt: 'print("a & b\n', panel: /** @type {const} */ ("cut") },
  };
  assert.deepEqual(readView(writeView(view)), view);
});

test("the default view has no query", () => {
  assert.equal(writeView(DEFAULT_VIEW), "");
  assert.deepEqual(readView(""), DEFAULT_VIEW);
});

test("the query reads as in the docs", () => {
  const view = { ...DEFAULT_VIEW, node: A, cut: [B], x: /** @type {[number, number]} */ ([1, 2]) };
  assert.equal(writeView(view), `?node=${A}&cut=${B}&x=1,2`);
});

test("what cannot be read is left at its default", () => {
  const query = "?node=../etc&cut=1;2&mode=drop&within=all&min_weight=-3&x=5,1&y=a,b&panel=shell";
  assert.deepEqual(readView(query), DEFAULT_VIEW);
});

test("nodes that are not in the circuit are dropped, repeated cuts are one", () => {
  const view = readView(`?node=${A}&cut=${B}&cut=${B}&cut=${A}`, new Set([B]));
  assert.equal(view.node, null);
  assert.deepEqual(view.cut, [B]);
});

test("a cut is put in and taken back", () => {
  const once = toggleCut(DEFAULT_VIEW, A);
  assert.deepEqual(once.cut, [A]);
  assert.deepEqual(toggleCut(once, A).cut, []);
});

test("a view without a panel shows the obvious one", () => {
  assert.equal(panelOf(DEFAULT_VIEW), "node");
  assert.equal(panelOf({ ...DEFAULT_VIEW, cut: [A] }), "cut");
  assert.equal(panelOf({ ...DEFAULT_VIEW, cut: [A], node: A }), "node");
  assert.equal(panelOf({ ...DEFAULT_VIEW, prompt: "x" }), "prompt");
});

test("the store tells what was before", () => {
  const store = createStore(DEFAULT_VIEW);
  const seen = /** @type {unknown[]} */ ([]);
  const stop = store.onChange((now, before) => seen.push([before.node, now.node]));
  store.set({ node: A });
  stop();
  store.set({ node: null });
  assert.deepEqual(seen, [[null, A]]);
});
