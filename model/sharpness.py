"""Attention of one head seen from near: its pattern with the sink's share, its scores by channel, other softmaxes.

What-if: sparsemax (Martins & Astudillo 2016) and 1.5-entmax (Peters, Niculae & Martins 2019) in place of the softmax
of one head, exactly, the sink being one more entry. Both give weights of exactly zero to entries far below the top.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from model.activations import inside
from model.batch import PairBatch, padded
from model.circuit import Circuit, Edge
from model.errors import UnknownName
from model.measure import Outcome, measure
from model.parts import weight_at
from model.subject import Subject
from model.swift import swift
from model.transformer import Attention, Tap

#: Scores in the last dimension (some of them -inf) to weights that sum to 1.
Normaliser = Callable[[Tensor], Tensor]


def softmax(scores: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return torch.softmax(scores, dim=-1)


def sparsemax(scores: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The nearest point of the simplex: `max(z - tau, 0)`, tau such that it sums to 1."""
    z = scores - scores.amax(dim=-1, keepdim=True)
    ordered = z.sort(dim=-1, descending=True).values
    total = ordered.cumsum(dim=-1)
    k = torch.arange(1, z.shape[-1] + 1, device=z.device, dtype=z.dtype)
    size = (1 + k * ordered > total).sum(dim=-1, keepdim=True)  # of the support
    tau = (total.gather(-1, size - 1) - 1) / size
    return (z - tau).clamp_min(0)


def entmax15(scores: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """1.5-entmax, halfway between softmax and sparsemax: `max(z/2 - tau, 0)^2`, tau such that it sums to 1."""
    z = (scores - scores.amax(dim=-1, keepdim=True)) / 2
    ordered = z.sort(dim=-1, descending=True).values
    k = torch.arange(1, z.shape[-1] + 1, device=z.device, dtype=z.dtype)
    mean = ordered.cumsum(dim=-1) / k
    spread = ordered.square().cumsum(dim=-1) - k * mean.square()
    taus = mean - ((1 - spread) / k).clamp_min(0).sqrt()  # NaN from the first -inf on, so never in the support
    size = (taus <= ordered).sum(dim=-1, keepdim=True)
    return (z - taus.gather(-1, size - 1)).clamp_min(0).square()


NORMALISERS: dict[str, Normaliser] = {"softmax": softmax, "entmax15": entmax15, "sparsemax": sparsemax}


def check_head(subject: Subject, layer: int, head: int) -> None:
    """Raises UnknownName unless the model has this head."""
    config = subject.config
    if layer >= config.n_layer or head >= config.n_head:
        last_layer, last_head = config.n_layer - 1, config.n_head - 1
        raise UnknownName(f"no head {layer}.{head}; this model has 0.0 to {last_layer}.{last_head}, layer.head")


def scores_of(
    attention: Attention, q: Float[Tensor, "batch pos attn"], k: Float[Tensor, "batch pos attn"], head: int
) -> Float[Tensor, "batch query slot"]:
    """A head's scores, -inf after the query; slot 0 is the sink where there is one, then come the keys."""
    width = attention.config.d_head
    q, k = (x[..., head * width : (head + 1) * width] for x in (q, k))
    scores = q @ k.transpose(1, 2) / math.sqrt(width)
    bias = attention.scores_bias(q.shape[1], scores)
    if attention.attn_imp is None:
        return scores + bias
    return torch.cat([torch.zeros_like(scores[..., :1]), scores], dim=-1) + bias[head]


def renormalised(
    subject: Subject, layer: int, head: int, normaliser: Normaliser, circuit: Circuit | None = None
) -> Tap:
    """A run of the full model or a circuit with one head's softmax replaced: its output made again from q, k and v.

    An edge that is cut from one of the head's v channels is cut under the new weights, as it was under the old.
    """
    inner, attention = inside(subject, circuit), subject.model.blocks[layer].attn
    cuts = [] if circuit is None else [edge for edge in circuit.cut_edges if _leaves(subject, edge, layer, head)]
    width = attention.config.d_head
    seen: dict[str, Tensor] = {}

    def tap(site: str, x: Tensor) -> Tensor:
        x = inner(site, x)
        at, _, part = site.partition(".")
        if at != str(layer):
            return x
        if part in ("attn.q", "attn.k", "attn.v"):
            seen[part] = x
        elif part == "attn.y":
            scores = scores_of(attention, seen["attn.q"], seen["attn.k"], head)
            weights, before = (f(scores)[..., attention.attn_imp is not None :] for f in (normaliser, softmax))
            seen["moved"] = weights - before
            mine = slice(head * width, (head + 1) * width)
            x = x.clone()
            x[..., mine] = weights @ seen["attn.v"][..., mine]
        elif part == "attn.c_proj" and cuts:
            x = x.clone()
            for source, target in cuts:
                away = seen["attn.v"][..., source.index] - subject.means[source.site][source.index]
                weight = weight_at(attention.c_proj, target.index, source.index)
                x[..., target.index] -= weight * (seen["moved"] @ away[..., None])[..., 0]
        return x

    return tap


def what_if(
    subject: Subject, batch: PairBatch, layer: int, head: int, name: str, circuit: Circuit | None = None
) -> Outcome:
    """The task with one of NORMALISERS in one head, in the full model or inside a circuit, under its calibration."""
    check_head(subject, layer, head)
    outcome = measure(swift(subject.model), batch, renormalised(subject, layer, head, NORMALISERS[name], circuit))
    if circuit is None or circuit.calibration is None:
        return outcome
    return Outcome(circuit.calibration(outcome.logit_diff))


def _leaves(subject: Subject, edge: Edge, layer: int, head: int) -> bool:
    """Whether an edge leads from a v channel of a head to the stream."""
    return edge.source.site == f"{layer}.attn.v" and edge.source.index // subject.config.d_head == head


@dataclass(frozen=True)
class HeadView:
    """One head on one prompt; every row of `pattern` and its entry of `sink` sum to 1.

    `parts[c, j]` is `q[last, c] * k[j, c] / sqrt(d_head)`: what channel c adds to the last token's score of token j.
    """

    pattern: Float[Tensor, "query key"]
    sink: Float[Tensor, " query"] | None
    sink_logit: float | None
    parts: Float[Tensor, "channel key"]


@torch.no_grad()
def head_view(
    subject: Subject, prompt: Sequence[int], layer: int, head: int, circuit: Circuit | None = None
) -> HeadView:
    """Raises UnknownName for a head that the model does not have."""
    check_head(subject, layer, head)
    tokens, last = padded([prompt], subject.device)
    inner, seen = inside(subject, circuit), {}

    def tap(site: str, x: Tensor) -> Tensor:
        x = seen[site] = inner(site, x)
        return x

    swift(subject.model)(tokens, at=last, tap=tap)
    attention = subject.model.blocks[layer].attn
    q, k = seen[f"{layer}.attn.q"], seen[f"{layer}.attn.k"]
    weights = softmax(scores_of(attention, q, k, head))[0].float().cpu()
    width = subject.config.d_head
    mine = slice(head * width, (head + 1) * width)
    parts = (q[0, -1, mine, None] * k[0, :, mine].T / math.sqrt(width)).float().cpu()
    if attention.attn_imp is None:
        return HeadView(weights, None, None, parts)
    return HeadView(weights[:, 1:], weights[:, 0], float(attention.attn_imp.sink_logit[head]), parts)
