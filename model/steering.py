"""Steering curves: nodes moved from what they do on a pair's first prompt to what they do on its second.

Beside the nodes chosen stand as many of the same sites drawn at random: if these steer as well, the nodes are not
special.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from model.bench import Bench
from model.intervention import Part, Setting, cuts
from model.measure import Interval, Outcome, interval
from model.sites import Node
from model.targets import Targets


@dataclass(frozen=True)
class SteerPoint:
    """At one t: the logit of the first prompt's answer minus that of the second's, on either prompt; the loss, nats."""

    t: float
    on_first: Interval
    on_second: Interval
    loss_nats: Interval

    @classmethod
    def of(cls, t: float, outcome: Outcome) -> "SteerPoint":
        first, second = outcome.logit_diff.chunk(2)
        return cls(t, interval(first), interval(-second), outcome.loss())


@dataclass(frozen=True)
class SteerCurve:
    nodes: tuple[Node, ...]
    points: list[SteerPoint]


def steered(bench: Bench, parts: Sequence[Part], ts: Sequence[float]) -> SteerCurve:
    """Every part that steers, at each t; the other parts as they are."""
    nodes = tuple(node for part in parts if part.setting.mode == "steer" for node in part.nodes)
    return SteerCurve(nodes, [SteerPoint.of(t, bench.outcome([at(part, t) for part in parts])) for t in ts])


def at(part: Part, t: float) -> Part:
    return replace(part, setting=Setting("steer", t)) if part.setting.mode == "steer" else part


def controls(parts: Sequence[Part], targets: Targets, n_draws: int, seed: int) -> list[list[Part]]:
    """The same parts, the nodes that steer drawn anew from their sites among those that no part is on; draws for
    which a site has too few others, or that repeat an earlier one, are left out."""
    taken = {node for part in parts for node in part.nodes}
    steering = [node for part in parts if part.setting.mode == "steer" for node in part.nodes]
    sites = list(dict.fromkeys(node.site for node in steering))
    others = [part for part in parts if part.setting.mode != "steer"]
    found: dict[tuple[Node, ...], list[Part]] = {}
    for draw in range(n_draws):
        generator = torch.Generator().manual_seed(seed * 1_000 + draw)
        drawn: list[Node] = []
        for site in sites:
            free = [node for node in targets.nodes_at(site) if node not in taken]
            wanted = sum(node.site == site for node in steering)
            if len(free) < wanted:
                return []
            drawn += [free[i] for i in sorted(torch.randperm(len(free), generator=generator)[:wanted].tolist())]
        steer = [replace(part, setting=Setting("steer", 0.0)) for part in cuts(drawn)]
        found.setdefault(tuple(drawn), [*steer, *others])
    return list(found.values())
