"""Neurons joined by residual channels: which read one, which write one, and what a neuron leads to or comes from.

A neuron's own weights: a row of `c_fc` says what it reads, a column of `c_proj` what it writes. A trace goes on from a
neuron through the `k` channels of largest weight to the `k` strongest neurons at each of the layers beyond.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.parts import part_of
from model.transformer import Transformer

Way = Literal["forward", "backward"]
WAYS: tuple[Way, Way] = ("forward", "backward")


@dataclass(frozen=True)
class Hop:
    """A neuron reached through a channel; `beyond` is None where the trace ends or finds nothing."""

    layer: int
    neuron: int
    channel: int
    read_weight: float
    write_weight: float
    beyond: tuple["Hop", ...] | None


def strongest(weights: Float[Tensor, " index"], k: int) -> list[tuple[int, float]]:
    """The at most `k` largest nonzero weights by magnitude with their indices; the lower index first where equal."""
    order = torch.argsort(weights.abs(), descending=True, stable=True)[:k].tolist()
    return [(i, float(weights[i])) for i in order if weights[i] != 0]


def readers(model: Transformer, layer: int, channel: int, k: int) -> list[tuple[int, float]]:
    """Neurons of a layer that read a channel of the stream."""
    return strongest(_column(model.blocks[layer].mlp.c_fc, channel), k)


def writers(model: Transformer, layer: int, channel: int, k: int) -> list[tuple[int, float]]:
    """Neurons of a layer that write it."""
    return strongest(_row(model.blocks[layer].mlp.c_proj, channel), k)


def _row(linear: nn.Linear, index: int) -> Float[Tensor, " source"]:
    return part_of(linear, index, index + 1).dense()[0]


def _column(linear: nn.Linear, index: int) -> Float[Tensor, " target"]:
    return part_of(linear).columns(torch.tensor([index])).dense()[:, 0]


def trace(model: Transformer, layer: int, neuron: int, way: Way, depth: int, k: int) -> tuple[Hop, ...]:
    """What a neuron leads to, or comes from, over `depth` hops: at each at most 2k, the largest product first."""
    return _trace(model, layer, neuron, way, depth, k) or ()


def _trace(model: Transformer, layer: int, neuron: int, way: Way, depth: int, k: int) -> tuple[Hop, ...] | None:
    layers: Iterable[int] = range(layer + 1, model.config.n_layer) if way == "forward" else range(layer - 1, -1, -1)
    if depth == 0:
        return None
    mlp, width = model.blocks[layer].mlp, model.config.d_model
    own = _column(mlp.c_proj, neuron) if way == "forward" else _row(mlp.c_fc, neuron)[:width]
    found = []
    for channel, ours in strongest(own, k):
        for other in layers:
            ends = readers(model, other, channel, k) if way == "forward" else writers(model, other, channel, k)
            found += [(other, end, channel, ours, theirs) for end, theirs in ends]
    found.sort(key=lambda hop: -abs(hop[3] * hop[4]))
    hops = []
    for other, end, channel, ours, theirs in found[: 2 * k]:
        read, written = (theirs, ours) if way == "forward" else (ours, theirs)
        hops.append(Hop(other, end, channel, read, written, _trace(model, other, end, way, depth - 1, k)))
    return tuple(hops) or None
