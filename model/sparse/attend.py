"""Causal attention with a sink, for many tiny heads: one prompt and one head after another, all in the cache.

Sixteen queries at a time, in two vectors: scores are held [key, query], and four keys, then four channels of values,
are worked on at once, so that all sums stay in registers.
"""

from typing import no_type_check

import numpy as np

from model.sparse.eight import exponential, fused, larger, load, minus, over, plus, spread, store, times, where_above
from model.sparse.kernel import Array, kernel

#: Queries that are worked on at once.
TILE = 16
FIRST_SIXTEEN = np.arange(TILE, dtype=np.float32)


@kernel
@no_type_check
def exp(x: float) -> float:
    """e to the x for x <= 0, to 2e-7 of its value; below -87 what it is there, 1.6e-38."""
    x = max(x, np.float32(-87))
    n = np.floor(x * np.float32(1.44269504) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    y = np.float32(1.9875691500e-4)
    y = y * r + np.float32(1.3981999507e-3)
    y = y * r + np.float32(8.3334519073e-3)
    y = y * r + np.float32(4.1665795894e-2)
    y = y * r + np.float32(1.6666665459e-1)
    y = y * r + np.float32(5.0000001201e-1)
    y = y * r * r + r + np.float32(1)
    return y * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@kernel
@no_type_check
def scored(queries: Array, keys: Array, n_channel: int, first: int, at: int, n_keys: int, scores: Array) -> None:
    """Scores of sixteen queries with keys from `at` on, a row a key: four at a time stay in registers.

    `queries` holds sixteen values of one channel after those of another; channels of keys are rows from `first` on.
    `scores` has room for three more keys, of which what comes out means nothing.
    """
    zero = spread(np.float32(0))
    for j in range(0, n_keys, 4):
        a0, a1, b0, b1, c0, c1, d0, d1 = zero, zero, zero, zero, zero, zero, zero, zero
        j0 = np.uint64(at + j)
        j1, j2 = np.uint64(at + min(j + 1, n_keys - 1)), np.uint64(at + min(j + 2, n_keys - 1))
        j3 = np.uint64(at + min(j + 3, n_keys - 1))
        for c in range(n_channel):
            key = keys[first + c]
            q0, q1 = load(queries, np.uint64(TILE * c)), load(queries, np.uint64(TILE * c + 8))
            w, x, y, z = spread(key[j0]), spread(key[j1]), spread(key[j2]), spread(key[j3])
            a0, a1 = fused(w, q0, a0), fused(w, q1, a1)
            b0, b1 = fused(x, q0, b0), fused(x, q1, b1)
            c0, c1 = fused(y, q0, c0), fused(y, q1, c1)
            d0, d1 = fused(z, q0, d0), fused(z, q1, d1)
        row = np.uint64(TILE * j)
        store(scores, row, a0)
        store(scores, row + np.uint64(8), a1)
        store(scores, row + np.uint64(16), b0)
        store(scores, row + np.uint64(24), b1)
        store(scores, row + np.uint64(32), c0)
        store(scores, row + np.uint64(40), c1)
        store(scores, row + np.uint64(48), d0)
        store(scores, row + np.uint64(56), d1)


@kernel
@no_type_check
def weighed(scores: Array, n_keys: int, n_past: int, scale: float, sinks: Array, own: Array, total: Array) -> None:
    """The pattern before it is divided by `total`, in place of scores; queries are the `n_past`-th and those after it.

    `sinks` has one logit a query, -inf without a sink; `own` is the sum of the pattern, `total` that and the sink's.
    """
    factor = spread(scale)
    top0, top1 = load(sinks, 0), load(sinks, 8)
    early, late, far = load(FIRST_SIXTEEN, 0), load(FIRST_SIXTEEN, 8), spread(np.float32(np.inf))
    for j in range(n_keys):
        row = np.uint64(TILE * j)
        x, y = times(load(scores, row), factor), times(load(scores, row + np.uint64(8)), factor)
        if j > n_past:  # queries before the key do not see it
            behind = spread(np.float32(j - n_past))
            x, y = minus(x, where_above(behind, early, far)), minus(y, where_above(behind, late, far))
        store(scores, row, x)
        store(scores, row + np.uint64(8), y)
        top0, top1 = larger(x, top0), larger(y, top1)
    sum0, sum1 = spread(np.float32(0)), spread(np.float32(0))
    for j in range(n_keys):
        row = np.uint64(TILE * j)
        x = exponential(minus(load(scores, row), top0))
        y = exponential(minus(load(scores, row + np.uint64(8)), top1))
        store(scores, row, x)
        store(scores, row + np.uint64(8), y)
        sum0, sum1 = plus(sum0, x), plus(sum1, y)
    store(own, 0, sum0)
    store(own, 8, sum1)
    store(total, 0, plus(sum0, exponential(minus(load(sinks, 0), top0))))
    store(total, 8, plus(sum1, exponential(minus(load(sinks, 8), top1))))


@kernel
@no_type_check
def moved(scores: Array, values: Array, first: int, last: int, at: int, n_keys: int, total: Array, to: Array) -> None:
    """What the pattern moves of four channels from `first` on, none after `last`, to sixteen queries, into `to`."""
    zero = spread(np.float32(0))
    a0, a1, b0, b1, c0, c1, d0, d1 = zero, zero, zero, zero, zero, zero, zero, zero
    one, two, three, four = (
        values[first],
        values[min(first + 1, last)],
        values[min(first + 2, last)],
        values[min(first + 3, last)],
    )
    for j in range(n_keys):
        p0, p1 = load(scores, np.uint64(TILE * j)), load(scores, np.uint64(TILE * j + 8))
        here = np.uint64(at + j)
        w, x, y, z = spread(one[here]), spread(two[here]), spread(three[here]), spread(four[here])
        a0, a1 = fused(w, p0, a0), fused(w, p1, a1)
        b0, b1 = fused(x, p0, b0), fused(x, p1, b1)
        c0, c1 = fused(y, p0, c0), fused(y, p1, c1)
        d0, d1 = fused(z, p0, d0), fused(z, p1, d1)
    sum0, sum1 = load(total, 0), load(total, 8)
    store(to, 0, over(a0, sum0))
    store(to, 8, over(a1, sum1))
    store(to, 16, over(b0, sum0))
    store(to, 24, over(b1, sum1))
    store(to, 32, over(c0, sum0))
    store(to, 40, over(c1, sum1))
    store(to, 48, over(d0, sum0))
    store(to, 56, over(d1, sum1))


@kernel
@no_type_check
def attended(
    q: Array, k: Array, v: Array, sinks: Array, d_head: int, n_pos: int, out: Array, start: int, stop: int
) -> None:
    """out = softmax(q k / sqrt(d_head)) v for every head, prompts `start` to `stop`, each of `n_pos` tokens.

    `sinks` is empty or one logit a head.
    """
    scale = np.float32(1) / np.sqrt(np.float32(d_head))
    queries, scores = np.zeros(TILE * d_head, np.float32), np.empty(TILE * (n_pos + 3), np.float32)
    own, total, to = np.empty(TILE, np.float32), np.empty(TILE, np.float32), np.empty(4 * TILE, np.float32)
    sink = np.full(TILE, np.float32(-np.inf))
    for b in range(start, stop):
        base = b * n_pos
        for h in range(q.shape[0] // d_head):
            first = h * d_head
            if len(sinks):
                sink[:] = sinks[h]
            for begin in range(0, n_pos, TILE):
                n = min(TILE, n_pos - begin)
                n_keys = begin + n
                for c in range(d_head):
                    row = q[first + c]
                    for i in range(n):
                        queries[TILE * c + i] = row[base + begin + i]
                scored(queries, k, d_head, first, base, n_keys, scores)
                weighed(scores, n_keys, begin, scale, sink, own, total)
                for c in range(0, d_head, 4):
                    moved(scores, v, first + c, first + d_head - 1, base, n_keys, total, to)
                    for u in range(min(4, d_head - c)):
                        row = out[first + c + u]
                        for i in range(n):
                            row[base + begin + i] = to[TILE * u + i]


@kernel
@no_type_check
def attended_once(
    q: Array, k: Array, v: Array, sinks: Array, d_head: int, n_pos: int, at: Array, out: Array, start: int, stop: int
) -> None:
    """The same at one token of each prompt, its `at`-th: q and `out` have one column a prompt."""
    n_head = q.shape[0] // d_head
    scale = np.float32(1) / np.sqrt(np.float32(d_head))
    scores = np.empty(n_pos, np.float32)
    for b in range(start, stop):
        base, n = np.uint64(b * n_pos), np.uint64(at[b] + 1)
        for h in range(n_head):
            first = h * d_head
            for j in range(n):
                scores[j] = 0
            for c in range(first, first + d_head):
                query, key = q[c, b], k[c]
                for j in range(n):
                    scores[j] += query * key[base + j]
            top = sinks[h] if len(sinks) else np.float32(-np.inf)
            for j in range(n):
                scores[j] *= scale
                top = scores[j] if scores[j] > top else top
            for j in range(n):
                scores[j] = exp(scores[j] - top)
            total = exp(sinks[h] - top) if len(sinks) else np.float32(0)
            for j in range(n):
                total += scores[j]
            for c in range(first, first + d_head):
                moved, value = np.float32(0), v[c]
                for j in range(n):
                    moved += scores[j] * value[base + j]
                out[c, b] = moved / total
