"""A circuit's graph: its edges (nonzero weights between kept nodes), its links, its ends, and what has a path.

Edges are `act_in->q|k|v`, `v->attn.resid_delta`, `act_in->post_act`, `post_act->mlp.resid_delta`. They are what
circuit size counts. Links are not weights: one residual channel from writer to reader, q and k that meet in a
head's score, and the unembedding of the candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from model.circuit import Circuit, Keep
from model.sites import Node
from model.transformer import Transformer

#: (source part, target part) of every weight between two maskable sites of a layer.
WEIGHTS = (
    ("attn.act_in", "attn.q"), ("attn.act_in", "attn.k"), ("attn.act_in", "attn.v"), ("attn.v", "attn.resid_delta"),
    ("mlp.act_in", "mlp.post_act"), ("mlp.post_act", "mlp.resid_delta"),
)  # fmt: skip


class Edge(NamedTuple):
    source: Node
    target: Node
    weight: float


class Link(NamedTuple):
    """`source` and `target` are node ids or terminals: `embed:c` a channel of the embedding, `logit:t` a token."""

    kind: Literal["residual", "qk", "unembed"]
    source: str
    target: str
    weight: float


@dataclass(frozen=True)
class Graph:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    links: tuple[Link, ...]
    embed_channels: tuple[int, ...]
    candidates: tuple[int, ...]


def weight_between(model: Transformer, layer: int, source: str, target: str) -> Float[Tensor, "target source"]:
    """The weight matrix of one entry of WEIGHTS in one layer (a view)."""
    block = model.blocks[layer]
    width = model.config.d_attn
    match (source, target):
        case ("attn.act_in", "attn.q"):
            return block.attn.c_attn.weight[:width]
        case ("attn.act_in", "attn.k"):
            return block.attn.c_attn.weight[width : 2 * width]
        case ("attn.act_in", "attn.v"):
            return block.attn.c_attn.weight[2 * width :]
        case ("attn.v", "attn.resid_delta"):
            return block.attn.c_proj.weight
        case ("mlp.act_in", "mlp.post_act"):
            return block.mlp.c_fc.weight
        case ("mlp.post_act", "mlp.resid_delta"):
            return block.mlp.c_proj.weight
    raise AssertionError(f"no weight from {source} to {target}")


def edges_of(model: Transformer, circuit: Circuit) -> list[Edge]:
    """Every nonzero weight between two kept nodes, in forward order."""
    keep, edges = circuit.keep(model.config, model.device), []
    for layer in range(model.config.n_layer):
        for source, target in WEIGHTS:
            rows = keep[f"{layer}.{target}"].nonzero().flatten()
            columns = keep[f"{layer}.{source}"].nonzero().flatten()
            block = weight_between(model, layer, source, target)[rows][:, columns]
            for r, c in block.nonzero().tolist():
                edges.append(Edge(Node(f"{layer}.{source}", int(columns[c])), Node(f"{layer}.{target}", int(rows[r])),
                                  float(block[r, c])))  # fmt: skip
    return edges


def count_edges(model: Transformer, keep: Keep) -> int:
    """Number of nonzero weights between kept nodes."""
    total = 0
    for layer in range(model.config.n_layer):
        for source, target in WEIGHTS:
            block = weight_between(model, layer, source, target)[keep[f"{layer}.{target}"]]
            total += int(block[:, keep[f"{layer}.{source}"]].count_nonzero())
    return total


def graph_of(model: Transformer, circuit: Circuit, candidates: Sequence[int]) -> Graph:
    """The whole graph of a circuit; `candidates` are the tokens whose logits are drawn."""
    embed, links = _links(model, circuit, candidates)
    return Graph(circuit.nodes, tuple(edges_of(model, circuit)), tuple(links), tuple(embed), tuple(candidates))


def _links(model: Transformer, circuit: Circuit, candidates: Sequence[int]) -> tuple[list[int], list[Link]]:
    config = model.config
    embedded = model.wte.weight.any(dim=0)
    writers: dict[int, list[str]] = {}
    links: list[Link] = []
    embed: set[int] = set()
    kept = set(circuit.nodes)
    for node in circuit.nodes:
        if node.part.endswith("act_in") and node.index < config.d_model:
            if embedded[node.index]:
                embed.add(node.index)
                links.append(Link("residual", f"embed:{node.index}", str(node), 1.0))
            links += [Link("residual", writer, str(node), 1.0) for writer in writers.get(node.index, [])]
        elif node.part.endswith("resid_delta"):
            writers.setdefault(node.index, []).append(str(node))
        elif node.part == "attn.q" and (key := Node(f"{node.layer}.attn.k", node.index)) in kept:
            links.append(Link("qk", str(node), str(key), 1.0))
    for channel, nodes in sorted(writers.items()):
        for token in candidates:
            if weight := float(model.lm_head.weight[token, channel]):
                links += [Link("unembed", node, f"logit:{token}", weight) for node in nodes]
    return sorted(embed), links


def connected(model: Transformer, keep: Keep) -> Keep:
    """The kept nodes that lie on a path from tokens to logits; the others cannot matter to the answer.

    A node without a kept input is constant. Where that constant is its mean (q, k, v and resid_delta are linear in
    what they read), it goes; a neuron stays, its value at mean inputs not being its mean value.
    """
    keep = {site: mask.clone() for site, mask in keep.items()}
    while True:
        before = sum(int(mask.sum()) for mask in keep.values())
        _drop_unread(model, keep)
        _drop_unwritten(model, keep)
        if sum(int(mask.sum()) for mask in keep.values()) == before:
            return keep


def _drop_unwritten(model: Transformer, keep: Keep) -> None:
    """Forward: drop act_in channels that nothing writes, and linear nodes that read nothing kept."""
    config = model.config
    written = torch.ones(config.d_block_in, dtype=torch.bool, device=model.device)
    written[: config.d_model] = model.wte.weight.any(dim=0)
    if config.add_positions:
        written[:] = True
    for layer in range(config.n_layer):
        for part in ("attn", "mlp"):
            keep[f"{layer}.{part}.act_in"] &= written
            for source, target in WEIGHTS:
                if not target.startswith(part) or (target == "mlp.post_act"):
                    continue
                if config.kept_by_abs_topk(_LOCTYPE[target], 2**20) is not None:
                    continue  # AbsTopK makes even a linear node's constant differ from its mean
                if target == "attn.resid_delta" and config.sink:
                    continue  # the sink's share moves the output of a head whose values are all at their means
                weight = weight_between(model, layer, source, target)
                keep[f"{layer}.{target}"] &= (weight[:, keep[f"{layer}.{source}"]] != 0).any(dim=1)
            written[: config.d_model] |= keep[f"{layer}.{part}.resid_delta"]


_LOCTYPE = {
    "attn.q": "attn_q", "attn.k": "attn_k", "attn.v": "attn_v", "attn.resid_delta": "attn_out",
    "mlp.resid_delta": "mlp_out",
}  # fmt: skip


def _drop_unread(model: Transformer, keep: Keep) -> None:
    """Backward: drop what no kept node and no logit reads."""
    config = model.config
    read = model.lm_head.weight.any(dim=0)
    for layer in reversed(range(config.n_layer)):
        for part in ("mlp", "attn"):
            delta = f"{layer}.{part}.resid_delta"
            keep[delta] &= read
            if part == "mlp":
                keep[f"{layer}.mlp.post_act"] &= _reads(model, layer, "mlp.post_act", "mlp.resid_delta", keep)
                reads = _reads(model, layer, "mlp.act_in", "mlp.post_act", keep)
            else:
                keep[f"{layer}.attn.v"] &= _reads(model, layer, "attn.v", "attn.resid_delta", keep)
                _drop_idle_heads(model, layer, keep)
                reads = torch.stack(
                    [_reads(model, layer, "attn.act_in", f"attn.{name}", keep) for name in "qkv"]
                ).any(dim=0)  # fmt: skip
            keep[f"{layer}.{part}.act_in"] &= reads
            read = read | keep[f"{layer}.{part}.act_in"][: config.d_model]


def _reads(model: Transformer, layer: int, source: str, target: str, keep: Keep) -> Tensor:
    """Which nodes of `source` some kept node of `target` reads."""
    return (weight_between(model, layer, source, target)[keep[f"{layer}.{target}"]] != 0).any(dim=0)


def _drop_idle_heads(model: Transformer, layer: int, keep: Keep) -> None:
    """Drop q and k of heads that move nothing: no kept value, and no sink that could scale the mean values."""
    config = model.config
    kept = keep[f"{layer}.attn.v"]
    moved = _reads(model, layer, "attn.v", "attn.resid_delta", keep) if config.sink else kept
    busy = moved.reshape(config.n_head, config.d_head).any(dim=1).repeat_interleave(config.d_head)
    keep[f"{layer}.attn.q"] &= busy
    keep[f"{layer}.attn.k"] &= busy


def neighbours(model: Transformer, node: Node) -> tuple[list[tuple[Node, float]], list[tuple[Node, float]]]:
    """All nonzero weights into and out of a node in the full model, largest magnitude first."""
    incoming: list[tuple[Node, float]] = []
    outgoing: list[tuple[Node, float]] = []
    for source, target in WEIGHTS:
        weight = weight_between(model, node.layer, source, target)
        if target == node.part:
            row = weight[node.index]
            incoming += [(Node(f"{node.layer}.{source}", i), float(row[i])) for i in row.nonzero().flatten().tolist()]
        if source == node.part:
            column = weight[:, node.index]
            outgoing += [
                (Node(f"{node.layer}.{target}", i), float(column[i])) for i in column.nonzero().flatten().tolist()
            ]  # fmt: skip

    def order(pair: tuple[Node, float]) -> tuple[float, Node]:
        return -abs(pair[1]), pair[0]

    return sorted(incoming, key=order), sorted(outgoing, key=order)
