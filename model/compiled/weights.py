"""The weights between two sites of a circuit: edges, each of which a gate can weaken down to its source's mean."""

from collections.abc import Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.circuit import Edge, Keep
from model.compiled.nodes import Gates, Kept, Values, mix
from model.graph import wires_of
from model.sites import Node
from model.transformer import Transformer


class Wiring:
    """Every edge of a circuit in forward order, and the numbers under which gates know them."""

    def __init__(self, model: Transformer, keep: Keep, cut_edges: Iterable[Edge]) -> None:
        self._wires = {(wires.source, wires.target): wires for wires in wires_of(model, keep, cut_edges)}
        self._starts: dict[tuple[str, str], int] = {}
        self.n_edges = 0
        for between, wires in self._wires.items():
            self._starts[between] = self.n_edges
            self.n_edges += len(wires.weights)

    def edges(self) -> tuple[Edge, ...]:
        return tuple(
            Edge(Node(wires.source, source), Node(wires.target, target))
            for wires in self._wires.values()
            for source, target in zip(wires.sources.tolist(), wires.targets.tolist(), strict=True)
        )

    def between(self, source: str, target: str, sources: Kept, targets: Kept) -> "Weights":
        """The weights from some kept nodes to others, in the orders given."""
        wires = self._wires[source, target]
        column, row = _places(sources.indices, wires.sources), _places(targets.indices, wires.targets)
        there = ((column >= 0) & (row >= 0)).nonzero().flatten()
        places = row[there] * len(sources) + column[there]
        return Weights((len(targets), len(sources)), places, wires.weights.float()[there],
                       there + self._starts[source, target])  # fmt: skip


def _places(indices: Int[Tensor, " node"], wanted: Int[Tensor, " edge"]) -> Int[Tensor, " edge"]:
    """Where each wanted index stands among `indices`; -1 for those that are not there."""
    width = 1 + max([int(part.max()) for part in (indices, wanted) if len(part)], default=0)
    table = torch.full((width,), -1, device=indices.device)
    table[indices] = torch.arange(len(indices), device=indices.device)
    return table[wanted]


class Weights:
    """A small matrix [target, source] of which the edges are known by place and number."""

    def __init__(
        self,
        shape: tuple[int, int],
        places: Int[Tensor, " edge"],
        weights: Float[Tensor, " edge"],
        numbers: Int[Tensor, " edge"],
    ) -> None:
        self.shape, self.places, self.weights, self.numbers = shape, places, weights, numbers
        self.matrix = torch.zeros(shape[0] * shape[1], device=weights.device).scatter(0, places, weights).view(shape)

    def times(self, x: Values, gates: Gates, ones: Values | None = None) -> Values:
        """What the targets get from the sources' deviations, at every variant, prompt and position.

        `ones` is what becomes of a constant 1 on its way from each source, where that is not 1.
        """
        edges = gates.of_edges(self.numbers)
        if edges is None:
            return mix(self.matrix, x)
        out = self._by_edge(self.weights * edges, x)
        if gates.offsets is None:
            return out
        if ones is None:
            ones = x.new_ones(self.shape[1], 1, 1, 1)
        return out + self._by_edge(self.weights * gates.offsets[self.numbers] * (1 - edges), ones)

    def _by_edge(self, weights: Float[Tensor, "variant edge"], x: Values) -> Values:
        empty = torch.zeros(len(weights), self.shape[0] * self.shape[1], device=x.device)
        matrix = empty.scatter(1, self.places.expand(len(weights), -1), weights).view(-1, *self.shape)
        if len(weights) == 1:
            return mix(matrix[0], x)
        if x.shape[1] == 1:
            out = (matrix.flatten(0, 1) @ x.flatten(1)).unflatten(0, (-1, self.shape[0])).transpose(0, 1)
        else:
            out = (matrix @ x.flatten(2).transpose(0, 1)).transpose(0, 1)
        return out.unflatten(2, x.shape[2:])
