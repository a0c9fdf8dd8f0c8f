"""The effect of every node and every edge of a circuit, each cut alone, with intervals over the same pairs."""

from collections.abc import Callable, Sequence
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
OnPart = Callable[[int, int], None]
EDGE_MODES: tuple[Mode, ...] = ("mean", "zero")


@dataclass(frozen=True)
class Sweep:
    """Changes of the loss (nats) and of the accuracy; `edges` is empty in a mode that edges do not have."""

    before: Outcome
    nodes: dict[Node, tuple[Interval, float]]
    edges: dict[Edge, tuple[Interval, float]]


def sweep(bench: Bench, mode: Mode, on_part: OnPart | None = None) -> Sweep:
    """In forward order; parts share the passes and what comes before the first cut of each. `on_part` is told how many
    parts of how many are measured; what it raises ends the sweep."""
    assert bench.within is not None, "a sweep is over the nodes and edges of a circuit"
    before = bench.outcome([])
    nodes = bench.within.nodes
    edges = Targets(bench.subject, bench.within).edges if mode in EDGE_MODES else ()
    parts = [*cuts(nodes, mode), *edge_cuts(edges, mode)]
    at_once = len(parts) if on_part is None else CHUNK
    found: list[tuple[Interval, float]] = []
    for start in range(0, len(parts), max(1, at_once)):
        if on_part is not None:
            on_part(len(found), len(parts))
        found += _each(bench, parts[start : start + at_once], before)
    if on_part is not None:
        on_part(len(found), len(parts))
    of_nodes, of_edges = found[: len(nodes)], found[len(nodes) :]
    return Sweep(before, dict(zip(nodes, of_nodes, strict=True)), dict(zip(edges, of_edges, strict=True)))


def _each(bench: Bench, parts: Sequence[Part], before: Outcome) -> list[tuple[Interval, float]]:
    if not parts:
        return []
    after = bench.outcomes(parts, [(i,) for i in range(len(parts))])
    changes = intervals(torch.stack([before.per_pair(outcome.losses - before.losses) for outcome in after]))
    right = before.accuracy().value
    return [
        (change, float((outcome.logit_diff > 0).double().mean()) - right)
        for change, outcome in zip(changes, after, strict=True)
    ]
