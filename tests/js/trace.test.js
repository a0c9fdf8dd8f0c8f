// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { graphOf } from "../../static/graph.js";
import { stepsOf, traceFrom, traceWords } from "../../static/trace.js";
import { handCircuit } from "./hand_circuit.js";

const graph = graphOf(handCircuit());
const steps = stepsOf(graph);

/** @param {string} from @param {"up" | "down" | "both"} direction @param {number} hops */
const nodes = (from, direction, hops) => [...traceFrom(steps, [from], direction, hops).nodes].sort();

test("one hop down from a channel that attention reads: the q, k and v channels it feeds", () => {
  assert.deepEqual(nodes("0.attn.act_in:7", "down", 1), [
    "0.attn.act_in:7",
    "0.attn.k:33",
    "0.attn.q:33",
    "0.attn.v:35",
  ]);
});

test("from q the trace meets k and is carried by v: attention is a step, not a wall", () => {
  assert.deepEqual(nodes("0.attn.q:33", "down", 1), ["0.attn.k:33", "0.attn.q:33", "0.attn.v:35"]);
  assert.deepEqual(nodes("0.attn.q:33", "down", 2), [
    "0.attn.k:33",
    "0.attn.q:33",
    "0.attn.resid_delta:9",
    "0.attn.v:35",
  ]);
});

test("upstream of what a head writes are its v, then also its q and k", () => {
  assert.deepEqual(nodes("0.attn.resid_delta:9", "up", 1), ["0.attn.resid_delta:9", "0.attn.v:35"]);
  assert.deepEqual(nodes("0.attn.resid_delta:9", "up", 2), [
    "0.attn.act_in:7",
    "0.attn.k:33",
    "0.attn.q:33",
    "0.attn.resid_delta:9",
    "0.attn.v:35",
  ]);
});

test("a residual channel is one hop from its writer to its reader", () => {
  assert.deepEqual(nodes("0.attn.resid_delta:9", "down", 1), ["0.attn.resid_delta:9", "0.mlp.act_in:9"]);
});

test("without end, a logit is reached from everything and from nothing beside", () => {
  const all = [...graph.nodes.keys(), "embed:7", "logit:5"].sort();
  assert.deepEqual(nodes("logit:5", "up", 0), all);
  assert.deepEqual(nodes("embed:7", "down", 0), all);
});

test("both ways is what lies up and what lies down, without turning round", () => {
  const found = nodes("0.attn.resid_delta:9", "both", 1);
  assert.deepEqual(found, ["0.attn.resid_delta:9", "0.attn.v:35", "0.mlp.act_in:9"]);
  assert.ok(!nodes("0.mlp.act_in:9", "both", 0).includes("nowhere"));
  // act_in:7 feeds q; from resid_delta:9 both ways without end, nothing that only shares an ancestor is added.
  const graphWithSibling = graphOf({
    ...handCircuit(),
    edges: [...handCircuit().edges, { source: "0.mlp.act_in:9", target: "0.mlp.post_act:5", weight: 1 }],
  });
  const sibling = traceFrom(stepsOf(graphWithSibling), ["0.mlp.post_act:117"], "both", 0).nodes;
  assert.ok(!sibling.has("0.mlp.post_act:5"));
});

test("the edges walked are those inside the hops", () => {
  const { along } = traceFrom(steps, ["0.mlp.post_act:117"], "both", 1);
  assert.deepEqual([...along].map((line) => `${line.source} ${line.target}`).sort(), [
    "0.mlp.act_in:9 0.mlp.post_act:117",
    "0.mlp.post_act:117 0.mlp.resid_delta:7",
  ]);
});

test("several nodes are traced together", () => {
  const { nodes } = traceFrom(steps, ["0.attn.q:33", "0.mlp.post_act:117"], "up", 1);
  assert.deepEqual([...nodes].sort(), [
    "0.attn.act_in:7",
    "0.attn.k:33",
    "0.attn.q:33",
    "0.mlp.act_in:9",
    "0.mlp.post_act:117",
  ]);
});

test("a loop of q and k ends", () => {
  assert.equal(traceFrom(steps, ["0.attn.k:33"], "down", 0).nodes.has("logit:5"), true);
});

test("a trace says through which head it went, and what it reaches of what is shown", () => {
  const shown = { ids: new Set(graph.nodes.keys()), edges: graph.circuit.edges };
  const words = (/** @type {string} */ id, /** @type {number} */ hops) =>
    traceWords(graph, traceFrom(steps, [id], "down", hops), new Set([id]), shown);
  assert.equal(words("0.attn.act_in:7", 1), "reaches 3 nodes along 3 edges");
  assert.equal(words("0.attn.k:33", 2), "reaches 3 nodes along 1 edge, through head 2 of layer 0");
  const hidden = { ids: new Set(["0.attn.v:35"]), edges: [] };
  const trace = traceFrom(steps, ["0.attn.k:33"], "down", 2);
  assert.match(traceWords(graph, trace, new Set(["0.attn.k:33"]), hidden), /^reaches 1 node along 0 edges/);
});
