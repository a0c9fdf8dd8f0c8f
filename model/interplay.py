"""Several interventions at once: what they do together, each alone, and all but one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from model.bench import Bench
from model.intervals import intervals
from model.intervention import Part
from model.measure import Interval, Outcome

#: Above this many parts only what they do together is measured.
MOST_PARTS = 32


@dataclass(frozen=True)
class Interplay:
    """Changes of the loss (nats, over pairs): of each part alone and of all the others without it, their sum, and how
    far the joint change is from the sum of the single ones."""

    alone: list[Interval]
    without: list[Interval]
    joint: Interval
    total: Interval
    beyond: Interval


def interplay(
    bench: Bench, parts: Sequence[Part], before: Outcome, *, most: int = MOST_PARTS
) -> tuple[Outcome, Interplay | None]:
    """All of `parts` done at once, and how they play together; None for one part or more than `most`."""
    n = len(parts)
    every = tuple(range(n))
    if not 1 < n <= most:
        return bench.outcome(parts), None
    subsets = [every, *((i,) for i in every), *(every[:i] + every[i + 1 :] for i in every)]
    unique = list(dict.fromkeys(subsets))
    found = dict(zip(unique, bench.outcomes(parts, unique), strict=True))
    change = {subset: before.per_pair(outcome.losses - before.losses) for subset, outcome in found.items()}
    joint, single = change[every], torch.stack([change[(i,)] for i in every])
    total = single.sum(dim=0)
    rows = torch.cat([torch.stack([joint, total, joint - total]), torch.stack([change[s] for s in subsets[1:]])])
    joint_is, total_is, beyond_is, *rest = intervals(rows)
    return found[every], Interplay(rest[:n], rest[n:], joint_is, total_is, beyond_is)
