"""Steering curves: nodes moved from what they do on a pair's first prompt to what they do on its second.

Beside the nodes chosen stand as many drawn at random, of the same sites or, where these have no others, of the most
comparable ones: if these steer as well, the nodes are not special.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from model.bench import Bench
from model.intervention import Part, Setting, cuts
from model.measure import Interval, Outcome, interval
from model.sites import Node, maskable_sites, site_order
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


class StandIn(NamedTuple):
    """Random nodes of one site in the place of those that another, `site`, does not have."""

    site: str
    taken_from: str


@dataclass(frozen=True)
class Control:
    """The same parts with random nodes steering; `stand_ins` where a site had too few others."""

    parts: list[Part]
    stand_ins: tuple[StandIn, ...] = ()


def controls(parts: Sequence[Part], targets: Targets, n_draws: int, seed: int) -> list[Control]:
    """The same parts, the nodes that steer drawn anew from their sites among those that no part is on.

    Where a site has too few others, the nearest comparable sites that have any stand in (`comparable`). Draws that
    repeat an earlier one are left out; there is none where all nodes are taken.
    """
    taken = {node for part in parts for node in part.nodes}
    steering = [node for part in parts if part.setting.mode == "steer" for node in part.nodes]
    wanted = Counter(node.site for node in steering)
    others = [part for part in parts if part.setting.mode != "steer"]
    found: dict[tuple[Node, ...], Control] = {}
    for draw in range(n_draws):
        generator = torch.Generator().manual_seed(seed * 1_000 + draw)
        drawn: list[Node] = []
        stand_ins: list[StandIn] = []
        short: dict[str, int] = {}
        for site, n in wanted.items():
            own = _drawn(targets.nodes_at(site), n, taken, generator)
            drawn += own
            short[site] = n - len(own)
        for site, n_missing in short.items():
            for other in comparable(site, targets):
                more = _drawn(targets.nodes_at(other), n_missing, taken.union(drawn), generator) if n_missing else []
                drawn += more
                n_missing -= len(more)
                stand_ins += [StandIn(site, other)] if more else []
            if n_missing:
                return []
        steer = [replace(part, setting=Setting("steer", 0.0)) for part in cuts(drawn)]
        found.setdefault(tuple(drawn), Control([*steer, *others], tuple(stand_ins)))
    return list(found.values())


def _drawn(nodes: Sequence[Node], n: int, taken: Container[Node], generator: torch.Generator) -> list[Node]:
    """At most `n` of the nodes that are not taken, at random, in their order."""
    free = [node for node in nodes if node not in taken]
    return [free[i] for i in sorted(torch.randperm(len(free), generator=generator)[:n].tolist())]


def comparable(site: str, targets: Targets) -> list[str]:
    """The other sites, most comparable first: of the same part in the nearest layer, then those fewest steps away in
    the forward pass; the earlier one where two are as near."""
    sites = sorted(maskable_sites(targets.config), key=site_order)
    place, part = sites.index(site), site.partition(".")[2]
    others = [(other.partition(".")[2] != part, abs(i - place), i, other) for i, other in enumerate(sites)]
    return [other for *_, other in sorted(others) if other != site]
