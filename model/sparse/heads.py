"""Attention of a compiled circuit's heads, whose few kept channels are all there is to their scores and values."""

from typing import no_type_check

import numpy as np

from model.sparse.attend import exp
from model.sparse.kernel import Array, kernel


@kernel
@no_type_check
def every_query(queries: Array, keys: Array, values: Array, sinks: Array, out: Array) -> None:
    """A causal softmax at every position: queries and keys [head, channel, prompt, pos], values alike.

    `sinks` is [head, prompt, pos], or empty without a sink; `out` is [head, value + 1, prompt, pos], whose last row is
    the sum of the pattern's row.
    """
    n_head, n_channel, n_prompt, n_pos = queries.shape
    n_value = values.shape[1]
    width = (n_pos + 15) // 16 * 16
    end = np.uint64(width)
    scores = np.zeros((n_pos, width), np.float32)
    query, top, bottom = (
        np.zeros((n_channel, width), np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.float32),
    )
    total, result = np.empty(width, np.float32), np.empty((n_value, width), np.float32)
    for h in range(n_head):
        for b in range(n_prompt):
            for c in range(n_channel):
                for i in range(n_pos):
                    query[c, i] = queries[h, c, b, i]
            for i in range(width):
                top[i] = -np.inf
            if len(sinks):
                for i in range(n_pos):
                    top[i] = sinks[h, b, i]
            for j in range(n_pos):
                row, begin = scores[j], np.uint64(j // 16 * 16)  # unsigned, so that no index can be from the end
                for i in range(begin, end):
                    row[i] = 0
                for c in range(n_channel):
                    key, channel = keys[h, c, b, j], query[c]
                    for i in range(begin, end):
                        row[i] += key * channel[i]
                for i in range(begin, np.uint64(j)):  # queries before the key
                    row[i] = -np.inf
                for i in range(begin, end):
                    top[i] = max(top[i], row[i])
            for i in range(width):
                bottom[i] = 0
            if len(sinks):
                for i in range(n_pos):
                    bottom[i] = exp(sinks[h, b, i] - top[i])
            for i in range(width):
                total[i] = 0
            for c in range(n_value):
                for i in range(width):
                    result[c, i] = 0
            for j in range(n_pos):
                row, begin = scores[j], np.uint64(j // 16 * 16)
                for i in range(begin, end):
                    row[i] = exp(row[i] - top[i])
                for i in range(begin, np.uint64(j)):
                    row[i] = 0
                for i in range(begin, end):
                    total[i] += row[i]
                for c in range(n_value):
                    value, to = values[h, c, b, j], result[c]
                    for i in range(begin, end):
                        to[i] += value * row[i]
            for i in range(width):
                bottom[i] = 1 / (bottom[i] + total[i])
            for c in range(n_value):
                for i in range(n_pos):
                    out[h, c, b, i] = result[c, i] * bottom[i]
            for i in range(n_pos):
                out[h, n_value, b, i] = total[i] * bottom[i]


@kernel
@no_type_check
def one_query(queries: Array, keys: Array, values: Array, sinks: Array, positions: Array, out: Array) -> None:
    """The same at one position of each prompt: the last axis of `queries`, `sinks` and `out` has length 1."""
    n_head, n_channel, n_prompt, n_pos = keys.shape
    n_value = values.shape[1]
    scores = np.empty(n_pos, np.float32)
    for h in range(n_head):
        for b in range(n_prompt):
            n = positions[b] + 1
            for j in range(n):
                scores[j] = 0
            for c in range(n_channel):
                query, key = queries[h, c, b, 0], keys[h, c, b]
                for j in range(n):
                    scores[j] += query * key[j]
            top = np.float32(-np.inf)
            if len(sinks):
                top = sinks[h, b, 0]
            for j in range(n):
                top = max(top, scores[j])
            for j in range(n):
                scores[j] = exp(scores[j] - top)
            total = np.float32(0)
            for j in range(n):
                total += scores[j]
            share = np.float32(1) / (total + (exp(sinks[h, b, 0] - top) if len(sinks) else np.float32(0)))
            for c in range(n_value):
                moved, value = np.float32(0), values[h, c, b]
                for j in range(n):
                    moved += scores[j] * value[j]
                out[h, c, b, 0] = moved * share
            out[h, n_value, b, 0] = total * share
