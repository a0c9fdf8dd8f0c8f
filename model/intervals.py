"""Many intervals at once: what `model.measure.interval` gives of each row, with the same draws."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from model.measure import Interval


def intervals(rows: Float[Tensor, "row pair"], *, n_resamples: int = 2000, seed: int = 0) -> list[Interval]:
    """Means over pairs with their 95% bootstrap intervals."""
    values = rows.double().numpy()
    n = values.shape[1]
    drawn = np.random.default_rng(seed).integers(0, n, size=(n_resamples, n))
    shares = np.zeros((n_resamples, n))
    np.add.at(shares, (np.arange(n_resamples)[:, None], drawn), 1 / n)
    low, high = np.quantile(values @ shares.T, [0.025, 0.975], axis=1)
    return [Interval(float(m), float(a), float(b)) for m, a, b in zip(values.mean(axis=1), low, high, strict=True)]
