"""The effect of every node and every edge of a circuit, each cut alone, with intervals over the same pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from model.bench import Bench
from model.circuit import Edge
from model.intervals import intervals
from model.intervention import Mode, Part, cuts, edge_cuts
from model.measure import Interval, Outcome
from model.sites import Node
from model.targets import Targets

#: Parts that are measured together where progress is reported: they share passes.
CHUNK = 64
EDGE_MODES: tuple[Mode, ...] = ("mean", "zero")


@dataclass(frozen=True)
class Sweep:
    """Changes of the loss (nats) and of the accuracy; `edges` is empty in a mode that edges do not have."""

    before: Outcome
    nodes: dict[Node, tuple[Interval, float]]
    edges: dict[Edge, tuple[Interval, float]]


def parts_of(bench: Bench, mode: Mode) -> list[Part]:
    """Every node and, in a mode that edges have, every edge, each cut alone; in forward order."""
    assert bench.within is not None, "a sweep is over the nodes and edges of a circuit"
    edges = Targets(bench.subject, bench.within).edges if mode in EDGE_MODES else ()
    return [*cuts(bench.within.nodes, mode), *edge_cuts(edges, mode)]


def sweep(bench: Bench, mode: Mode) -> Sweep:
    """In forward order; parts share the passes and what comes before the first cut of each."""
    before = bench.outcome([])
    return swept(bench, mode, before, each(bench, parts_of(bench, mode), before))


def swept(bench: Bench, mode: Mode, before: Outcome, found: Sequence[tuple[Interval, float]]) -> Sweep:
    """What was found of each part, wherever it was measured, put together."""
    parts = parts_of(bench, mode)
    of_nodes = {part.nodes[0]: effect for part, effect in zip(parts, found, strict=True) if part.nodes}
    of_edges = {part.edges[0]: effect for part, effect in zip(parts, found, strict=True) if part.edges}
    return Sweep(before, of_nodes, of_edges)


def each(bench: Bench, parts: Sequence[Part], before: Outcome) -> list[tuple[Interval, float]]:
    """The change of the loss that each part makes alone, and that of the accuracy."""
    if not parts:
        return []
    after = bench.outcomes(parts, [(i,) for i in range(len(parts))])
    changes = intervals(torch.stack([before.per_pair(outcome.losses - before.losses) for outcome in after]))
    right = before.accuracy().value
    return [
        (change, float((outcome.logit_diff > 0).double().mean()) - right)
        for change, outcome in zip(changes, after, strict=True)
    ]
