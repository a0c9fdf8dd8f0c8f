"""Attention of a compiled circuit's heads, whose few kept channels are all there is to their scores and values."""

from typing import no_type_check

import numpy as np

from model.sparse.attend import TILE, exp, moved, scored, weighed
from model.sparse.kernel import Array, kernel


@kernel
@no_type_check
def every_query(
    queries: Array, keys: Array, values: Array, sinks: Array, n_pos: int, out: Array, start: int, stop: int
) -> None:
    """A causal softmax at every position, prompts `start` to `stop`: queries and keys [head, channel, token], values
    alike, the `n_pos` tokens of one prompt after those of another.

    `sinks` is [head, token], or empty without a sink; `out` is [head, value + 1, token], whose last row is the sum of
    the pattern's row.
    """
    n_head, n_channel, n_token = queries.shape
    n_value = values.shape[1]
    rows, moving = keys.reshape(n_head * n_channel, n_token), values.reshape(n_head * n_value, n_token)
    query, scores = np.zeros(TILE * n_channel, np.float32), np.empty(TILE * (n_pos + 3), np.float32)
    own, total, to = np.empty(TILE, np.float32), np.empty(TILE, np.float32), np.empty(4 * TILE, np.float32)
    sink = np.full(TILE, np.float32(-np.inf))
    for h in range(n_head):
        for b in range(start, stop):
            base = b * n_pos
            for begin in range(0, n_pos, TILE):
                n, at = min(TILE, n_pos - begin), base + begin
                n_keys = begin + n
                for c in range(n_channel):
                    for i in range(n):
                        query[TILE * c + i] = queries[h, c, at + i]
                if len(sinks):
                    for i in range(n):
                        sink[i] = sinks[h, at + i]
                scored(query, rows, n_channel, h * n_channel, base, n_keys, scores)
                weighed(scores, n_keys, begin, np.float32(1), sink, own, total)
                for c in range(0, n_value, 4):
                    moved(scores, moving, h * n_value + c, h * n_value + n_value - 1, base, n_keys, total, to)
                    for u in range(min(4, n_value - c)):
                        for i in range(n):
                            out[h, c + u, at + i] = to[TILE * u + i]
                for i in range(n):
                    out[h, n_value, at + i] = own[i] / total[i]


@kernel
@no_type_check
def one_query(queries: Array, keys: Array, values: Array, sinks: Array, positions: Array, out: Array) -> None:
    """The same at one position of each prompt: keys and values are [head, channel, prompt, pos], and the last axis of
    `queries`, `sinks` and `out` has length 1."""
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
