"""Kept nodes in the order in which they are computed, and gates on them.

Values have the shape [node, variant, prompt, pos]; an axis of length 1 stands for all. What is passed on is how far a
node is from its mean: means are folded into the constants of whoever reads them.
"""

import copy
from collections.abc import Sequence
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

    def followed_by(self, other: "Kept") -> "Kept":
        return Kept(
            torch.cat([self.indices, other.indices]),
            torch.cat([self.numbers, other.numbers]),
            torch.cat([self.mean, other.mean]),
        )


class Gates:
    """One gate a node: `x * gate + mean * (1 - gate)`; with `values` these take the mean's place, one a node or one at
    every token. One gate an edge: its target sees the source so; with `offsets` as far from its mean as these say.
    Gates may have many variants."""

    def __init__(
        self,
        nodes: Float[Tensor, "_variant node"] | None = None,
        values: Float[Tensor, "node ..."] | None = None,
        edges: Float[Tensor, "_variant edge"] | None = None,
        offsets: Float[Tensor, " edge"] | None = None,
    ) -> None:
        self.values, self.offsets = values, offsets
        self._nodes, self._edges = (None if given is None else _Table(given) for given in (nodes, edges))

    def deviation(self, deviation: Values, kept: Kept) -> Values:
        """What the gates leave of how far nodes are from their means."""
        gates = None if self._nodes is None else self._nodes.of(kept.numbers)
        if gates is None:
            return deviation
        gate = gates.t()[:, :, None, None]
        left = deviation * gate
        if self.values is not None:
            instead = self.values[kept.numbers]
            instead = instead[:, None] if instead.ndim == 3 else column(instead)
            left = left + (1 - gate) * (instead - column(kept.mean))
        return left

    def narrowed(self, positions: Int[Tensor, "prompt 1"]) -> "Gates":
        """The same at one position of each prompt."""
        if self.values is None or self.values.ndim == 1:
            return self
        narrow = copy.copy(self)
        narrow.values = self.values.gather(2, positions.expand(len(self.values), -1, -1))
        return narrow

    def of_edges(self, numbers: Int[Tensor, " edge"]) -> Float[Tensor, "_variant edge"] | None:
        """Gates of some edges; None where all are open."""
        return None if self._edges is None else self._edges.of(numbers)


class _Table:
    """Gates by variant and number, of which a part is often open or the same in all variants."""

    def __init__(self, gates: Float[Tensor, "variant number"]) -> None:
        fixed = gates.detach()
        self.gates = gates
        self._moves = ((fixed != 1).any(dim=0) | gates.requires_grad).cpu()
        self._varies = ((fixed != fixed[:1]).any(dim=0) | (gates.requires_grad and len(gates) > 1)).cpu()

    def of(self, numbers: Int[Tensor, " number"]) -> Float[Tensor, "_variant number"] | None:
        """One row where the variants are the same; None where all gates are open."""
        here = numbers.cpu()
        if not bool(self._moves[here].any()):
            return None
        return (self.gates if bool(self._varies[here].any()) else self.gates[:1])[:, numbers]


def mix(weight: Float[Tensor, "target source"], x: Values) -> Float[Tensor, "target _variant _prompt _pos"]:
    """`weight` times the nodes, at every variant, prompt and position."""
    return (weight @ x.flatten(1)).view(weight.shape[0], *x.shape[1:])


def together(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape over which all of these spread; torch's own way takes many times as long as most of what follows."""
    found = tuple(map(max, *shapes)) if len(shapes) > 1 else tuple(shapes[0])
    assert all(n in (1, m) for shape in shapes for n, m in zip(shape, found, strict=True))
    return found


def stacked(parts: list[Values]) -> Values:
    """Nodes under nodes, each part spread over the axes that another one has."""
    if len(parts) == 1:
        return parts[0]
    shape = together(*(part.shape[1:] for part in parts))
    return torch.cat([part.expand(-1, *shape) for part in parts])


def column(x: Float[Tensor, " node"]) -> Values:
    """One value a node, for every variant, prompt and position."""
    return x[:, None, None, None]
