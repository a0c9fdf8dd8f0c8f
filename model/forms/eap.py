"""A circuit as the graph JSON of EAP-IG and the MIB benchmark: heads and MLPs, and edges between them.

Their graph has one node a head and one an MLP, every one connected to all before it. A node is in the graph where the
circuit keeps something of it; `neurons` are the residual channels that it writes in the circuit. An edge is in the
graph where a residual channel that the source writes is read by the target; its score is the number of such channels.
"""

from collections import defaultdict
from typing import Any

from model.forms.told import Told, plural
from model.sites import Node

FORMAT = "sparsescope-eap/1"


def eap_json(told: Told, collapsed_loss_nats: tuple[float, float, float] | None = None) -> dict[str, Any]:
    """`collapsed_loss_nats`: the loss with every head and MLP of the graph kept whole, the rest at its mean."""
    config = told.config
    writes, reads = _writes(told), _reads(told)
    names = list(_names(config.n_layer, config.n_head))
    present = {name for name in names if writes.get(name) or any(reads.get((name, part)) for part in "qkv.")}
    edges: dict[str, dict[str, Any]] = {}
    for source, target, part in _all_edges(config.n_layer, config.n_head):
        shared = writes.get(source, set()) & reads.get((target, part), set())
        suffix = f"<{part}>" if part in "qkv" else ""
        edges[f"{source}->{target}{suffix}"] = {"score": float(len(shared)), "in_graph": bool(shared)}
    lost = dropped(told)
    return {
        "cfg": {
            "n_layers": config.n_layer, "n_heads": config.n_head, "parallel_attn_mlp": False, "d_model": config.d_model
        },
        "nodes": {name: _node(name, name in present, writes.get(name, set()), config.d_model) for name in names},
        "edges": edges,
        "sparsescope": {
            "format": FORMAT,
            "circuit": told.id,
            "model": told.model,
            "model_fingerprint": told.model_fingerprint,
            "task": told.task,
            "score": "number of residual channels that the source writes and the target reads in the circuit",
            "loss_nats": told.loss_nats[0],
            "collapsed_loss_nats": None if collapsed_loss_nats is None else collapsed_loss_nats[0],
            "collapsed_loss_interval_nats": None if collapsed_loss_nats is None else list(collapsed_loss_nats[1:]),
            "full_model_loss_nats": told.full_model_loss_nats,
            "n_pairs": told.n_pairs,
            "dropped": lost,
        },
    }  # fmt: skip


def dropped(told: Told) -> list[str]:
    """What this form has no place for, a sentence each."""
    inner = sum(each.node.part in ("attn.q", "attn.k", "attn.v", "mlp.post_act") for each in told.nodes)
    lost = [
        f"{plural(inner, 'kept channel')} of heads and neurons: a head or an MLP is one node, in or out as a whole.",
        f"The {plural(len(told.edges), 'weight')} between kept nodes: an edge here is a head or MLP that writes "
        "residual channels which another reads.",
        "The means at which all else is held.",
    ]
    if told.cut_edges:
        lost.append(f"That the circuit cuts {plural(len(told.cut_edges), 'weight')} between kept nodes.")
    if told.calibration:
        lost.append("The scale and shift of the logits that the circuit's loss is measured with.")
    if told.n_masked:
        lost.append(f"That {plural(told.n_masked, 'channel')} of final_resid stand at their mean before the last norm.")
    return lost


def heads_and_mlps(nodes: list[Node], d_head: int) -> tuple[set[tuple[int, int]], set[int]]:
    """The heads (layer, number) and the layers' MLPs of which something inside is kept."""
    heads = {(n.layer, n.index // d_head) for n in nodes if n.part in ("attn.q", "attn.k", "attn.v")}
    return heads, {node.layer for node in nodes if node.part.startswith("mlp")}


def _names(n_layers: int, n_heads: int) -> list[str]:
    names = ["input"]
    for layer in range(n_layers):
        names += [f"a{layer}.h{head}" for head in range(n_heads)] + [f"m{layer}"]
    return [*names, "logits"]


def _all_edges(n_layers: int, n_heads: int) -> list[tuple[str, str, str]]:
    """Every edge of their graph as source, target and what of the target reads it (`.`: all of it)."""
    stream, edges = ["input"], []
    for layer in range(n_layers):
        heads = [f"a{layer}.h{head}" for head in range(n_heads)]
        edges += [(source, head, part) for head in heads for source in stream for part in "qkv"]
        stream += heads
        edges += [(source, f"m{layer}", ".") for source in stream]
        stream.append(f"m{layer}")
    return edges + [(source, "logits", ".") for source in stream]


def _node(name: str, in_graph: bool, writes: set[int], d_model: int) -> dict[str, Any]:
    if name == "logits":
        return {"in_graph": in_graph}
    return {"in_graph": in_graph, "neurons": [channel in writes for channel in range(d_model)]}


def _writes(told: Told) -> dict[str, set[int]]:
    """For each of their nodes the residual channels that it writes in the circuit."""
    writes: dict[str, set[int]] = defaultdict(set)
    writes["input"] |= set(told.embed_channels)
    for edge in told.edges:
        if edge.target.part == "attn.resid_delta":
            head = edge.source.index // told.config.d_head
            writes[f"a{edge.target.layer}.h{head}"].add(edge.target.index)
        elif edge.target.part == "mlp.resid_delta":
            writes[f"m{edge.target.layer}"].add(edge.target.index)
    return writes


def _reads(told: Told) -> dict[tuple[str, str], set[int]]:
    """For each of their nodes, and q, k and v of a head apart, the residual channels that it reads."""
    reads: dict[tuple[str, str], set[int]] = defaultdict(set)
    for edge in told.edges:
        if edge.source.index >= told.config.d_model:
            continue  # a concatenated position is no residual channel
        if edge.source.part == "attn.act_in":
            head = edge.target.index // told.config.d_head
            reads[f"a{edge.source.layer}.h{head}", edge.target.part[-1]].add(edge.source.index)
        elif edge.source.part == "mlp.act_in":
            reads[f"m{edge.source.layer}", "."].add(edge.source.index)
    kept = {str(each.node): each.node for each in told.nodes}
    for link in told.links:
        if link.kind == "unembed" and link.source in kept:
            reads["logits", "."].add(kept[link.source].index)
    return reads
