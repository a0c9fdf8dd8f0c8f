"""Whether a node does inside its circuit what it does in the full model, on text: their correlation over tokens."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float16, Int
from numpy.typing import NDArray
from torch import Tensor

from model.measure import Interval

#: Below it less than half of a node's variance is shared (0.7 squared is 0.49): the node is marked as changed.
SAME_FROM = 0.7
N_RESAMPLES = 400

Values = NDArray[np.float64]
State = Literal["same", "changed", "constant"]


@dataclass(frozen=True)
class Drift:
    """`correlation` is over tokens, its interval over windows; null where the node is constant on either side.

    `spread_ratio` is its standard deviation in the circuit over that in the full model, null where that is zero.
    A node that is constant in both is "constant"; one that is so in one of them alone has changed.
    """

    correlation: Interval | None
    spread_ratio: float | None
    state: State


def some_windows(windows: Int[Tensor, "window pos"], most: int) -> Int[Tensor, "some pos"]:
    """At most `most` windows, at even steps through all of them."""
    step = max(1, -(-len(windows) // most))
    return windows[::step]


def drifts(full: Float16[Tensor, "node window pos"], kept: Float16[Tensor, "node window pos"]) -> Iterator[Drift]:
    """Each node's, from its values at the same tokens in the full model and inside the circuit."""
    rng = np.random.default_rng(0)
    n_windows = full.shape[1]
    drawn = rng.multinomial(n_windows, np.full(n_windows, 1 / n_windows), size=N_RESAMPLES).astype(float)
    for in_full, in_kept in zip(full, kept, strict=True):
        moments = _moments(in_full, in_kept)
        all_of_it = moments.sum(axis=0)
        spread_full, spread_kept = np.sqrt(_variances(all_of_it))
        ratio = float(spread_kept / spread_full) if spread_full > 0 else None
        if spread_full == 0 or spread_kept == 0:
            yield Drift(None, ratio, "constant" if spread_full == spread_kept else "changed")
            continue
        value = float(_correlation(all_of_it))
        with np.errstate(invalid="ignore", divide="ignore"):
            resampled = _correlation((drawn @ moments).T.copy())
        low, high = np.quantile(np.nan_to_num(resampled, nan=0.0), [0.025, 0.975])
        yield Drift(Interval(value, float(low), float(high)), ratio, "same" if value >= SAME_FROM else "changed")


def _moments(a: Tensor, b: Tensor) -> Values:
    """[window, 6]: count, sums, sums of squares and of the product, about the means of all."""
    x, y = a.double(), b.double()
    if bool((x == x.flatten()[0]).all()):
        x = torch.zeros_like(x)
    if bool((y == y.flatten()[0]).all()):
        y = torch.zeros_like(y)
    x, y = x - x.mean(), y - y.mean()
    parts = [torch.ones_like(x), x, y, x * x, y * y, x * y]
    return np.stack([part.sum(dim=1).numpy() for part in parts], axis=1)


def _variances(m: Values) -> tuple[Values, Values]:
    n, x, y, xx, yy, _ = m
    return np.asarray(np.maximum(xx / n - (x / n) ** 2, 0)), np.asarray(np.maximum(yy / n - (y / n) ** 2, 0))


def _correlation(m: Values) -> Values:
    n, x, y, _, _, xy = m
    var_x, var_y = _variances(m)
    return np.asarray((xy / n - x * y / n**2) / np.sqrt(var_x * var_y))
