"""What a block does to a token besides attending: norm, with AbsTopK where it follows; sparse matrix."""

from typing import no_type_check

import numpy as np

from model.sparse.activate import NONE
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
        keep_largest(out, out, kept, NONE, start, stop)


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
