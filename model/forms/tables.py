"""A circuit as two tables, for a spreadsheet or a data frame: its nodes, and its edges and links."""

import csv
import io
from collections.abc import Iterable

from model.forms.told import Told

NODE_COLUMNS = ("id", "site", "layer", "index", "head", "channel", "label", "effect_nats", "mean")
EDGE_COLUMNS = ("source", "target", "weight", "kind")


def nodes_csv(told: Told) -> str:
    """One kept node a row, in forward order; head and channel only for q, k and v."""

    def row(i: int) -> tuple[object, ...]:
        each = told.nodes[i]
        of_head = each.node.part in ("attn.q", "attn.k", "attn.v")
        head, channel = divmod(each.node.index, told.config.d_head)
        ends = (head, channel) if of_head else ("", "")
        where = (each.node, each.node.site, each.node.layer, each.node.index)
        return (*where, *ends, each.label, repr(each.effect_nats), repr(each.mean))

    return _table(NODE_COLUMNS, map(row, range(len(told.nodes))))


def edges_csv(told: Told) -> str:
    """`kind` is `edge` for a weight that counts, `cut` for one that is cut, else the kind of link."""
    rows: list[tuple[object, ...]] = [(e.source, e.target, repr(e.weight), "edge") for e in told.edges]
    rows += [(e.source, e.target, repr(e.weight), "cut") for e in told.cut_edges]
    rows += [(link.source, link.target, repr(link.weight), link.kind) for link in told.links]
    return _table(EDGE_COLUMNS, rows)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
