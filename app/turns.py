"""Whose turn it is: visitors take turns, so that one who asks for a hundred jobs holds nobody else up."""

import heapq
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

_NEVER = datetime.min.replace(tzinfo=UTC)


class Waiting(NamedTuple):
    """A job in the queue, and the visitor who asked for it."""

    id: str
    visitor: str
    created_at: datetime


def in_turn(waiting: Sequence[Waiting], last_turn: Mapping[str, datetime]) -> list[str]:
    """Ids in the order in which they will run: round robin over visitors, each one's oldest job first.

    The next turn is that of the visitor whose last job (`last_turn`) was started longest ago; of two who have had none,
    that of the one who asked first.
    """
    lines: dict[str, list[Waiting]] = {}
    for job in sorted(waiting, key=lambda job: (job.created_at, job.id)):
        lines.setdefault(job.visitor, []).append(job)
    turns = [(last_turn.get(visitor, _NEVER), n, visitor) for n, visitor in enumerate(lines)]
    turns.sort()
    ordered: list[str] = []
    while turns:
        for turn in list(turns):
            ordered.append(lines[turn[2]].pop(0).id)
            if not lines[turn[2]]:
                turns.remove(turn)
    return ordered


def starts_in(durations_s: Sequence[float | None], busy_s: Sequence[float | None]) -> list[float | None]:
    """When each of the jobs in line starts, seconds from now, given how long each takes and how long each worker is
    still busy; None from the first one on that cannot be reckoned."""
    if not busy_s or None in busy_s:
        return [None] * len(durations_s)
    free = [busy for busy in busy_s if busy is not None]
    heapq.heapify(free)
    starts: list[float | None] = []
    for duration in durations_s:
        start = heapq.heappop(free)
        starts.append(start)
        if duration is None:
            break
        heapq.heappush(free, start + duration)
    return starts + [None] * (len(durations_s) - len(starts))
