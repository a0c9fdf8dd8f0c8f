"""Where everything in a still picture of a circuit stands: x in slots, y in row heights from the embedding upwards.

The explorer's layout in short: a residual channel is one vertical rail, what stands between rails (neurons, heads) is
as near to its rails as its neighbours allow. Nothing is random, ties go by the order of the nodes.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import NamedTuple

from app.schemas import CircuitDetail, Node

N_SWEEPS = 16
N_FEWEST_SLOTS = 9.0
BETWEEN_LAYERS = 0.4
BELOW_LOGITS = 2.8
BELOW_TOP = 2.2
#: Sites of a layer, bottom up, with the room below each.
ROOM = {
    "attn.act_in": 1.2, "attn.q": 1.6, "attn.k": 1.15, "attn.v": 1.15, "attn.resid_delta": 1.6, "mlp.act_in": 1.0,
    "mlp.post_act": 1.6, "mlp.resid_delta": 1.6,
}  # fmt: skip


class Point(NamedTuple):
    x: float
    y: float


class Rail(NamedTuple):
    """A residual channel from where it is first written to where it is last read."""

    channel: int
    x: float
    y0: float
    y1: float


class HeadBox(NamedTuple):
    name: str
    x0: float
    x1: float
    y0: float
    y1: float


@dataclass
class Places:
    """`points` by node and terminal id; `bands` are the layers as (number, bottom, top)."""

    points: dict[str, Point] = field(default_factory=dict)
    rails: list[Rail] = field(default_factory=list)
    heads: list[HeadBox] = field(default_factory=list)
    bands: list[tuple[int, float, float]] = field(default_factory=list)
    width: float = N_FEWEST_SLOTS
    height: float = 0.0


def part_of(node: Node) -> str:
    return node.site.split(".", 1)[1]


def places_of(circuit: CircuitDetail) -> Places:
    places = Places()
    rows = _rows(circuit, places)
    rails, items = _ties(circuit)
    rail_x = {channel: float(i) for i, channel in enumerate(_rail_order(rails, items))}
    lanes = _lanes(circuit, items, rail_x)
    widest = max([float(len(rail_x)), *(sum(width for *_, width in lane) for lane in lanes), N_FEWEST_SLOTS])
    stretch = (widest - 1) / max(1, len(rail_x) - 1) if len(rail_x) > 1 else 1.0
    left = 0.0 if len(rail_x) > 1 else (widest - 1) / 2
    rail_x = {channel: left + stretch * x for channel, x in rail_x.items()}
    places.width = widest - 1
    for terminal in circuit.terminals:
        if terminal.kind == "embed":
            places.points[terminal.id] = Point(rail_x[terminal.index], rows["embed"])
    for node in circuit.nodes:
        if _on_rail(node):
            places.points[node.id] = Point(rail_x[node.index], rows[node.site])
    for lane in lanes:
        _put(lane, stretch, left, places, rows)
    logits = [terminal.id for terminal in circuit.terminals if terminal.kind == "logit"]
    apart = max(places.width / (len(logits) + 1), 2.2)
    for i, name in enumerate(logits):
        places.points[name] = Point(places.width / 2 + (i - (len(logits) - 1) / 2) * apart, rows["logit"])
    _span_rails(circuit, rail_x, places)
    return places


def _on_rail(node: Node) -> bool:
    return part_of(node).endswith(("act_in", "resid_delta"))


def _rows(circuit: CircuitDetail, places: Places) -> dict[str, float]:
    """The height of every site that has nodes."""
    sites = {node.site for node in circuit.nodes}
    y, rows = 0.0, {"embed": 0.0}
    for layer in range(circuit.n_layer):
        own = [f"{layer}.{part}" for part in ROOM if f"{layer}.{part}" in sites]
        for place, site in enumerate(own):
            room = ROOM[site.split(".", 1)[1]]
            after_head = place and own[place - 1][-2:] in (".q", ".k", ".v") and not site.endswith((".k", ".v"))
            y += max(room, 1.85 if after_head else 0) + (BETWEEN_LAYERS if place == 0 else 0)
            rows[site] = y
        if own:
            places.bands.append((layer, rows[own[0]], rows[own[-1]]))
    rows["logit"] = places.height = y + BELOW_LOGITS
    return rows


#: An item is what stands between rails as one: a neuron by its id, a head by its layer and number.
Item = Hashable


def _item(node: Node) -> Item:
    return node.id if node.head is None else (node.layer, node.head)


def _ties(circuit: CircuitDetail) -> tuple[list[int], dict[Item, dict[int, float]]]:
    """The channels, and for each item the square roots of its weights to them."""
    by_id = {node.id: node for node in circuit.nodes}
    channels = {node.index for node in circuit.nodes if _on_rail(node)}
    channels |= {terminal.index for terminal in circuit.terminals if terminal.kind == "embed"}
    items: dict[Item, dict[int, float]] = {_item(node): {} for node in circuit.nodes if not _on_rail(node)}
    for edge in circuit.edges:
        ends = by_id[edge.source], by_id[edge.target]
        rail, item = ends if _on_rail(ends[0]) else ends[::-1]
        near = items[_item(item)]
        near[rail.index] = near.get(rail.index, 0.0) + sqrt(abs(edge.weight)) + 1e-6
    return sorted(channels), items


def _rail_order(channels: list[int], items: dict[Item, dict[int, float]]) -> list[int]:
    """Repeated barycentres; the order with the shortest lines seen wins."""
    order, best, shortest = channels, channels, float("inf")
    for _ in range(N_SWEEPS):
        at = {channel: i for i, channel in enumerate(order)}
        middle = {item: _mean(near, at) for item, near in items.items() if near}
        length = sum(
            weight * abs(at[channel] - middle[item]) for item, near in items.items() for channel, weight in near.items()
        )
        if length < shortest - 1e-9:
            best, shortest = order, length
        pull: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for item, near in items.items():
            for channel, weight in near.items():
                pull[channel].append((weight, middle[item]))
        wish = {
            channel: sum(w * x for w, x in pull[channel]) / sum(w for w, _ in pull[channel])
            if channel in pull
            else float(len(channels))
            for channel in channels
        }
        order = sorted(channels, key=lambda channel: (wish[channel], at[channel]))
    return best


def _mean(near: dict[int, float], at: dict[int, int] | dict[int, float]) -> float:
    return sum(weight * at[channel] for channel, weight in near.items()) / sum(near.values())


#: A group that stands as one in its row: where it would be, its columns of node ids, its width in slots.
Group = tuple[float, str, list[list[Node]], float]


def _lanes(circuit: CircuitDetail, items: dict[Item, dict[int, float]], rail_x: dict[int, float]) -> list[list[Group]]:
    """For every block what stands between the rails, from left to right; a q and a k that meet share a column."""
    members: dict[tuple[int, str], dict[Item, list[Node]]] = defaultdict(lambda: defaultdict(list))
    for node in circuit.nodes:
        if not _on_rail(node):
            members[node.layer, part_of(node).split(".")[0]][_item(node)].append(node)
    lanes = []
    for (_, block), groups in members.items():
        lane: list[Group] = []
        for item, nodes in groups.items():
            wish = _mean(items[item], rail_x) if items[item] else len(rail_x) / 2
            columns: dict[Hashable, list[Node]] = defaultdict(list)
            for node in nodes:
                columns[(part_of(node) == "attn.v", node.index)].append(node)
            n_qk = sum(part_of(column[0]) != "attn.v" for column in columns.values()) if block == "attn" else 0
            width = float(max(n_qk, len(columns) - n_qk, 1)) + (1.0 if block == "attn" else 0.0)
            name = f"head {nodes[0].head}" if block == "attn" else ""
            lane.append((wish, name, list(columns.values()), width))
        lanes.append(sorted(lane, key=lambda group: group[0]))
    return lanes


def _put(lane: list[Group], stretch: float, left: float, places: Places, rows: dict[str, float]) -> None:
    """Stand a row's groups apart, each as near to its wish as the others allow."""
    wishes = [left + stretch * wish for wish, *_ in lane]
    lefts = spread(wishes, [width for *_, width in lane], places.width)
    for x0, (_, name, columns, width) in zip(lefts, lane, strict=True):
        of_v = [column for column in columns if part_of(column[0]) == "attn.v"]
        others = [column for column in columns if part_of(column[0]) != "attn.v"]
        for side in (of_v, others):
            start = x0 + (width - len(side)) / 2
            for place, column in enumerate(sorted(side, key=lambda c: c[0].index)):
                for node in column:
                    places.points[node.id] = Point(start + place + 0.5 - 0.5, rows[node.site])
        if name:
            ys = [rows[node.site] for column in columns for node in column]
            places.heads.append(HeadBox(name, x0 - 0.1, x0 + width - 0.9, min(ys) - 0.42, max(ys) + 0.42))


def spread(wishes: Sequence[float], widths: Sequence[float], end: float) -> list[float]:
    """Left ends of things in this order that do not overlap, their middles near the wishes (pooled neighbours)."""
    blocks: list[list[float]] = []  # [sum of (wish - offset), n, first thing]
    offsets, total = [], 0.0
    for wish, width in zip(wishes, widths, strict=True):
        offsets.append(total)
        blocks.append([wish - width / 2 + 0.5 - total, 1.0])
        total += width
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1][0] += last[0]
            blocks[-1][1] += last[1]
    free = max(0.0, end + 1 - total)
    starts = [min(max(block[0] / block[1], 0.0), free) for block in blocks for _ in range(int(block[1]))]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]


def _span_rails(circuit: CircuitDetail, rail_x: dict[int, float], places: Places) -> None:
    by_id = {node.id: node.index for node in circuit.nodes if _on_rail(node)}
    by_id |= {terminal.id: terminal.index for terminal in circuit.terminals if terminal.kind == "embed"}
    reach: dict[int, tuple[float, float]] = {}
    for link in circuit.links:
        channel = by_id.get(link.source)
        if link.kind == "qk" or channel is None or link.source not in places.points:
            continue
        y0 = places.points[link.source].y
        y1 = places.height - BELOW_TOP if link.kind == "unembed" else places.points[link.target].y
        low, high = reach.get(channel, (y0, y1))
        reach[channel] = min(low, y0), max(high, y1)
    places.rails = [Rail(channel, rail_x[channel], *reach[channel]) for channel in sorted(reach)]
