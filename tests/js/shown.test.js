// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { searchNodes, searchTokens } from "../../static/find.js";
import { graphOf } from "../../static/graph.js";
import { filterWords, shownOf, shownWords } from "../../static/shown.js";
import { notesOf } from "../../static/stage_notes.js";
import { DEFAULT_VIEW } from "../../static/state.js";
import { handCircuit } from "./hand_circuit.js";

const graph = graphOf(handCircuit());

test("the threshold hides edges lighter than it says and keeps those as heavy", () => {
  assert.equal(shownOf(graph, { ...DEFAULT_VIEW, minWeight: 0.25 }).edges.length, 5);
  assert.equal(shownOf(graph, { ...DEFAULT_VIEW, minWeight: 0.76 }).edges.length, 2);
});

test("nodes of small effect go with their edges and links; what only they read goes too", () => {
  const shown = shownOf(graph, { ...DEFAULT_VIEW, minEffect: 0.3 });
  assert.deepEqual([...shown.ids].sort(), ["0.attn.act_in:7", "embed:7", "logit:5"]);
  assert.equal(shown.edges.length, 0);
  assert.deepEqual(
    shown.links.map((link) => link.kind),
    ["residual"],
  );
  assert.equal(shownWords(graph, shown), "showing 0 of 6 edges, 1 of 8 nodes");
});

test("what is selected or cut is not hidden", () => {
  const view = { ...DEFAULT_VIEW, minEffect: 9, node: "0.attn.q:33", cut: ["0.attn.v:35"] };
  assert.deepEqual([...shownOf(graph, view).ids].sort(), ["0.attn.q:33", "0.attn.v:35", "logit:5"]);
});

test("thresholds are said with their unit", () => {
  assert.equal(
    filterWords({ ...DEFAULT_VIEW, minWeight: 0.25, minEffect: 0.0012 }),
    "|weight| ≥ 0.250, |effect| ≥ 0.0012 nats",
  );
  assert.equal(filterWords(DEFAULT_VIEW), "");
});

test("search finds by index first, then by words", () => {
  const ids = (/** @type {string} */ query) => searchNodes(graph, query, (n) => n.site).map((n) => n.id);
  assert.equal(ids("117")[0], "0.mlp.post_act:117");
  assert.deepEqual(ids("attn 33"), ["0.attn.q:33", "0.attn.k:33"]);
  assert.deepEqual(ids("h2.ch3"), ["0.attn.v:35"]);
  assert.deepEqual(ids("  "), []);
});

test("a token finds the channels it writes and the logit it is", () => {
  assert.deepEqual(
    searchTokens(graph, "def").map((hit) => hit.id),
    ["embed:7"],
  );
  assert.deepEqual(
    searchTokens(graph, "·def").map((hit) => hit.name),
    ["·def"],
  );
  assert.deepEqual(
    searchTokens(graph, '")').map((hit) => hit.id),
    ["logit:5"],
  );
  assert.deepEqual(searchTokens(graph, "nowhere"), []);
});

test("a circuit without edges, a link to a stranger and thresholds that hide all are said", () => {
  const bare = graphOf({ ...handCircuit(), edges: [] });
  const note = (
    /** @type {typeof graph} */ of,
    view = DEFAULT_VIEW,
    strangers = /** @type {string[]} */ ([]),
  ) => notesOf(of, shownOf(of, view), view, strangers).map((n) => n.text);
  assert.match(note(bare)[0] ?? "", /no edges: no nonzero weight joins any two of its 8 nodes/);
  assert.match(note(graph, DEFAULT_VIEW, ["9.attn.q:1"])[0] ?? "", /names 9\.attn\.q:1, which this circuit/);
  assert.match(note(graph, { ...DEFAULT_VIEW, minWeight: 5 })[0] ?? "", /hide every edge/);
  assert.deepEqual(note(graph), []);
  const unshared = notesOf(graph, shownOf(graph, DEFAULT_VIEW), DEFAULT_VIEW, [], null, true);
  assert.deepEqual(unshared[0]?.action?.change, { panel: "notes" });
  const stale = notesOf(graph, shownOf(graph, DEFAULT_VIEW), DEFAULT_VIEW, [], "9.9");
  assert.match(stale[0]?.text ?? "", /now runs version 9\.9; reload/);
});
