"""Counting what is larger, for AbsTopK inside a compiled circuit (model/compiled/topk.py)."""

from typing import no_type_check

import numpy as np

from model.sparse.kernel import Array, kernel


@kernel
@no_type_check
def add_larger(rows: Array, x: Array, sign: int, counts: Array) -> None:
    """counts[place] += sign for every row that is larger than x there."""
    n, n_place = rows.shape[0], len(x)
    for r in range(0, n - n % 4, 4):
        a, b, c, d = rows[r], rows[r + 1], rows[r + 2], rows[r + 3]
        for p in range(n_place):
            t = x[p]
            counts[p] += sign * (np.int32(a[p] > t) + np.int32(b[p] > t) + np.int32(c[p] > t) + np.int32(d[p] > t))
    for r in range(n - n % 4, n):
        a = rows[r]
        for p in range(n_place):
            counts[p] += sign * np.int32(a[p] > x[p])


@kernel
@no_type_check
def admit(
    table: Array,
    table_row: Array,
    larger: Array,
    overcounted: Array,
    x: Array,
    open_: Array,
    kept_by: int,
    inside: Array,
) -> None:
    """inside[node, place] where fewer than `kept_by` magnitudes are larger than x, wherever that is `open_`.

    They are the rows of `larger` less those of `overcounted`, and row table_row[place] of `table`, which is sorted.
    """
    n_place, width = x.shape[1], table.shape[1]
    counts = np.empty(n_place, np.int32)
    for node in range(x.shape[0]):
        values, here = x[node], open_[node]
        if not here.any():
            continue
        for p in range(n_place):
            counts[p] = 0
        add_larger(larger, values, np.int32(1), counts)
        add_larger(overcounted, values, np.int32(-1), counts)
        for p in range(n_place):
            if not here[p]:
                continue
            # it is in if its own list has fewer than this many larger ones: one comparison decides
            room = kept_by - counts[p]
            if room <= 0:
                inside[node, p] = False
            elif room > width:
                inside[node, p] = True
            else:
                inside[node, p] = table[table_row[p], width - room] <= values[p]
