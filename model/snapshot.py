"""Where a run of pruning stood, as plain values: written down, they let it go on as if it had never stopped."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Snapshot:
    """The state before gradient step `step`. On the same device a run that goes on from it ends at the same circuit."""

    step: int
    tensors: dict[str, Tensor]
    numbers: dict[str, float]

    def with_more(self, tensors: dict[str, Tensor], numbers: dict[str, float]) -> "Snapshot":
        return Snapshot(self.step, self.tensors | tensors, self.numbers | numbers)


OnSnapshot = Callable[[Snapshot], None]
#: Gradient steps between two snapshots.
SNAPSHOT_EVERY = 25
