// @ts-check
// A circuit small enough to draw on paper: one head, one neuron, two channels, one layer.

/** @import { CircuitDetail, CircuitNode } from "../../static/types.js" */

/** @param {string} id @param {Partial<CircuitNode>} more @returns {CircuitNode} */
function node(id, more) {
  const [site = "", index = "0"] = id.split(":");
  return {
    ...{ id, site, layer: 0, index: Number(index), head: null, channel: null },
    ...{ label: index, effect_nats: 0.1, mean: 0 },
    ...more,
  };
}

/** @returns {CircuitDetail} */
export function handCircuit() {
  const part = {
    nodes: [
      node("0.attn.act_in:7", { effect_nats: 0.4 }),
      node("0.attn.q:33", { head: 2, channel: 1, label: "h2.ch1" }),
      node("0.attn.k:33", { head: 2, channel: 1, label: "h2.ch1", effect_nats: -0.1 }),
      node("0.attn.v:35", { head: 2, channel: 3, label: "h2.ch3" }),
      node("0.attn.resid_delta:9", {}),
      node("0.mlp.act_in:9", {}),
      node("0.mlp.post_act:117", {}),
      node("0.mlp.resid_delta:7", {}),
    ],
    edges: [
      { source: "0.attn.act_in:7", target: "0.attn.q:33", weight: 0.25 },
      { source: "0.attn.act_in:7", target: "0.attn.k:33", weight: -0.5 },
      { source: "0.attn.act_in:7", target: "0.attn.v:35", weight: 1 },
      { source: "0.attn.v:35", target: "0.attn.resid_delta:9", weight: 0.75 },
      { source: "0.mlp.act_in:9", target: "0.mlp.post_act:117", weight: -1 },
      { source: "0.mlp.post_act:117", target: "0.mlp.resid_delta:7", weight: 0.1 },
    ],
    links: [
      { kind: "residual", source: "embed:7", target: "0.attn.act_in:7", weight: 1 },
      { kind: "residual", source: "0.attn.resid_delta:9", target: "0.mlp.act_in:9", weight: 1 },
      { kind: "qk", source: "0.attn.q:33", target: "0.attn.k:33", weight: 1 },
      { kind: "unembed", source: "0.mlp.resid_delta:7", target: "logit:5", weight: 0.3 },
    ],
    terminals: [
      { id: "embed:7", kind: "embed", index: 7, label: "7", tokens: [{ token: " def", weight: 2 }] },
      { id: "logit:5", kind: "logit", index: 5, label: '")', tokens: [] },
    ],
    n_layer: 1,
    id: "0".repeat(16),
    model: "tiny",
    task: "quotes",
  };
  return /** @type {CircuitDetail} */ (/** @type {unknown} */ (part));
}
