"""The logit difference of two candidates as a sum: who wrote how much of it into the last token's residual stream.

1. The final residual is a plain sum of what the embedding and every block added to it.
2. The final norm divides it by a number. With that number held at its measured value the logits are linear in the
   residual, so every term's share follows exactly: direction . term.
3. Terms that never pass the norm are added as they are: its bias, the bigram table's row, the logits' bias.

The shares sum to the measured difference up to rounding. They say what was written, not what would happen without it:
taking a term away would change the norm, and what later blocks read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from model.activations import inside
from model.batch import padded
from model.circuit import Circuit
from model.sites import Node
from model.subject import Subject
from model.swift import swift
from model.transformer import Norm, Transformer

#: `rest`: all channels of a block's `resid_delta` but the kept ones (in a circuit: constants, their means);
#: `clipped`: what AbsTopK on the stream took away after a block; `held`: what a mask at `final_resid` changed.
Kind = Literal[
    "embedding", "positions", "node", "rest", "clipped", "held", "norm_bias", "bigram", "logit_bias"
]  # fmt: skip


class Entry(NamedTuple):
    """`source` is a node, a block like `3.mlp`, or empty; `logit_diff` its share of the difference, nats."""

    kind: Kind
    source: str
    logit_diff: float


@dataclass(frozen=True)
class Ledger:
    """`norm_scale` is what the final norm multiplied by: one over the root mean square (or the deviation)."""

    entries: tuple[Entry, ...]
    measured: float
    norm_scale: float

    @property
    def total(self) -> float:
        return sum(entry.logit_diff for entry in self.entries)


@torch.no_grad()
def ledger(
    subject: Subject,
    prompt: Sequence[int],
    candidates: tuple[int, int],
    kept: Sequence[Node],
    circuit: Circuit | None = None,
) -> Ledger:
    """First minus second candidate's logit after a prompt, in the full model or inside a circuit.

    `kept` are the nodes that get an entry of their own; only their `resid_delta` nodes count.
    """
    tokens, last = padded([prompt], subject.device)
    inner, stream = inside(subject, circuit), {}

    def tap(site: str, x: Tensor) -> Tensor:
        if site == "final_resid":
            stream["end"] = x[0, -1].double().cpu()
        x = inner(site, x)
        if site.endswith(("resid_in", "resid_mid", "resid_delta", "final_resid")):
            stream[site] = x[0, -1].double().cpu()
        return x

    logits = swift(subject.model)(tokens, tap=tap, at=last)[0].double().cpu()
    direction, scale = _direction(subject.model, candidates, stream["final_resid"])
    entries = [
        *(Entry(kind, source, float(direction @ term)) for kind, source, term in _terms(subject.model, prompt, stream)),
        *_written(subject.config.n_layer, stream, direction, kept),
        *_beside_the_norm(subject.model, prompt, candidates),
    ]
    return Ledger(tuple(entries), float(logits[candidates[0]] - logits[candidates[1]]), scale)


def _direction(
    model: Transformer, candidates: tuple[int, int], final: Float[Tensor, " model"]
) -> tuple[Float[Tensor, " model"], float]:
    """What the logit difference takes from each channel with the norm's scale held, and that scale."""
    scale = norm_scale(model.ln_f, final)
    unembed = model.lm_head.weight.double().cpu()
    direction = (unembed[candidates[0]] - unembed[candidates[1]]) * model.ln_f.weight.double().cpu() * scale
    # LayerNorm takes the mean away from the residual; that is the same as to take it from the direction.
    return (direction if model.ln_f.rms else direction - direction.mean()), scale


def norm_scale(norm: Norm, x: Float[Tensor, " model"]) -> float:
    """The number that a norm multiplies `x` with (before its weight)."""
    if norm.rms:
        return float((x.square().mean() + torch.finfo(torch.float32).eps).rsqrt())
    return float((x.var(correction=0) + 1e-5).rsqrt())


def _terms(
    model: Transformer, prompt: Sequence[int], stream: Mapping[str, Tensor]
) -> Iterator[tuple[Kind, str, Float[Tensor, " model"]]]:
    """All of the final residual but what the blocks wrote."""
    config = model.config
    yield "embedding", "", model.wte.weight[prompt[-1]].double().cpu()
    if config.add_positions and not config.d_pos_emb:
        yield "positions", "", model.wpe.weight[len(prompt) - 1].double().cpu()
    for layer in range(config.n_layer):
        after = f"{layer + 1}.resid_in" if layer + 1 < config.n_layer else "end"
        for part, before, then in (
            ("attn", f"{layer}.resid_in", f"{layer}.resid_mid"),
            ("mlp", f"{layer}.resid_mid", after),
        ):
            if config.kept_by_abs_topk(f"resid_post_{part}", config.d_model) is not None:
                block = f"{layer}.{part}"
                yield "clipped", block, stream[then] - stream[before] - stream[f"{block}.resid_delta"]
    held = stream["final_resid"] - stream["end"]
    if bool(held.any()):
        yield "held", "final_resid", held


def _written(
    n_layer: int, stream: Mapping[str, Tensor], direction: Float[Tensor, " model"], kept: Sequence[Node]
) -> Iterator[Entry]:
    """For each block its kept nodes, then all its other channels together."""
    for block in (f"{layer}.{part}" for layer in range(n_layer) for part in ("attn", "mlp")):
        shares = direction * stream[f"{block}.resid_delta"]
        nodes = [node for node in kept if node.site == f"{block}.resid_delta"]
        yield from (Entry("node", str(node), float(shares[node.index])) for node in nodes)
        shares[[node.index for node in nodes]] = 0
        yield Entry("rest", block, float(shares.sum()))


def _beside_the_norm(model: Transformer, prompt: Sequence[int], candidates: tuple[int, int]) -> Iterator[Entry]:
    first, second = candidates
    if model.ln_f.bias is not None:
        unembed = model.lm_head.weight.double()
        yield Entry("norm_bias", "", float((unembed[first] - unembed[second]) @ model.ln_f.bias.double()))
    if model.config.enable_bigram_table:
        row = F.embedding(torch.tensor(prompt[-1:], device=model.device), model.bigram_table)[0].double()
        yield Entry("bigram", "", float(row[first] - row[second]))
    bias = model.get_buffer("final_logits_bias")
    yield Entry("logit_bias", "", float(bias[first]) - float(bias[second]))
