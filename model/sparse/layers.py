"""What a block does to a token besides attending: norm, sparse matrix, activation; AbsTopK where it follows."""

from typing import no_type_check

import numpy as np

from model.sparse.kernel import Array, kernel
from model.sparse.select import keep_largest

#: Tokens whose values of all channels a kernel works on at once.
BLOCK = 256


@kernel
@no_type_check
def normed(
    x: Array, weight: Array, bias: Array, rms: bool, positions: Array, kept: int, out: Array, start: int, stop: int
) -> None:
    """RMSNorm or LayerNorm (`bias` may be empty), then the rows of `positions` below, then AbsTopK if kept >= 0."""
    width = x.shape[0]
    squares, sums = np.empty(BLOCK), np.empty(BLOCK)
    centre, factor = np.zeros(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for begin in range(start, stop, BLOCK):
        first, n = np.uint64(begin), np.uint64(min(BLOCK, stop - begin))  # unsigned: no index can be from the end
        for p in range(n):
            squares[p], sums[p] = 0, 0
        if not rms:
            for c in range(width):
                row = x[c]
                for p in range(n):
                    sums[p] += row[first + p]
            for p in range(n):
                centre[p] = sums[p] / width
        for c in range(width):
            row = x[c]
            for p in range(n):
                away = np.float64(row[first + p] - centre[p])
                squares[p] += away * away
        for p in range(n):
            factor[p] = 1 / np.sqrt(squares[p] / width + (1.1920928955078125e-07 if rms else 1e-5))
        for c in range(width):
            row, to, w = x[c], out[c], weight[c]
            added = bias[c] if len(bias) else np.float32(0)
            for p in range(n):
                to[first + p] = (row[first + p] - centre[p]) * factor[p] * w + added
        for c in range(len(positions)):
            to, row = out[width + c], positions[c]
            for p in range(n):
                to[first + p] = row[first + p]
    if kept >= 0:
        keep_largest(out, out, kept, start, stop)


@kernel
@no_type_check
def multiplied(
    starts: Array, sources: Array, weights: Array, bias: Array, x: Array, out: Array, start: int, stop: int
) -> None:
    """out = matrix @ x + bias, by the matrix's nonzeros: row t has those from starts[t] to starts[t + 1]."""
    for begin in range(start, stop, BLOCK):
        first, last = np.uint64(begin), np.uint64(min(begin + BLOCK, stop))
        for t in range(len(starts) - 1):
            to = out[t]
            added = bias[t] if len(bias) else np.float32(0)
            for p in range(first, last):
                to[p] = added
            n, end = starts[t], starts[t + 1]
            while n + 4 <= end:
                w0, w1, w2, w3 = weights[n], weights[n + 1], weights[n + 2], weights[n + 3]
                x0, x1, x2, x3 = x[sources[n]], x[sources[n + 1]], x[sources[n + 2]], x[sources[n + 3]]
                for p in range(first, last):
                    to[p] += w0 * x0[p] + w1 * x1[p] + w2 * x2[p] + w3 * x3[p]
                n += 4
            while n < end:
                w0, x0 = weights[n], x[sources[n]]
                for p in range(first, last):
                    to[p] += w0 * x0[p]
                n += 1


@kernel
@no_type_check
def gelu(x: float) -> float:
    """x * Phi(x), by the rational approximation of erf that float32 libraries use: good to 1e-7."""
    z = min(max(x * np.float32(0.70710678), np.float32(-4)), np.float32(4))
    s = z * z
    a = np.float32(-2.72614225801306e-10)
    a = a * s + np.float32(2.77068142495902e-08)
    a = a * s + np.float32(-2.10102402082508e-06)
    a = a * s + np.float32(-5.69250639462346e-05)
    a = a * s + np.float32(-7.34990630326855e-04)
    a = a * s + np.float32(-2.95459980854025e-03)
    a = a * s + np.float32(-1.60960333262415e-02)
    b = np.float32(-1.45660718464996e-05)
    b = b * s + np.float32(-2.13374055278905e-04)
    b = b * s + np.float32(-1.68282697438203e-03)
    b = b * s + np.float32(-7.37332916720468e-03)
    b = b * s + np.float32(-1.42647390514189e-02)
    return np.float32(0.5) * x * (np.float32(1) + z * a / b)


@kernel
@no_type_check
def activated(x: Array, relu: bool, kept: int, out: Array, start: int, stop: int) -> None:
    """ReLU or GELU, then AbsTopK if kept >= 0; `out` may be x."""
    first, last = np.uint64(start), np.uint64(stop)
    for c in range(x.shape[0]):
        row, to = x[c], out[c]
        if relu:
            for p in range(first, last):
                value = row[p]
                to[p] = value if value > 0 else np.float32(0)
        else:
            for p in range(first, last):
                to[p] = gelu(row[p])
    if kept >= 0:
        keep_largest(out, out, kept, start, stop)
