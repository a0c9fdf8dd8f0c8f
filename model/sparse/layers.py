"""What a block does to a token besides attending: norm, with AbsTopK where it follows; sparse matrix."""

from typing import no_type_check

import numpy as np

from model.sparse.activate import NONE
from model.sparse.eight import fused, load, spread, store
from model.sparse.kernel import Array, kernel
from model.sparse.select import keep_largest

#: Tokens whose values of all channels a kernel works on at once.
BLOCK = 256
#: Tokens for which a sparse matrix's sums are kept in registers.
WIDE = 64


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
    """out = matrix @ x + bias, by the matrix's nonzeros: row t has those from starts[t] to starts[t + 1].

    Sums for 64 tokens stay in registers while a row's nonzeros pass by; for the last few tokens those for eight or one.
    """
    n_wide, n_whole = (stop - start) // WIDE * WIDE, (stop - start) // 8 * 8
    for begin in range(start, start + n_wide, WIDE):
        first = np.uint64(begin)
        for t in range(len(starts) - 1):
            a = spread(bias[t] if len(bias) else np.float32(0))
            b, c, d, e, f, g, h = a, a, a, a, a, a, a
            for n in range(starts[t], starts[t + 1]):
                w, row = spread(weights[n]), x[sources[n]]
                a, b = fused(w, load(row, first), a), fused(w, load(row, first + np.uint64(8)), b)
                c, d = fused(w, load(row, first + np.uint64(16)), c), fused(w, load(row, first + np.uint64(24)), d)
                e, f = fused(w, load(row, first + np.uint64(32)), e), fused(w, load(row, first + np.uint64(40)), f)
                g, h = fused(w, load(row, first + np.uint64(48)), g), fused(w, load(row, first + np.uint64(56)), h)
            to = out[t]
            store(to, first, a)
            store(to, first + np.uint64(8), b)
            store(to, first + np.uint64(16), c)
            store(to, first + np.uint64(24), d)
            store(to, first + np.uint64(32), e)
            store(to, first + np.uint64(40), f)
            store(to, first + np.uint64(48), g)
            store(to, first + np.uint64(56), h)
    for t in range(len(starts) - 1):
        added, to = bias[t] if len(bias) else np.float32(0), out[t]
        for first in range(np.uint64(start + n_wide), np.uint64(start + n_whole), np.uint64(8)):
            a = spread(added)
            for n in range(starts[t], starts[t + 1]):
                a = fused(spread(weights[n]), load(x[sources[n]], first), a)
            store(to, first, a)
        for p in range(start + n_whole, stop):
            total = added
            for n in range(starts[t], starts[t + 1]):
                total += weights[n] * x[sources[n], p]
            to[p] = total
