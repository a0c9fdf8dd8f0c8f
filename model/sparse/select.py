"""AbsTopK without sorting: a threshold for each token, found by counting, all tokens of a block at once.

Each pass counts, for every token, how many magnitudes are above its threshold; the thresholds then move by
interpolation, and by halving where that converges slowly. A token is done when its count is exact. Where the k-th and
the next magnitude are the same float, no threshold is: of these equals the first channels are kept (torch keeps any).
"""

from typing import no_type_check

import numpy as np

from model.sparse.kernel import Array, kernel

#: Passes that interpolate before those that halve the bit patterns between two bounds, which end after 31.
N_INTERPOLATED = 24
#: Tokens whose thresholds are sought together.
BLOCK = 64


@kernel
@no_type_check
def count_above(x: Array, first: int, thresholds: Array, counts: Array) -> None:
    """counts[p] = how many of x[:, first + p] are larger in magnitude than thresholds[p]."""
    width, n = x.shape[0], np.uint64(len(counts))
    first = np.uint64(first)
    for p in range(n):
        counts[p] = 0
    for c in range(0, width - width % 4, 4):
        a, b, d, e = x[c], x[c + 1], x[c + 2], x[c + 3]
        for p in range(n):
            t, i = thresholds[p], first + p
            counts[p] += (
                np.int32(abs(a[i]) > t) + np.int32(abs(b[i]) > t) + np.int32(abs(d[i]) > t) + np.int32(abs(e[i]) > t)
            )
    for c in range(width - width % 4, width):
        a = x[c]
        for p in range(n):
            counts[p] += np.int32(abs(a[first + p]) > thresholds[p])


@kernel
@no_type_check
def thresholds_of(x: Array, first: int, kept: int, thresholds: Array, counts: Array) -> None:
    """For each p a threshold that exactly `kept` magnitudes of x[:, first + p] exceed; where ties forbid it, fewer."""
    width, n_pos = x.shape[0], len(thresholds)
    at = np.uint64(first)
    low, high = np.zeros(n_pos, np.float32), np.zeros(n_pos, np.float32)
    n_low, n_high = np.empty(n_pos, np.int32), np.zeros(n_pos, np.int32)
    low_bits, high_bits, bits = low.view(np.int32), high.view(np.int32), thresholds.view(np.int32)
    squares = np.zeros(n_pos, np.float32)
    done = np.zeros(n_pos, np.bool_)
    for c in range(width):
        row = x[c]
        for p in range(np.uint64(n_pos)):
            value = abs(row[at + p])
            high[p] = value if value > high[p] else high[p]
            squares[p] += value * value
    for p in range(n_pos):
        thresholds[p] = 0
    count_above(x, first, thresholds, n_low)
    n_left = n_pos
    for p in range(n_pos):
        if n_low[p] <= kept:
            done[p] = True
            counts[p] = n_low[p]
            n_left -= 1
    final = np.zeros(n_pos, np.float32)
    final_counts = n_low.copy()
    n_passes = 0
    while n_left > 0:
        for p in range(n_pos):
            if done[p]:
                thresholds[p] = final[p]
            elif n_passes == 0:  # where a normal distribution would have it, for a quarter
                thresholds[p] = min(np.float32(1.15) * np.sqrt(squares[p] / n_low[p]), np.float32(0.5) * high[p])
            elif n_passes < N_INTERPOLATED and n_passes % 4 != 3:
                share = np.float32(n_low[p] - kept) / np.float32(n_low[p] - n_high[p])
                share = min(max(share, np.float32(0.02)), np.float32(0.98))
                thresholds[p] = low[p] + (high[p] - low[p]) * share
            elif n_passes < N_INTERPOLATED:
                thresholds[p] = low[p] + (high[p] - low[p]) * np.float32(0.5)
            else:
                bits[p] = low_bits[p] + (high_bits[p] - low_bits[p]) // 2
            if not done[p] and not (low[p] < thresholds[p] < high[p]):
                bits[p] = low_bits[p] + (high_bits[p] - low_bits[p]) // 2
        count_above(x, first, thresholds, counts)
        for p in range(n_pos):
            if done[p]:
                continue
            n, t = counts[p], thresholds[p]
            if n > kept:
                low[p], n_low[p] = t, n
            elif n < kept:
                high[p], n_high[p] = t, n
            adjacent = high_bits[p] - low_bits[p] <= 1
            if n == kept or adjacent:
                done[p] = True
                n_left -= 1
                final[p] = t if n == kept else high[p]
                final_counts[p] = n if n == kept else n_high[p]
        n_passes += 1
    for p in range(n_pos):
        thresholds[p], counts[p] = final[p], final_counts[p]


@kernel
@no_type_check
def keep_largest(x: Array, out: Array, kept: int, start: int, stop: int) -> None:
    """out[channel, token] = x where it is among its token's `kept` largest magnitudes, else zero; `out` may be x."""
    width = x.shape[0]
    for begin in range(start, stop, BLOCK):
        first, n_pos = np.uint64(begin), min(BLOCK, stop - begin)
        n = np.uint64(n_pos)
        thresholds, counts = np.empty(n_pos, np.float32), np.empty(n_pos, np.int32)
        thresholds_of(x, begin, kept, thresholds, counts)
        n_equal = np.zeros(n_pos, np.int32)
        some_equal = False
        for p in range(n_pos):
            if counts[p] < kept and thresholds[p] > 0:
                n_equal[p] = kept - counts[p]
                some_equal = True
        for c in range(width):
            row, to = x[c], out[c]
            if some_equal:
                for p in range(n):
                    value = row[first + p]
                    stays = abs(value) > thresholds[p]
                    if n_equal[p] > 0 and abs(value) == thresholds[p]:
                        n_equal[p] -= 1
                        stays = True
                    to[first + p] = value if stays else np.float32(0)
            else:
                for p in range(n):
                    value = row[first + p]
                    to[first + p] = value if abs(value) > thresholds[p] else np.float32(0)
