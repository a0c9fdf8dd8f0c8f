"""AbsTopK inside a compiled circuit (model/compiled/topk.py): what survives, by counting what is larger.

64 places at a time; what competes is computed only where the lists leave something open, and never written to memory.
"""

from typing import no_type_check

import numpy as np

from model.sparse.activate import activation
from model.sparse.eight import above, any_above, fused, load, magnitude, minus, plus, spread, store
from model.sparse.kernel import Array, kernel

#: Places that are worked on at once.
BLOCK = 64


@kernel
@no_type_check
def rival(
    r: int, starts: Array, sources: Array, weights: Array, values: Array, which: int, first: int, n: int, to: Array
) -> None:
    """to = the magnitude of row `r` of a matrix times `values`, added to what `to` holds, at places from `first` on."""
    for k in range(starts[r], starts[r + 1]):
        w, row = weights[k], values[sources[k]]
        if n == BLOCK:
            many = spread(w)
            for i in range(np.uint64(0), np.uint64(BLOCK), np.uint64(8)):
                store(to, i, fused(many, load(row, first + i), load(to, i)))
        else:
            for p in range(n):
                to[p] += w * row[first + np.uint64(p)]
    for i in range(np.uint64(0), np.uint64(BLOCK), np.uint64(8)):
        store(to, i, magnitude(activation(load(to, i), which)))


@kernel
@no_type_check
def count_larger(row: Array, old: Array, x: Array, counts: Array, of: int) -> None:
    """counts[of:] += 1 where `row` is larger than x[of:], at a block of places; -= 1 where `old` is."""
    for i in range(np.uint64(0), np.uint64(BLOCK), np.uint64(8)):
        value = load(x, of + i)
        change = minus(above(load(row, i), value), above(load(old, i), value))
        store(counts, of + i, plus(load(counts, of + i), change))


@kernel
@no_type_check
def contest(
    x: Array,
    kept_by: int,
    table: Array,
    lists: Array,
    starts: Array,
    sources: Array,
    weights: Array,
    base: Array,
    which: int,
    values: Array,
    before: Array,
    is_counted_twice: bool,
    inside: Array,
    start: int,
    stop: int,
) -> None:
    """inside[node, place] = 1 where |x| is among the `kept_by` largest of its place, else 0.

    It competes with row lists[place] of `table`, which is sorted, and with rivals: an activation of the rows of a
    matrix times `values`, plus `base`, of which there is one column or one for each list. Where rivals are counted
    twice, the table holds what they were with the values `before`, and x is one of them or in the table; else all of x
    competes too.
    """
    n_node, width, n_rival = x.shape[0], table.shape[1], len(starts) - 1
    n_all = n_rival if is_counted_twice else n_node + n_rival
    sure, possible = kept_by - n_all, kept_by + (n_rival if is_counted_twice else 0)
    # of every node a block of places: magnitudes, how many are larger, whether that is asked
    own, counts, left = (
        np.zeros(n_node * BLOCK, np.float32),
        np.zeros(n_node * BLOCK, np.float32),
        np.zeros(n_node * BLOCK, np.float32),
    )
    is_open = np.zeros(n_node, np.bool_)
    row, old, few = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
    surely, reach = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
    lower, upper = np.zeros(len(table), np.float32), np.empty(len(table), np.float32)  # of each list
    for at in range(len(table)):
        upper[at] = np.float32(np.inf) if sure <= 0 else np.float32(-1)
        if 0 < sure <= width:
            upper[at] = table[at, width - sure]
        if possible <= width:
            lower[at] = table[at, width - possible]
    surely[:] = upper[0]
    reach[:] = lower[0]
    zero = spread(np.float32(0))
    for begin in range(start, stop, BLOCK):
        first, n = np.uint64(begin), min(BLOCK, stop - begin)
        if len(table) > 1:
            for p in range(n):
                surely[p], reach[p] = upper[lists[begin + p]], lower[lists[begin + p]]
        any_open = False
        for node in range(n_node):
            of, values_of, to, from_ = np.uint64(node * BLOCK), x[node], inside[node], first
            if n < BLOCK:
                row[:] = 0
                for p in range(n):
                    row[p] = values_of[begin + p]
                values_of, to, from_ = row, few, np.uint64(0)
            here = False
            for i in range(np.uint64(0), np.uint64(BLOCK), np.uint64(8)):
                value = magnitude(load(values_of, from_ + i))
                is_in = above(value, load(surely, i))
                undecided = minus(minus(above(value, zero), above(load(reach, i), value)), is_in)
                store(own, of + i, value)
                store(left, of + i, undecided)
                store(to, from_ + i, is_in)
                here |= any_above(undecided, zero)
            if n < BLOCK:
                for p in range(n):
                    inside[node, begin + p] = few[p]
            is_open[node] = here
            any_open |= here
        if not any_open:
            continue
        counts[:] = 0
        if not is_counted_twice:
            for other in range(n_node):
                for i in range(np.uint64(0), np.uint64(BLOCK), np.uint64(8)):
                    store(row, i, load(own, np.uint64(other * BLOCK) + i))
                for node in range(n_node):
                    if is_open[node]:
                        count_larger(row, old, own, counts, np.uint64(node * BLOCK))
        is_run = n == BLOCK and base.shape[1] > 1  # of lists one after another
        for p in range(1, n):
            is_run &= lists[begin + p] == lists[begin] + p
        for r in range(n_rival):
            added = base[r]
            if is_run:
                from_list = np.uint64(lists[begin])
                for i in range(np.uint64(0), np.uint64(BLOCK), np.uint64(8)):
                    store(row, i, load(added, from_list + i))
            elif len(added) > 1:
                for p in range(n):
                    row[p] = added[lists[begin + p]]
            else:
                for i in range(np.uint64(0), np.uint64(BLOCK), np.uint64(8)):
                    store(row, i, spread(added[0]))
            rival(r, starts, sources, weights, values, which, first, n, row)
            if is_counted_twice:
                for i in range(np.uint64(0), np.uint64(BLOCK), np.uint64(8)):
                    store(old, i, zero)
                rival(r, starts, sources, weights, before, which, first, n, old)
            for node in range(n_node):
                if is_open[node]:
                    count_larger(row, old, own, counts, np.uint64(node * BLOCK))
        for node in range(n_node):
            if not is_open[node]:
                continue
            for p in range(n):
                if left[node * BLOCK + p] > 0:
                    # it is in if its own list has fewer than this many larger ones: one comparison decides
                    room = kept_by - int(counts[node * BLOCK + p])
                    is_in = room > width
                    if 0 < room <= width:
                        is_in = table[lists[begin + p], width - room] <= own[node * BLOCK + p]
                    inside[node, begin + p] = np.float32(is_in)
