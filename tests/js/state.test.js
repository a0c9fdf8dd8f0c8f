// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { stepHops } from "../../static/keys.js";
import {
  edgesToCut,
  select,
  selectedNodes,
  selectionOf,
  toggleCuts,
  toggleSelected,
} from "../../static/selection.js";
import {
  createStore,
  DEFAULT_VIEW,
  panelOf,
  readView,
  strangersIn,
  toggleCut,
  withSection,
  writeView,
} from "../../static/state.js";

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
    ...{
      also: [B, "3.mlp.post_act:9", "logit:5"],
      minEffect: 0.0125,
      collapsed: ["0", "1.attn", "2.attn.h7"],
    },
    ...{ trace: /** @type {const} */ ("up"), hops: 0 },
    ...{
      side: /** @type {const} */ ("contrast"),
      against: "print('a ",
      lights: /** @type {const} */ ("full_model"),
    },
    ...{ prompt: 'print("a & b\n', panel: /** @type {const} */ ("cut") },
    open: /** @type {const} */ (["task", "attention", "sweep"]),
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
  const query =
    "?node=../etc&cut=1;2&mode=drop&within=all&min_weight=-3&x=5,1&y=a,b&panel=shell" +
    "&trace=sideways&hops=99&show=sideways&lights=none&min_effect=x&collapse=../etc,1.mlp.h2&select=a:b,c";
  assert.deepEqual(readView(query), DEFAULT_VIEW);
});

test("sections are named in one order; none and what is not known are told apart", () => {
  assert.deepEqual(readView("?open=corpus,task").open, ["task", "corpus"]);
  assert.deepEqual(readView("?open=none").open, []);
  assert.deepEqual(readView("?open=shell").open, DEFAULT_VIEW.open);
  const open = withSection(DEFAULT_VIEW.open, "corpus", true);
  assert.equal(writeView({ ...DEFAULT_VIEW, open }), "?open=task,response,corpus");
  assert.equal(writeView({ ...DEFAULT_VIEW, open: withSection(open, "corpus", false) }), "");
  assert.equal(writeView({ ...DEFAULT_VIEW, open: [] }), "?open=none");
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

test("a selection is short in the address: ids of a site share its name", () => {
  const view = { ...DEFAULT_VIEW, also: ["0.attn.q:33", "logit:5", "0.attn.q:4"] };
  assert.equal(writeView(view), "?select=0.attn.q:33.4,logit:5");
});

test("what a link names and the circuit does not have is told", () => {
  const known = new Set([B]);
  const query = `?node=${A}&cut=${B}&select=${B},logit:7,nonsense:1`;
  assert.deepEqual(strangersIn(query, known, new Set(["logit:7"])), [A, "nonsense:1"]);
  assert.deepEqual(readView(query, known, new Set(["logit:7"])).also, [B, "logit:7"]);
});

test("one selected node opens its panel; more are a set; an end has no panel", () => {
  const one = select(DEFAULT_VIEW, [A]);
  assert.deepEqual([one.node, one.also], [A, []]);
  const two = toggleSelected(one, B);
  assert.deepEqual(selectionOf(two), [A, B]);
  assert.deepEqual(selectionOf(toggleSelected(two, A)), [B]);
  const end = select(two, ["logit:5"]);
  assert.deepEqual([end.node, end.also], [null, ["logit:5"]]);
  assert.deepEqual(selectedNodes(select(DEFAULT_VIEW, [A, "logit:5"])), [A]);
});

test("cutting a set cuts what is not cut yet, then takes all back", () => {
  const once = toggleCuts({ ...DEFAULT_VIEW, cut: [A] }, [A, B]);
  assert.deepEqual(once.cut, [A, B]);
  assert.deepEqual(toggleCuts(once, [A, B]).cut, []);
});

test("hops step from 1 to 6, then to all, and back", () => {
  assert.deepEqual(
    [stepHops(1, 1), stepHops(6, 1), stepHops(0, 1), stepHops(0, -1), stepHops(1, -1)],
    [2, 0, 0, 6, 1],
  );
});

test("a click on a line cuts its edges, and none where it is no edge, another's or too many", () => {
  const edge = { source: "0.mlp.act_in:1", target: "0.mlp.post_act:2", weight: 1 };
  const line = {
    kind: /** @type {const} */ ("edge"),
    source: "a",
    target: "b",
    total: 1,
    sign: /** @type {const} */ (1),
    members: [edge],
  };
  assert.deepEqual(
    edgesToCut(line, () => true),
    ["0.mlp.act_in:1->0.mlp.post_act:2"],
  );
  assert.deepEqual(
    edgesToCut({ ...line, kind: "qk" }, () => true),
    [],
  );
  assert.deepEqual(
    edgesToCut(line, (id) => id === edge.source),
    [],
  );
  assert.deepEqual(
    edgesToCut({ ...line, members: Array(17).fill(edge) }, () => true),
    [],
  );
});

test("any query is a view, and what a view writes it reads back", () => {
  let state = 7;
  const below = (/** @type {number} */ n) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * n);
  };
  const written = writeView({ ...DEFAULT_VIEW, node: A, cut: [A, B], also: [B], minWeight: 0.5, x: [-1, 2] });
  const pieces = [
    ..."?&=,:.-+%#<>\"' 09eE∞\u202e",
    ...new URLSearchParams(written).keys(),
    A,
    B,
    "NaN",
    "1e999",
    "%zz",
  ];
  for (let n = 0; n < 3000; n += 1) {
    let query = n % 2 ? written : "?";
    for (let i = below(6); i >= 0; i -= 1) {
      const at = below(query.length + 1);
      query = query.slice(0, at) + pieces[below(pieces.length)] + query.slice(at + below(3));
    }
    const again = writeView(readView(query)); // figures are rounded where they are written
    assert.equal(writeView(readView(again)), again, query);
    assert.ok(!/[<"'\s]/.test(again), again);
  }
});
