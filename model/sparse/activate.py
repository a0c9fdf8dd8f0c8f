"""Activations of eight values at once: ReLU, GELU, or none."""

from typing import Any, no_type_check

import numpy as np

from model.sparse.eight import fused, larger, load, minus, over, plus, spread, store, times
from model.sparse.kernel import Array, kernel

NONE, RELU, GELU = 0, 1, 2


@kernel
@no_type_check
def gelu(x: Any) -> Any:
    """x * Phi(x), by the rational approximation of erf that float32 libraries use: good to 1e-7."""
    zero, bound = spread(np.float32(0)), spread(np.float32(-4))
    z = larger(times(x, spread(np.float32(0.70710678))), bound)
    z = minus(zero, larger(minus(zero, z), bound))
    s = times(z, z)
    a = spread(np.float32(-2.72614225801306e-10))
    a = fused(a, s, spread(np.float32(2.77068142495902e-08)))
    a = fused(a, s, spread(np.float32(-2.10102402082508e-06)))
    a = fused(a, s, spread(np.float32(-5.69250639462346e-05)))
    a = fused(a, s, spread(np.float32(-7.34990630326855e-04)))
    a = fused(a, s, spread(np.float32(-2.95459980854025e-03)))
    a = fused(a, s, spread(np.float32(-1.60960333262415e-02)))
    b = spread(np.float32(-1.45660718464996e-05))
    b = fused(b, s, spread(np.float32(-2.13374055278905e-04)))
    b = fused(b, s, spread(np.float32(-1.68282697438203e-03)))
    b = fused(b, s, spread(np.float32(-7.37332916720468e-03)))
    b = fused(b, s, spread(np.float32(-1.42647390514189e-02)))
    return times(times(spread(np.float32(0.5)), x), plus(spread(np.float32(1)), over(times(z, a), b)))


@kernel
@no_type_check
def activation(x: Any, which: int) -> Any:
    if which == RELU:
        return larger(x, spread(np.float32(0)))
    if which == GELU:
        return gelu(x)
    return x


@kernel
@no_type_check
def activated(x: Array, which: int, out: Array, start: int, stop: int) -> None:
    """The activation of every channel at some tokens; `out` may be x."""
    few = np.zeros(8, np.float32)
    n_whole = (stop - start) // 8 * 8
    for c in range(x.shape[0]):
        row, to = x[c], out[c]
        for i in range(np.uint64(start), np.uint64(start + n_whole), np.uint64(8)):
            store(to, i, activation(load(row, i), which))
        if start + n_whole < stop:
            for p in range(start + n_whole, stop):
                few[p - start - n_whole] = row[p]
            store(few, 0, activation(load(few, 0), which))
            for p in range(start + n_whole, stop):
                to[p] = few[p - start - n_whole]
