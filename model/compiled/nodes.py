"""Kept nodes in the order in which they are computed, and gates on them.

Values have the shape [node, variant, prompt, pos]; an axis of length 1 stands for all. What is passed on is how far a
node is from its mean: means are folded into the constants of whoever reads them.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

#: Values or deviations: [node, variant or 1, prompt or 1, pos or 1].
Values = Float[Tensor, "_node _variant _prompt _pos"]


@dataclass(frozen=True)
class Kept:
    """Kept nodes of one site: their indices in the site, their numbers in the circuit, their means."""

    indices: Int[Tensor, " node"]
    numbers: Int[Tensor, " node"]
    mean: Float[Tensor, " node"]

    def __len__(self) -> int:
        return len(self.indices)

    def pick(self, which: Tensor) -> "Kept":
        """Some of them, by places or by a mask, in the order given."""
        return Kept(self.indices[which], self.numbers[which], self.mean[which])


class Gates:
    """One gate a node (and a variant): `x * gate + mean * (1 - gate)`; with `values` these take the mean's place."""

    def __init__(self, nodes: Float[Tensor, "variant node"] | None, values: Float[Tensor, " node"] | None) -> None:
        self.nodes = nodes
        self.values = values
        if nodes is not None:
            fixed = nodes.detach()
            self._moves = ((fixed != 1).any(dim=0) | nodes.requires_grad).cpu()
            self._varies = ((fixed != fixed[:1]).any(dim=0) | (nodes.requires_grad and len(nodes) > 1)).cpu()

    def deviation(self, deviation: Values, kept: Kept) -> Values:
        """What the gates leave of how far nodes are from their means."""
        if self.nodes is None or not len(kept):
            return deviation
        numbers = kept.numbers.cpu()
        if not bool(self._moves[numbers].any()):
            return deviation
        gates = self.nodes if bool(self._varies[numbers].any()) else self.nodes[:1]
        gate = gates[:, kept.numbers].t()[:, :, None, None]
        left = deviation * gate
        if self.values is not None:
            away = (self.values[kept.numbers] - kept.mean)[:, None, None, None]
            left = left + (1 - gate) * away
        return left


def mix(weight: Float[Tensor, "target source"], x: Values) -> Float[Tensor, "target _variant _prompt _pos"]:
    """`weight` times the nodes, at every variant, prompt and position."""
    return (weight @ x.flatten(1)).view(weight.shape[0], *x.shape[1:])


def stacked(parts: list[Values]) -> Values:
    """Nodes under nodes, each part spread over the axes that another one has."""
    if len(parts) == 1:
        return parts[0]
    shape = torch.broadcast_shapes(*(part.shape[1:] for part in parts))
    return torch.cat([part.expand(-1, *shape) for part in parts])


def column(x: Float[Tensor, " node"]) -> Values:
    """One value a node, for every variant, prompt and position."""
    return x[:, None, None, None]
