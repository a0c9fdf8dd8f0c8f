"""AbsTopK without sorting: a threshold for each token, found by counting, eight tokens at once.

The magnitudes of eight tokens are copied to where they stay in the cache. Each pass counts, for every token, how many
are above its threshold; thresholds then move by as much as the density of values near them says, and by halving where
that does not converge. A token is done when its count is exact. Where the k-th and the next magnitude are the same
float, no threshold is: of these equals the first channels are kept (torch keeps any).
"""

from typing import no_type_check

import numpy as np

from model.sparse.activate import activation
from model.sparse.eight import above, any_above, larger, load, magnitude, minus, plus, spread, store, where_above
from model.sparse.kernel import Array, kernel

#: Passes that follow the density of values before those that halve the bit patterns between two bounds.
N_GUIDED = 8
#: So many values between two bounds are looked at one by one; steps go so many values too far.
FEW, MARGIN = 24, 6
LANES = 8


@kernel
@no_type_check
def count_above(rows: Array, width: int, thresholds: Array, counts: Array) -> None:
    """counts[p] = how many of |rows[p::8]| are larger than thresholds[p]; a multiple of four rows of eight."""
    t, zero = load(thresholds, 0), spread(np.float32(0))
    a, b, c, d = zero, zero, zero, zero
    for i in range(np.uint64(0), np.uint64(LANES * width), np.uint64(4 * LANES)):
        a = plus(a, above(magnitude(load(rows, i)), t))
        b = plus(b, above(magnitude(load(rows, i + np.uint64(8))), t))
        c = plus(c, above(magnitude(load(rows, i + np.uint64(16))), t))
        d = plus(d, above(magnitude(load(rows, i + np.uint64(24))), t))
    store(counts, 0, plus(plus(a, b), plus(c, d)))


@kernel
@no_type_check
def gathered(rows: Array, width: int, low: Array, high: Array, found: Array, n_found: Array) -> None:
    """found[p] = those of |rows[p::8]| that are above low[p] and not above high[p]; where n_found[p] < 0 none."""
    for p in range(LANES):
        n_found[p] = min(n_found[p], 0)
    below, top = load(low, 0), load(high, 0)
    for i in range(np.uint64(0), np.uint64(LANES * width), np.uint64(LANES)):
        value = magnitude(load(rows, i))
        if any_above(minus(value, where_above(value, top, value)), below):
            for p in range(LANES):
                one = abs(rows[i + np.uint64(p)])
                if low[p] < one <= high[p] and n_found[p] >= 0:
                    found[p, n_found[p]] = one
                    n_found[p] += 1


@kernel
@no_type_check
def next_of(values: Array, n: int, rank: int) -> tuple[float, int]:
    """The value that comes after `rank` others among the first n, largest first, and how many are larger than it."""
    for i in range(n):
        one, n_larger, n_equal = values[i], 0, 0
        for j in range(n):
            n_larger += values[j] > one
            n_equal += values[j] == one
        if n_larger <= rank < n_larger + n_equal:
            return one, n_larger
    return values[0], 0


@kernel
@no_type_check
def thresholds_of(rows: Array, width: int, kept: int, guess: Array, thresholds: Array, counts: Array) -> None:
    """For each p a threshold that exactly `kept` of |rows[p::8]| exceed; where ties forbid it, fewer.

    counts[p] comes with how many are not zero, thresholds[p] with the largest. `guess` is a threshold that may be near
    and how many values to a unit lie about it; what was found comes back in it.
    """
    low, high, last = np.zeros(LANES, np.float32), thresholds.copy(), np.zeros(LANES, np.float32)
    n_low, n_high, n_last = counts.copy(), np.zeros(LANES, np.float32), np.zeros(LANES, np.float32)
    low_bits, high_bits, bits = low.view(np.int32), high.view(np.int32), thresholds.view(np.int32)
    density = np.full(LANES, guess[1])
    wide = np.zeros(LANES, np.bool_)  # whose bounds still hold too many values between them
    n_wide = 0
    for p in range(LANES):
        thresholds[p] = guess[0]
        wide[p] = counts[p] > kept and n_low[p] > FEW
        n_wide += wide[p]
    n_passes = 0
    while n_wide > 0:
        for p in range(LANES):
            if wide[p] and not (low[p] < thresholds[p] < high[p]):
                bits[p] = low_bits[p] + (high_bits[p] - low_bits[p]) // 2
        count_above(rows, width, thresholds, counts)
        n_passes += 1
        for p in range(LANES):
            if not wide[p]:
                continue
            n, t = counts[p], thresholds[p]
            if n >= kept:
                low[p], n_low[p] = t, n
            if n <= kept:
                high[p], n_high[p] = t, n
            if n_low[p] - n_high[p] <= FEW or high_bits[p] - low_bits[p] <= 1:
                wide[p] = False
                n_wide -= 1
                continue
            if n_passes > 1 and abs(n - n_last[p]) > MARGIN:
                density[p] = (n_last[p] - n) / (t - last[p])
            last[p], n_last[p] = t, n
            if n_passes > N_GUIDED:
                bits[p] = low_bits[p] + (high_bits[p] - low_bits[p]) // 2
            else:  # a little too far, so that the value sought comes between two bounds
                beyond = MARGIN if n > kept else -MARGIN
                thresholds[p] = t + (n - kept + beyond) / density[p]
    found, n_found = np.empty((LANES, FEW), np.float32), np.zeros(LANES, np.int32)
    for p in range(LANES):
        if n_low[p] <= kept or n_high[p] == kept or n_low[p] - n_high[p] > FEW:
            n_found[p] = -1
    if n_found.max() >= 0:
        gathered(rows, width, low, high, found, n_found)
    total, n_total, about = np.float32(0), 0, np.float32(0)
    for p in range(LANES):
        if n_found[p] > 0:
            thresholds[p], n_larger = next_of(found[p], n_found[p], int(kept - n_high[p]))
            counts[p] = n_high[p] + n_larger
        elif n_low[p] <= kept:
            thresholds[p], counts[p] = low[p], n_low[p]
        else:
            thresholds[p], counts[p] = high[p], n_high[p]
        if thresholds[p] > 0:
            total += thresholds[p]
            about += density[p]
            n_total += 1
    if n_total > 0:
        guess[0], guess[1] = total / n_total, about / n_total


@kernel
@no_type_check
def only_first(rows: Array, p: int, threshold: float, n: int) -> None:
    """Of the |rows[p::8]| that equal a threshold the first n stay; the others become zero."""
    for i in range(p, len(rows), LANES):
        if abs(rows[i]) == threshold:
            n -= 1
            if n < 0:
                rows[i] = 0


@kernel
@no_type_check
def copied(x: Array, first: int, which: int, both: Array, largest: Array, n_there: Array) -> None:
    """The activations of sixteen tokens into two tables of eight; the largest magnitude of each, how many are not 0."""
    zero = spread(np.float32(0))
    top0, top1, n0, n1 = zero, zero, zero, zero
    for c in range(x.shape[0]):
        to = np.uint64(LANES * c)
        a, b = activation(load(x[c], first), which), activation(load(x[c], first + np.uint64(LANES)), which)
        store(both[0], to, a)
        store(both[1], to, b)
        a, b = magnitude(a), magnitude(b)
        top0, top1 = larger(a, top0), larger(b, top1)
        n0, n1 = plus(n0, above(a, zero)), plus(n1, above(b, zero))
    store(largest[0], 0, top0)
    store(largest[1], 0, top1)
    store(n_there[0], 0, n0)
    store(n_there[1], 0, n1)


@kernel
@no_type_check
def keep_largest(x: Array, out: Array, kept: int, which: int, start: int, stop: int) -> None:
    """out[channel, token] = the activation of x where it is among its token's `kept` largest magnitudes, else zero.

    `out` may be x. Sixteen tokens at a time, whose values lie in one line of the cache.
    """
    width = x.shape[0]
    room = (width + 3) // 4 * 4
    both = np.zeros((2, LANES * room), np.float32)
    thresholds, counts = np.zeros((2, LANES), np.float32), np.empty((2, LANES), np.float32)
    guess = np.zeros(2, np.float32)
    columns = np.zeros((width if (stop - start) % (2 * LANES) else 0, 2 * LANES), np.float32)
    for begin in range(start, stop, 2 * LANES):
        first, n = np.uint64(begin), min(2 * LANES, stop - begin)
        source, at = x, first
        if n < 2 * LANES:
            for c in range(width):
                for p in range(n):
                    columns[c, p] = x[c, begin + p]
            source, at = columns, np.uint64(0)
        copied(source, at, which, both, thresholds, counts)
        for half in range(2):
            if guess[1] == 0 and thresholds[half, 0] > 0:  # where a normal distribution would have it, for a quarter
                deviation = thresholds[half, 0] / 3
                guess[0], guess[1] = np.float32(1.15) * deviation, np.float32(0.41) * counts[half, 0] / deviation
            thresholds_of(both[half], room, kept, guess, thresholds[half], counts[half])
            for p in range(LANES):
                if counts[half, p] < kept and thresholds[half, p] > 0:
                    only_first(both[half], p, thresholds[half, p], int(kept - counts[half, p]))
                    thresholds[half, p] = np.nextafter(thresholds[half, p], np.float32(0))
        if n < 2 * LANES:
            for c in range(width):
                for p in range(n):
                    value = both[p // LANES, c * LANES + p % LANES]
                    out[c, begin + p] = value if abs(value) > thresholds[p // LANES, p % LANES] else np.float32(0)
            continue
        t0, t1 = load(thresholds[0], 0), load(thresholds[1], 0)
        for c in range(width):
            a, b = load(both[0], np.uint64(LANES * c)), load(both[1], np.uint64(LANES * c))
            store(out[c], first, where_above(magnitude(a), t0, a))
            store(out[c], first + np.uint64(LANES), where_above(magnitude(b), t1, b))
