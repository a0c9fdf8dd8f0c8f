"""How soon a run of pruning got how small: the sizes at which circuits met the target, each smaller than all before."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

#: A gradient step knows the loss of its own few pairs; so many reported steps are averaged.
N_AVERAGED = 5
#: Fewer edges than this share of those before are noted.
SMALLER = 0.97


class Step(Protocol):
    """What a run reports of itself: seconds, nats, nodes, edges where they were counted, and in which phase."""

    @property
    def phase(self) -> str: ...
    @property
    def loss_nats(self) -> float: ...
    @property
    def n_nodes(self) -> int: ...
    @property
    def n_edges(self) -> int | None: ...
    @property
    def elapsed_s(self) -> float: ...


@dataclass(frozen=True)
class Reached:
    """A circuit that met the target, `elapsed_s` after the start. In the phase `learning` the loss is an estimate, a
    mean over the pairs of the last steps; later it is measured on the pairs that choose the size, and in the last one,
    `calibrating`, on all fresh pairs: that circuit is kept, whatever was reached before."""

    elapsed_s: float
    phase: str
    n_nodes: int
    n_edges: int
    loss_nats: float


class Reaching:
    """Told the steps of a run one after another, `sizes` says what it has reached."""

    def __init__(self, target_loss_nats: float) -> None:
        self.target = target_loss_nats
        self.sizes: list[Reached] = []
        self._recent: deque[float] = deque(maxlen=N_AVERAGED)

    def note(self, step: Step) -> None:
        if step.n_edges is None or step.phase == "measuring":
            return
        loss, enough = step.loss_nats, True
        if step.phase == "learning":
            self._recent.append(loss)
            loss, enough = sum(self._recent) / len(self._recent), len(self._recent) == N_AVERAGED
        is_smaller = not self.sizes or step.n_edges <= SMALLER * self.sizes[-1].n_edges
        if step.phase == "calibrating" or (enough and is_smaller and loss <= self.target):
            self.sizes.append(Reached(step.elapsed_s, step.phase, step.n_nodes, step.n_edges, loss))


def reached(steps: Iterable[Step], target_loss_nats: float) -> list[Reached]:
    """What a whole run reached."""
    reaching = Reaching(target_loss_nats)
    for step in steps:
        reaching.note(step)
    return reaching.sizes
