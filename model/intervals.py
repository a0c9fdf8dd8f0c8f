"""Means over pairs with their 95% bootstrap intervals, one row of values or many at once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

#: Draws of at most so many pairs are remembered: 2,000 resamples of 640 pairs take 10 MB.
MOST_REMEMBERED = 640


@dataclass(frozen=True)
class Interval:
    """A mean over pairs with its 95% bootstrap interval."""

    value: float
    low: float
    high: float


def interval(per_pair: Float[Tensor, " pair"], *, n_resamples: int = 2000, seed: int = 0) -> Interval:
    """Mean and 95% percentile interval of the mean, by resampling pairs. Seeded: the same values, the same interval."""
    return intervals(per_pair[None], n_resamples=n_resamples, seed=seed)[0]


def intervals(rows: Float[Tensor, "row pair"], *, n_resamples: int = 2000, seed: int = 0) -> list[Interval]:
    """The same of each row, with the same draws."""
    values = rows.double().numpy()
    n = values.shape[1]
    counts = _remembered(n, n_resamples, seed) if n <= MOST_REMEMBERED else _counts(n, n_resamples, seed)
    low, high = np.quantile(values @ counts / n, [0.025, 0.975], axis=1)
    return [Interval(float(m), float(a), float(b)) for m, a, b in zip(values.mean(axis=1), low, high, strict=True)]


def _counts(n: int, n_resamples: int, seed: int) -> NDArray[np.float64]:
    """[pair, resample]: how often each resample draws each pair; whole numbers, so that equal values stay equal."""
    drawn = np.random.default_rng(seed).integers(0, n, size=(n_resamples, n))
    places = drawn + n * np.arange(n_resamples)[:, None]
    counts = np.bincount(places.ravel(), minlength=n * n_resamples).reshape(n_resamples, n)
    return np.ascontiguousarray(counts.T, dtype=np.float64)


_remembered = lru_cache(maxsize=8)(_counts)
