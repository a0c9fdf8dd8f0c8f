"""Causal attention with a sink, for many tiny heads: one prompt and one head after another, all in the cache.

Scores are held [key, query], so that every loop runs over queries; what AbsTopK zeroed in k and v is skipped.
"""

from typing import no_type_check

import numpy as np

from model.sparse.kernel import Array, kernel


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
    """out[begin:end] = sum of weights[m] * rows[which[m]] over m < n; both lists have room for three more."""
    for m in range(n, (n + 3) // 4 * 4):
        which[m], weights[m] = which[0], 0
    begin, end = np.uint64(begin), np.uint64(end)  # unsigned, so that no index can be from the end
    for i in range(begin, end):
        out[i] = 0
    for m in range(0, n, 4):
        a, b, c, d = rows[which[m]], rows[which[m + 1]], rows[which[m + 2]], rows[which[m + 3]]
        x, y, z, w = weights[m], weights[m + 1], weights[m + 2], weights[m + 3]
        for i in range(begin, end):
            out[i] += x * a[i] + y * b[i] + z * c[i] + w * d[i]


@kernel
@no_type_check
def attended(q: Array, k: Array, v: Array, sinks: Array, d_head: int, out: Array, start: int, stop: int) -> None:
    """out = softmax(q k / sqrt(d_head)) v for every head; `sinks` is empty or one logit a head."""
    n_pos, n_head = q.shape[2], q.shape[1] // d_head
    width = (n_pos + 15) // 16 * 16
    end = np.uint64(width)
    scale = np.float32(1) / np.sqrt(np.float32(d_head))
    scores, queries = np.zeros((n_pos, width), np.float32), np.zeros((d_head, width), np.float32)
    top, total, result = np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros(width, np.float32)
    which, weights = np.zeros(max(n_pos, d_head) + 3, np.int64), np.zeros(max(n_pos, d_head) + 3, np.float32)
    for b in range(start, stop):
        for h in range(n_head):
            first = h * d_head
            for c in range(d_head):
                for i in range(n_pos):
                    queries[c, i] = q[b, first + c, i]
            top[:] = sinks[h] if len(sinks) else np.float32(-np.inf)
            for j in range(n_pos):
                row, n = scores[j], 0
                for c in range(d_head):
                    which[n], weights[n] = c, k[b, first + c, j]
                    n += weights[n] != 0
                begin = j // 16 * 16
                add_rows(queries, which, weights, n, begin, width, row)
                for i in range(begin, j):  # queries before the key
                    row[i] = -np.inf
                for i in range(np.uint64(begin), end):
                    row[i] *= scale
                    top[i] = max(top[i], row[i])
            for i in range(end):
                total[i] = exp(sinks[h] - top[i]) if len(sinks) else np.float32(0)
            for j in range(n_pos):
                row, begin = scores[j], np.uint64(j // 16 * 16)
                for i in range(begin, end):
                    row[i] = exp(row[i] - top[i])
                for i in range(begin, np.uint64(j)):
                    row[i] = 0
                for i in range(begin, end):
                    total[i] += row[i]
            for c in range(first, first + d_head):
                n, value = 0, v[b, c]
                for j in range(n_pos):
                    which[n], weights[n] = j, value[j]
                    n += value[j] != 0
                add_rows(scores, which, weights, n, 0, width, result)
                for i in range(n_pos):
                    out[b, c, i] = result[i] / total[i]
