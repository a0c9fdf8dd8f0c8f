"""How things are timed: medians of several runs, on all of torch's threads; and what this machine can do at best."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch


def seconds(act: Callable[[], object], n: int = 5, *, ahead: bool = True) -> float:
    """Median of `n` runs, after one `ahead` that does not count."""
    if ahead:
        act()
    found = []
    for _ in range(n):
        started = time.perf_counter()
        act()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


@dataclass(frozen=True)
class Machine:
    """Bytes a second from memory and operations a second in a dense product, on torch's threads."""

    bytes_per_s: float
    flops_per_s: float

    @classmethod
    def measured(cls) -> "Machine":
        source = torch.ones(2**26)
        target = torch.empty_like(source)
        copied = 8 * source.numel() / seconds(lambda: target.copy_(source))
        square = torch.ones(2048, 2048)
        return cls(copied, 2 * 2048**3 / seconds(lambda: square @ square))

    def floor_s(self, n_bytes: float, n_flops: float) -> float:
        """The least time in which so many bytes can come from memory and so many operations be done."""
        return max(n_bytes / self.bytes_per_s, n_flops / self.flops_per_s)


@dataclass(frozen=True)
class Row:
    """One line of the table: `ours` and `reference` in `unit`; `ratio` of them; `met` is None where there is no aim."""

    what: str
    ours: str
    reference: str
    ratio: float | None
    aim: str
    met: bool | None
    floor: str = ""


def human(value_s: float) -> str:
    return f"{value_s:.1f} s" if value_s >= 10 else f"{value_s:.2f} s" if value_s >= 1 else f"{1000 * value_s:.3g} ms"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
