"""The circuit JSON of the `sparse_pretrain` replication, written and read.

Theirs holds nodes, edges and the model's sizes. What it has no place for stands under the key `sparsescope`, which
their reader passes over, so that ours comes back exactly as it was.
"""

from dataclasses import dataclass
from typing import Any

from model.circuit import Edge
from model.config import ModelConfig
from model.errors import InputError
from model.forms.json_values import items_of, number_of, object_of, short, text_of, whole_of
from model.forms.told import Told
from model.sites import FINAL, MASKABLE, Node, parse_node, site_width

FORMAT = "sparsescope-sparse_pretrain/1"
LOCATIONS = ("attn_in", "attn_q", "attn_k", "attn_v", "attn_out", "mlp_in", "mlp_neuron", "mlp_out")
SITE_OF = dict(zip(LOCATIONS, MASKABLE, strict=True))
LOCATION_OF = dict(zip(MASKABLE, LOCATIONS, strict=True))
#: Places on the residual stream that the replication draws but does not mask.
UNMASKED = ("resid_pre", "resid_mid", "resid_post")
EDGE_TYPES = {
    ("attn.act_in", "attn.q"): "W_Q", ("attn.act_in", "attn.k"): "W_K", ("attn.act_in", "attn.v"): "W_V",
    ("attn.v", "attn.resid_delta"): "W_O", ("mlp.act_in", "mlp.post_act"): "W_up",
    ("mlp.post_act", "mlp.resid_delta"): "W_down",
}  # fmt: skip


@dataclass(frozen=True)
class Read:
    """What a file says; `notes` are sentences on what it holds besides."""

    nodes: tuple[Node, ...]
    cut_edges: tuple[Edge, ...]
    calibration: tuple[float, float] | None
    final_resid: tuple[int, ...] | None
    task: str | None
    model_fingerprint: str | None
    loss_nats: float | None
    n_edges: int
    notes: tuple[str, ...]


def replication_json(told: Told) -> dict[str, Any]:
    config = told.config
    ids = {str(each.node): _id(each.node) for each in told.nodes}
    edges = [
        _edge(ids[str(edge.source)], ids[str(edge.target)], edge.weight, EDGE_TYPES[edge.source.part, edge.target.part])
        for edge in told.edges
    ]
    kinds = {"residual": "identity", "qk": "qk_match"}
    edges += [
        _edge(ids[link.source], ids[link.target], link.weight, kinds[link.kind])
        for link in told.links
        if link.kind in kinds and link.source in ids and link.target in ids
    ]
    return {
        "nodes": [_node(each.node, config) for each in told.nodes],
        "edges": edges,
        "metadata": {
            "n_layers": config.n_layer,
            "d_model": config.d_model,
            "d_mlp": config.d_mlp,
            "n_heads": config.n_head,
            "d_head": config.d_head,
            "mask_locations": sorted(LOCATIONS),
        },
        "sparsescope": {
            "format": FORMAT,
            "circuit": told.id,
            "model": told.model,
            "model_fingerprint": told.model_fingerprint,
            "task": told.task,
            "calibration": None if told.calibration is None else list(told.calibration),
            "cut_edges": [[str(edge.source), str(edge.target)] for edge in told.cut_edges],
            "final_resid": None if told.final_resid is None else list(told.final_resid),
            "loss_nats": told.loss_nats[0],
            "dropped": [
                "Links from the token embedding and to the logits, for which this form has no nodes.",
                "Effects and means of the nodes; the measured figures beside the loss; where the circuit came from.",
            ],
        },
    }


def _id(node: Node) -> str:
    return f"{node.layer}_{LOCATION_OF[node.part]}_{node.index}"


def _node(node: Node, config: ModelConfig) -> dict[str, Any]:
    of_head = node.part in ("attn.q", "attn.k", "attn.v")
    return {
        "node_id": _id(node),
        "layer": node.layer,
        "location": LOCATION_OF[node.part],
        "index": node.index,
        "head_idx": node.index // config.d_head if of_head else None,
        "head_dim_idx": node.index % config.d_head if of_head else None,
    }


def _edge(source: str, target: str, weight: float, kind: str) -> dict[str, Any]:
    return {"source_id": source, "target_id": target, "weight": weight, "edge_type": kind}


def read_replication(content: object, config: ModelConfig) -> Read:
    """The circuit of a file, for a model of this shape. Raises InputError with one sentence."""
    top = object_of(content, "the file")
    _check_sizes(object_of(top.get("metadata", {}), "metadata"), config)
    nodes, notes = _nodes(top, config)
    own = object_of(top.get("sparsescope", {}), "sparsescope")
    edges = items_of(top.get("edges", []), "edges")
    known = {_id(node) for node in nodes}
    n_edges = 0
    for i, entry in enumerate(edges):
        edge = object_of(entry, f"edges[{i}]")
        number_of(edge.get("weight", 0.0), f"edges[{i}].weight")
        ends = [text_of(edge.get(name), f"edges[{i}].{name}") for name in ("source_id", "target_id")]
        kind = edge.get("edge_type")
        if kind in EDGE_TYPES.values():
            missing = [end for end in ends if end not in known]
            if missing:
                raise InputError(f"edges[{i}] leads to {short(missing[0])}, which is not among the nodes")
            n_edges += 1
    cut = []
    for i, pair in enumerate(items_of(own.get("cut_edges", []), "sparsescope.cut_edges")):
        both = items_of(pair, f"sparsescope.cut_edges[{i}]")
        if len(both) != 2:
            raise InputError(f"sparsescope.cut_edges[{i}] has {len(both)} ends; it needs two")
        cut.append(Edge(*(parse_node(text_of(end, f"sparsescope.cut_edges[{i}]"), config) for end in both)))
    scaling = own.get("calibration")
    calibration = None
    if scaling is not None:
        values = [number_of(v, "sparsescope.calibration") for v in items_of(scaling, "sparsescope.calibration")]
        if len(values) != 2:
            raise InputError(f"sparsescope.calibration has {len(values)} numbers; it needs a scale and a shift")
        calibration = values[0], values[1]
    loss, final = own.get("loss_nats"), own.get(FINAL)
    return Read(
        nodes=tuple(nodes),
        cut_edges=tuple(cut),
        calibration=calibration,
        final_resid=(
            None
            if final is None
            else tuple(whole_of(v, "sparsescope.final_resid") for v in items_of(final, "sparsescope.final_resid"))
        ),
        task=None if own.get("task") is None else text_of(own["task"], "sparsescope.task"),
        model_fingerprint=(
            None
            if own.get("model_fingerprint") is None
            else text_of(own["model_fingerprint"], "sparsescope.model_fingerprint")
        ),
        loss_nats=None if loss is None else number_of(loss, "sparsescope.loss_nats"),
        n_edges=n_edges,
        notes=tuple(notes),
    )


def _check_sizes(found: dict[str, Any], config: ModelConfig) -> None:
    """A circuit of a model of another shape is refused before its nodes are looked at."""
    here = {
        "n_layers": config.n_layer, "d_model": config.d_model, "d_mlp": config.d_mlp, "n_heads": config.n_head,
        "d_head": config.d_head,
    }  # fmt: skip
    for name, value in here.items():
        if name in found and whole_of(found[name], f"metadata.{name}") != value:
            raise InputError(f"the circuit is of a model with {name} {found[name]}; the chosen model has {value}")


def _nodes(top: dict[str, Any], config: ModelConfig) -> tuple[list[Node], list[str]]:
    if "nodes" not in top:
        raise InputError("the file has no nodes; a circuit of this form has nodes, edges and metadata")
    nodes: list[Node] = []
    n_unmasked = 0
    for i, entry in enumerate(items_of(top["nodes"], "nodes")):
        given = object_of(entry, f"nodes[{i}]")
        location = text_of(given.get("location"), f"nodes[{i}].location")
        layer, index = (whole_of(given.get(name), f"nodes[{i}].{name}") for name in ("layer", "index"))
        if location in UNMASKED:
            n_unmasked += 1
            continue
        if location not in SITE_OF:
            raise InputError(f"nodes[{i}].location is {short(location)}; it must be one of {', '.join(LOCATIONS)}")
        if layer >= config.n_layer:
            raise InputError(f"nodes[{i}].layer is {layer}; the chosen model has {config.n_layer} layers")
        site = f"{layer}.{SITE_OF[location]}"
        if index >= site_width(config, site):
            raise InputError(f"nodes[{i}].index is {index}; {site} has the nodes 0 to {site_width(config, site) - 1}")
        nodes.append(Node(site, index))
    if not nodes:
        raise InputError("the file keeps no node of a maskable site")
    if len(set(nodes)) < len(nodes):
        raise InputError(f"a node stands there twice: {next(str(n) for n in nodes if nodes.count(n) > 1)}")
    notes = []
    if n_unmasked:
        notes.append(f"{n_unmasked:,} places on the residual stream are passed over; they are drawn, not masked.")
    return nodes, notes
