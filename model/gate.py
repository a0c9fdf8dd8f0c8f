"""Taps that hold nodes at a value: keep only a circuit, cut nodes from it, or cut nodes from the full model."""

from collections.abc import Iterable, Mapping
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from model.circuit import Circuit, Edge
from model.config import ModelConfig
from model.graph import weight_of
from model.means import Means
from model.sites import Node, maskable_sites, site_width
from model.transformer import Tap, Transformer

#: What a cut node is set to: its mean over the pretraining corpus, or zero.
Mode = Literal["mean", "zero"]


def hold(keep: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> Tap:
    """A tap that puts `values[site]` wherever `keep[site]` is false; other sites pass.

    A mask has shape [node], or [batch, 1, node] for one mask a prompt. AbsTopK comes first, then this.
    """

    def tap(site: str, x: Tensor) -> Tensor:
        mask = keep.get(site)
        return x if mask is None else torch.where(mask, x, values[site].to(x.dtype))

    return tap


def keep_only(circuit: Circuit, means: Means, config: ModelConfig) -> Tap:
    """Everything outside the circuit at its corpus mean (paper A.5, step 2); for one with cut edges see `inside`."""
    assert not circuit.cut_edges, "a tap that cuts edges needs the model's weights: `inside`"
    device = next(iter(means.values())).device
    return hold(circuit.keep(config, device), means)


def cut(
    nodes: Iterable[Node],
    means: Means,
    config: ModelConfig,
    *,
    mode: Mode = "mean",
    within: Circuit | None = None,
) -> Tap:
    """`nodes` at their mean or at zero, in the full model or `within` a circuit whose outside is at its mean."""
    device = next(iter(means.values())).device
    if within is None:
        keep = {
            site: torch.ones(site_width(config, site), dtype=torch.bool, device=device)
            for site in maskable_sites(config)
        }
    else:
        assert not within.cut_edges, "the compiled circuit honours cut edges: `model.ablate.measure_cut`"
        keep = within.keep(config, device)
    values = dict(means)
    for node in nodes:
        keep[node.site][node.index] = False
        if mode == "zero":
            if values[node.site] is means[node.site]:
                values[node.site] = means[node.site].clone()
            values[node.site][node.index] = 0.0
    return hold({site: mask for site, mask in keep.items() if not bool(mask.all())}, values)


def inside(circuit: Circuit, means: Means, model: Transformer) -> Tap:
    """The tap that runs a circuit on the dense model: all else at its mean, cut edges included."""
    config = model.config
    tap = hold(circuit.keep(config, model.device), means)
    return sever(circuit.cut_edges, means, model, tap) if circuit.cut_edges else tap


def sever(
    edges: Iterable[Edge],
    means: Means,
    model: Transformer,
    inner: Tap,
    gates: Float[Tensor, " edge"] | None = None,
    offsets: Float[Tensor, " edge"] | None = None,
) -> Tap:
    """A tap around another under which the target of each edge sees the edge's source at its mean.

    With `gates`, one an edge, it sees the source so weakened: at 1 nothing is cut. With `offsets`, one an edge, it
    sees the source at its mean plus these. For an edge from a v channel that is: moved by the pattern, the channel at
    its mean. The tap remembers what it saw of one layer while that layer runs, so it serves one forward pass at a time.
    """
    cuts: dict[str, list[tuple[Edge, Tensor | float, Tensor | float]]] = {}
    for number, edge in enumerate(edges):
        matrix = {"v": "attn.c_proj", "post_act": "mlp.c_proj"}.get(edge.source.part.split(".")[1])
        matrix = matrix or ("mlp.c_fc" if edge.target.part == "mlp.post_act" else "attn.c_attn")
        closed = 1.0 if gates is None else 1 - gates[number]
        cuts.setdefault(f"{edge.source.layer}.{matrix}", []).append(
            (edge, closed, 0.0 if offsets is None else offsets[number])
        )
    seen: dict[str, Tensor] = {}

    def tap(site: str, x: Tensor) -> Tensor:
        x = inner(site, x)
        part = site.partition(".")[2]
        if part in ("attn.act_in", "attn.q", "attn.k", "attn.v", "mlp.act_in", "mlp.post_act"):
            seen[part] = x
        for edge, closed, offset in cuts.get(site, ()):
            away = seen[edge.source.part] - means[edge.source.site]
            moved = away[..., edge.source.index] - offset
            if edge.source.part == "attn.v":
                head = edge.source.index // model.config.d_head
                pattern = model.blocks[edge.source.layer].attn.pattern(seen["attn.q"], seen["attn.k"])[:, head]
                moved = (pattern @ moved[..., None])[..., 0]
            row = edge.target.index + model.config.d_attn * _C_ATTN.get(edge.target.part, 0)
            change = closed * weight_of(model, edge) * moved
            x = x.index_add(-1, torch.tensor([row], device=x.device), -change[..., None])
        return x

    return tap


#: Which third of c_attn's rows a site is.
_C_ATTN = {"attn.q": 0, "attn.k": 1, "attn.v": 2}
