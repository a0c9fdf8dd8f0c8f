"""A circuit's graph: its edges (nonzero weights between kept nodes), its links, its ends, and what has a path.

Edges are `act_in->q|k|v`, `v->attn.resid_delta`, `act_in->post_act`, `post_act->mlp.resid_delta`. They are what
circuit size counts. Links are not weights: one residual channel from writer to reader, q and k that meet in a
head's score, and the unembedding of the candidates.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from model.circuit import Circuit, Edge, Keep
from model.parts import Part, part_of, weight_at
from model.sites import Node
from model.transformer import Transformer

#: (source part, target part) of every weight between two maskable sites of a layer.
WEIGHTS = (
    ("attn.act_in", "attn.q"), ("attn.act_in", "attn.k"), ("attn.act_in", "attn.v"), ("attn.v", "attn.resid_delta"),
    ("mlp.act_in", "mlp.post_act"), ("mlp.post_act", "mlp.resid_delta"),
)  # fmt: skip


class WeightedEdge(NamedTuple):
    source: Node
    target: Node
    weight: float


class Wires(NamedTuple):
    """The nonzero weights between the kept nodes of two sites, as indices in the sites, in the target's order."""

    source: str
    target: str
    sources: Int[Tensor, " edge"]
    targets: Int[Tensor, " edge"]
    weights: Float[Tensor, " edge"]


class Link(NamedTuple):
    """`source` and `target` are node ids or terminals: `embed:c` a channel of the embedding, `logit:t` a token."""

    kind: Literal["residual", "qk", "unembed"]
    source: str
    target: str
    weight: float


@dataclass(frozen=True)
class Graph:
    nodes: tuple[Node, ...]
    edges: tuple[WeightedEdge, ...]
    links: tuple[Link, ...]
    embed_channels: tuple[int, ...]
    candidates: tuple[int, ...]


def weights_between(model: Transformer, layer: int, source: str, target: str) -> Part:
    """The weights of one entry of WEIGHTS in one layer."""
    return part_of(*_rows_between(model, layer, source, target))


def weight_of(model: Transformer, edge: Edge) -> Float[Tensor, ""]:
    """The weight between two nodes of a layer whose sites are joined."""
    linear, first, _ = _rows_between(model, edge.source.layer, edge.source.part, edge.target.part)
    return weight_at(linear, first + edge.target.index, edge.source.index)


def _rows_between(model: Transformer, layer: int, source: str, target: str) -> tuple[nn.Linear, int, int]:
    """The linear map that an entry of WEIGHTS is a part of, its first row there and the one after its last."""
    block = model.blocks[layer]
    width = model.config.d_attn
    match (source, target):
        case ("attn.act_in", "attn.q"):
            return block.attn.c_attn, 0, width
        case ("attn.act_in", "attn.k"):
            return block.attn.c_attn, width, 2 * width
        case ("attn.act_in", "attn.v"):
            return block.attn.c_attn, 2 * width, 3 * width
        case ("attn.v", "attn.resid_delta"):
            return block.attn.c_proj, 0, model.config.d_model
        case ("mlp.act_in", "mlp.post_act"):
            return block.mlp.c_fc, 0, model.config.d_mlp
        case ("mlp.post_act", "mlp.resid_delta"):
            return block.mlp.c_proj, 0, model.config.d_model
    raise AssertionError(f"no weight from {source} to {target}")


def wires_of(model: Transformer, keep: Keep, cut_edges: Iterable[Edge] = ()) -> Iterator[Wires]:
    """Every nonzero weight between two kept nodes that is not cut, by layer and matrix, in forward order."""
    cut_between: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for edge in cut_edges:
        places = cut_between.setdefault((edge.source.site, edge.target.site), [])
        places.append((edge.target.index, edge.source.index))
    for layer in range(model.config.n_layer):
        for source_part, target_part in WEIGHTS:
            source, target = f"{layer}.{source_part}", f"{layer}.{target_part}"
            rows, columns = keep[target].nonzero().flatten(), keep[source].nonzero().flatten()
            between = weights_between(model, layer, source_part, target_part).rows(rows).columns(columns)
            r, c, weights = between.entries()
            wires = Wires(source, target, columns[c], rows[r], weights)
            if cut := cut_between.get((source, target)):
                width = len(keep[source])
                gone = torch.tensor([row * width + column for row, column in cut], device=rows.device)
                left = ~torch.isin(wires.targets * width + wires.sources, gone)
                wires = Wires(source, target, *(part[left] for part in wires[2:]))
            yield wires


def edges_of(model: Transformer, circuit: Circuit) -> list[WeightedEdge]:
    """Every nonzero weight between two kept nodes that the circuit does not cut, in forward order."""
    return [
        WeightedEdge(Node(wires.source, source), Node(wires.target, target), weight)
        for wires in wires_of(model, circuit.keep(model.config, model.device), circuit.cut_edges)
        for source, target, weight in zip(
            wires.sources.tolist(), wires.targets.tolist(), wires.weights.tolist(), strict=True
        )
    ]


def count_edges(model: Transformer, keep: Keep) -> int:
    """Number of nonzero weights between kept nodes, the paper's measure; with cut edges see `edges_of`."""
    total = 0
    for layer in range(model.config.n_layer):
        for source, target in WEIGHTS:
            rows, columns = (keep[f"{layer}.{part}"].nonzero().flatten() for part in (target, source))
            total += weights_between(model, layer, source, target).rows(rows).columns(columns).count()
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
        if circuit.final_resid is not None and channel not in circuit.final_resid:
            continue  # at its mean before the last norm, whatever is written there
        for token in candidates:
            if weight := float(model.lm_head.weight[token, channel]):
                links += [Link("unembed", node, f"logit:{token}", weight) for node in nodes]
    return sorted(embed), links


def connected(model: Transformer, keep: Keep, cut_edges: Iterable[Edge] = ()) -> Keep:
    """The kept nodes that lie on a path from tokens to logits; the others cannot matter to the answer.

    A node without a kept input is constant. Where that constant is its mean (q, k, v and resid_delta are linear in
    what they read), it goes; a neuron stays, its value at mean inputs not being its mean value.
    """
    keep = {site: mask.clone() for site, mask in keep.items()}
    wires = {(wires.source, wires.target): wires for wires in wires_of(model, keep, cut_edges)}
    while True:
        before = sum(int(mask.sum()) for mask in keep.values())
        _drop_unread(model, keep, wires)
        _drop_unwritten(model, keep, wires)
        if sum(int(mask.sum()) for mask in keep.values()) == before:
            return keep


def _drop_unwritten(model: Transformer, keep: Keep, wires: dict[tuple[str, str], Wires]) -> None:
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
                between = wires[f"{layer}.{source}", f"{layer}.{target}"]
                reading = torch.zeros_like(keep[between.target])
                reading[between.targets[keep[between.source][between.sources]]] = True
                keep[between.target] &= reading
            written[: config.d_model] |= keep[f"{layer}.{part}.resid_delta"]


_LOCTYPE = {
    "attn.q": "attn_q", "attn.k": "attn_k", "attn.v": "attn_v", "attn.resid_delta": "attn_out",
    "mlp.resid_delta": "mlp_out",
}  # fmt: skip


def _drop_unread(model: Transformer, keep: Keep, wires: dict[tuple[str, str], Wires]) -> None:
    """Backward: drop what no kept node and no logit reads."""
    config = model.config

    def drop(site: str, *readers: str) -> None:
        read = torch.zeros_like(keep[site])
        for reader in readers:
            between = wires[site, reader]
            read[between.sources[keep[reader][between.targets]]] = True
        keep[site] &= read

    read = model.lm_head.weight.any(dim=0)
    for layer in reversed(range(config.n_layer)):
        for part in ("mlp", "attn"):
            site = f"{layer}.{part}"
            keep[f"{site}.resid_delta"] &= read
            if part == "mlp":
                drop(f"{site}.post_act", f"{site}.resid_delta")
                drop(f"{site}.act_in", f"{site}.post_act")
            else:
                drop(f"{site}.v", f"{site}.resid_delta")
                _drop_idle_heads(model, layer, keep)
                drop(f"{site}.act_in", *(f"{site}.{name}" for name in "qkv"))
            read = read | keep[f"{site}.act_in"][: config.d_model]


def _drop_idle_heads(model: Transformer, layer: int, keep: Keep) -> None:
    """Drop q and k of heads that move nothing: no kept value, and no sink that could scale the mean values."""
    config = model.config
    moved = keep[f"{layer}.attn.v"]
    if config.sink:
        deltas = keep[f"{layer}.attn.resid_delta"].nonzero().flatten()
        moved = moved | weights_between(model, layer, "attn.v", "attn.resid_delta").rows(deltas).is_read()
    busy = moved.reshape(config.n_head, config.d_head).any(dim=1).repeat_interleave(config.d_head)
    keep[f"{layer}.attn.q"] &= busy
    keep[f"{layer}.attn.k"] &= busy


def neighbours(model: Transformer, node: Node) -> tuple[list[tuple[Node, float]], list[tuple[Node, float]]]:
    """All nonzero weights into and out of a node in the full model, largest magnitude first."""
    incoming: list[tuple[Node, float]] = []
    outgoing: list[tuple[Node, float]] = []
    for source, target in WEIGHTS:
        here = torch.tensor([node.index], device=model.device)
        if target == node.part:
            _, indices, weights = weights_between(model, node.layer, source, target).rows(here).entries()
            incoming += _ends(f"{node.layer}.{source}", indices, weights)
        if source == node.part:
            indices, _, weights = weights_between(model, node.layer, source, target).columns(here).entries()
            outgoing += _ends(f"{node.layer}.{target}", indices, weights)

    def order(pair: tuple[Node, float]) -> tuple[float, Node]:
        return -abs(pair[1]), pair[0]

    return sorted(incoming, key=order), sorted(outgoing, key=order)


def _ends(site: str, indices: Int[Tensor, " edge"], weights: Float[Tensor, " edge"]) -> list[tuple[Node, float]]:
    return [(Node(site, i), weight) for i, weight in zip(indices.tolist(), weights.tolist(), strict=True)]
