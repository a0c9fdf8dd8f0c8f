"""How unlikely the next token was, from a sparse unembedding: logits of all tokens are never in memory at once."""

from typing import no_type_check

import numpy as np

from model.sparse.eight import exponential, fused, larger, load, minus, plus, spread, store
from model.sparse.kernel import Array, kernel

#: Tokens whose logits a kernel holds at once.
TILE = 64


@kernel
@no_type_check
def surprised(
    starts: Array, sources: Array, weights: Array, bias: Array, table: Array, tokens: Array, following: Array, x: Array,
    out: Array, start: int, stop: int,
) -> None:  # fmt: skip
    """out = logsumexp(logits) - logits[following], with logits = matrix @ x + bias + table[tokens]; nats.

    The matrix is given by its nonzeros, as in `multiplied`; the bigram `table` [token, next] may be empty.
    """
    n_vocab, n_channel = len(starts) - 1, x.shape[0]
    logits, here = np.empty(TILE * n_vocab, np.float32), np.zeros(TILE * n_channel, np.float32)
    top, total = np.empty(TILE, np.float32), np.empty(TILE, np.float32)
    for begin in range(start, stop, TILE):
        n = min(TILE, stop - begin)
        for c in range(n_channel):
            row = x[c]
            for p in range(n):
                here[TILE * c + p] = row[begin + p]
        for t in range(n_vocab):
            for p in range(TILE):
                logits[TILE * t + p] = bias[t]
        if len(table):
            for p in range(n):
                row = table[tokens[begin + p]]
                for t in range(n_vocab):
                    logits[TILE * t + p] += row[t]
        for i in range(0, TILE, 8):
            store(top, np.uint64(i), spread(np.float32(-np.inf)))
            store(total, np.uint64(i), spread(np.float32(0)))
        for t in range(n_vocab):
            for i in range(0, TILE, 16):
                to = np.uint64(TILE * t + i)
                a, b = load(logits, to), load(logits, to + np.uint64(8))
                for k in range(starts[t], starts[t + 1]):
                    w, source = spread(weights[k]), np.uint64(TILE * sources[k] + i)
                    a, b = fused(w, load(here, source), a), fused(w, load(here, source + np.uint64(8)), b)
                store(logits, to, a)
                store(logits, to + np.uint64(8), b)
                store(top, np.uint64(i), larger(a, load(top, np.uint64(i))))
                store(top, np.uint64(i + 8), larger(b, load(top, np.uint64(i + 8))))
        for t in range(n_vocab):
            for i in range(0, TILE, 8):
                left = minus(load(logits, np.uint64(TILE * t + i)), load(top, np.uint64(i)))
                store(total, np.uint64(i), plus(load(total, np.uint64(i)), exponential(left)))
        for p in range(n):
            out[begin + p] = np.log(total[p]) + top[p] - logits[TILE * following[begin + p] + p]
