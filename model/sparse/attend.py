"""Causal attention with a sink, for many tiny heads: one prompt and one head after another, all in the cache.

Scores are held [key, query], so that every loop runs over queries; what AbsTopK zeroed in k and v is skipped.
"""

from typing import no_type_check

import numpy as np

from model.sparse.kernel import Array, kernel

#: Queries before a key are left out of the loops by so many.
TILE = 16


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
def add_rows(rows: Array, which: Array, weights: Array, n: int, begin: int, end: int, out: Array) -> None:
    """out[begin:end] += sum of weights[m] * rows[which[m]] over m < n; both lists have room for three more."""
    for m in range(n, (n + 3) // 4 * 4):
        which[m], weights[m] = which[0], 0
    begin, end = np.uint64(begin), np.uint64(end)  # unsigned, so that no index can be from the end
    for m in range(0, n, 4):
        a, b, c, d = rows[which[m]], rows[which[m + 1]], rows[which[m + 2]], rows[which[m + 3]]
        x, y, z, w = weights[m], weights[m + 1], weights[m + 2], weights[m + 3]
        for i in range(begin, end):
            out[i] += x * a[i] + y * b[i] + z * c[i] + w * d[i]


@kernel
@no_type_check
def attended(
    q: Array, k: Array, v: Array, sinks: Array, d_head: int, n_pos: int, out: Array, start: int, stop: int
) -> None:
    """out = softmax(q k / sqrt(d_head)) v for every head, prompts `start` to `stop`, each of `n_pos` tokens.

    `sinks` is empty or one logit a head.
    """
    n_head = q.shape[0] // d_head
    width = (n_pos + TILE - 1) // TILE * TILE
    end = np.uint64(width)
    scale = np.float32(1) / np.sqrt(np.float32(d_head))
    scores, queries = np.zeros((n_pos, width), np.float32), np.zeros((d_head, width), np.float32)
    top, total, result = np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros(width, np.float32)
    room = max(TILE, d_head) + 3
    which, weights = np.zeros(room, np.int64), np.zeros(room, np.float32)
    for b in range(start, stop):
        base = np.uint64(b * n_pos)
        for h in range(n_head):
            first = h * d_head
            for c in range(d_head):
                row, query = q[first + c], queries[c]
                for i in range(np.uint64(n_pos)):
                    query[i] = row[base + i]
            for i in range(end):
                top[i] = sinks[h] if len(sinks) else np.float32(-np.inf)
            for j in range(n_pos):
                row, n, begin = scores[j], 0, np.uint64(j // TILE * TILE)
                for c in range(d_head):
                    value = k[first + c, base + np.uint64(j)]
                    which[n], weights[n] = c, value
                    n += value != 0
                for i in range(begin, end):
                    row[i] = 0
                add_rows(queries, which, weights, n, begin, end, row)
                for i in range(begin, np.uint64(j)):  # queries before the key
                    row[i] = -np.inf
                for i in range(begin, end):
                    row[i] *= scale
                    top[i] = row[i] if row[i] > top[i] else top[i]
            for i in range(end):
                total[i] = exp(sinks[h] - top[i]) if len(sinks) else np.float32(0)
            for j in range(n_pos):
                row, begin = scores[j], np.uint64(j // TILE * TILE)
                for i in range(begin, end):
                    row[i] = exp(row[i] - top[i])
                for i in range(begin, np.uint64(j)):
                    row[i] = 0
                for i in range(begin, end):
                    total[i] += row[i]
            for c in range(first, first + d_head):
                value, to = v[c], out[c]
                for i in range(end):
                    result[i] = 0
                for begin in range(0, n_pos, TILE):  # so many keys at once: all begin at the same query
                    n = 0
                    for j in range(begin, min(begin + TILE, n_pos)):
                        moved = value[base + np.uint64(j)]
                        which[n], weights[n] = j, moved
                        n += moved != 0
                    add_rows(scores, which, weights, n, begin, end, result)
                for i in range(np.uint64(n_pos)):
                    to[base + i] = result[i] / total[i]


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
