"""A circuit as SVG: a title, its figures, and the graph with the explorer's shapes, lines and colours."""

from html import escape
from math import sqrt
from typing import NamedTuple

from app.pages import count, nats, visible
from app.pictures.places import BELOW_TOP, Places, Point, part_of, places_of
from app.schemas import CircuitDetail, Node


class Palette(NamedTuple):
    """Colours of the page's light or dark theme, as `tokens.css` has them."""

    paper: str
    surface: str
    sunk: str
    ink: str
    ink_2: str
    ink_3: str
    rule_strong: str
    positive: str
    negative: str
    neutral: str
    head: str


LIGHT = Palette(
    "#f7f8f7", "#ffffff", "#eef0ef", "#14181b", "#454e55", "#646e75", "#b3bbba", "#b54708", "#1f62ad", "#f1f0ec",
    "#143c37",
)  # fmt: skip
DARK = Palette(
    "#101315", "#171b1e", "#1e2327", "#e9ecec", "#b4bcc0", "#8e989d", "#4a5459", "#ff9a52", "#6cb2ff", "#3a4247",
    "#96dccd",
)  # fmt: skip
SANS, MONO = "DejaVu Sans, sans-serif", "DejaVu Sans Mono, monospace"
#: Pixels of a slot, of a row's height, and of the margins.
SLOT, ROW, MARGIN, HEAD, FOOT = 26.0, 30.0, 40.0, 96.0, 60.0
WIDTHS, ALPHAS = (0.8, 1.3, 2.0, 3.0), (0.5, 0.6, 0.75, 0.9)
#: Past this many edges the lines are fainter, so that what lies beneath still shows.
MANY_EDGES = 900
#: Past this many slots nodes' names would be too small to read.
N_NAMED_SLOTS = 60


class Frame(NamedTuple):
    """From slots and rows to pixels."""

    x: float
    y: float
    sx: float
    sy: float

    def at(self, point: Point) -> tuple[float, float]:
        return self.x + point.x * self.sx, self.y - point.y * self.sy


def svg(
    circuit: CircuitDetail, *, size: tuple[int, int] | None = None, dark: bool = False, caption: bool = True
) -> str:
    """The picture in its natural size, or fitted into `size` pixels (1200 x 630 is what a link preview wants)."""
    places, colours = places_of(circuit), DARK if dark else LIGHT
    head, foot = (HEAD, FOOT) if caption else (MARGIN / 2, MARGIN / 2)
    if size is None:
        width = max(640.0, places.width * SLOT + 2 * MARGIN)
        height = places.height * ROW + head + foot + MARGIN
        sx, sy = (width - 2 * MARGIN) / max(places.width, 1), ROW
    else:
        width, height = float(size[0]), float(size[1])
        sx = min((width - 2 * MARGIN) / max(places.width, 1), 3.2 * SLOT)
        sy = (height - head - foot - MARGIN / 2) / max(places.height, 1)
    frame = Frame((width - places.width * sx) / 2, height - foot, sx, sy)
    title = f"{circuit.task_title}: {count(circuit.n_nodes)} nodes, {count(circuit.n_edges)} edges, {circuit.model}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" '
        f'height="{_n(height)}" role="img"><title>{escape(_printable(title))}</title>',
        f'<rect width="{_n(width)}" height="{_n(height)}" fill="{colours.paper}"/>',
        *_bands(places, frame, width, colours),
        *_heads(places, frame, colours),
        *_links(circuit, places, frame, colours),
        *_edges(circuit, places, frame, colours),
        *_nodes(circuit, places, frame, colours),
        *(_caption(circuit, width, height, colours) if caption else ()),
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _n(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def _caption(circuit: CircuitDetail, width: float, height: float, colours: Palette) -> list[str]:
    loss = circuit.loss_nats
    calibrated = ", calibrated" if circuit.calibration else ""
    n_pairs = circuit.measures.circuit.n_pairs
    figures = (
        f"{count(circuit.n_nodes)} nodes · {count(circuit.n_edges)} edges · held-out loss {nats(loss.value)} nats"
        f"{calibrated} [{nats(loss.low)}, {nats(loss.high)}] on {count(n_pairs)} pairs"
    )
    size = min(30.0, (width - 2 * MARGIN) / (0.62 * max(1, len(circuit.task_title))))
    small = min(15.0, (width - 2 * MARGIN) / (0.6 * len(figures)))
    foot = (
        f"circuit {circuit.id} of {circuit.model} · full model {nats(circuit.full_model_loss_nats)} nats · orange "
        "positive, blue negative weights · darker nodes cost more when cut"
    )
    tiny = min(12.0, (width - 2 * MARGIN) / (0.6 * len(foot)))
    return [
        _text(MARGIN, 46, circuit.task_title, size, colours.ink, weight="bold"),
        _text(MARGIN, 74, figures, small, colours.ink_2),
        _text(MARGIN, height - 14, foot, tiny, colours.ink_3),
    ]


def _text(
    x: float,
    y: float,
    text: str,
    size: float,
    fill: str,
    *,
    weight: str = "",
    anchor: str = "",
    font: str = SANS,
    halo: str = "",
) -> str:
    """`halo` is the colour that keeps lines away from the letters."""
    more = (f' font-weight="{weight}"' if weight else "") + (f' text-anchor="{anchor}"' if anchor else "")
    more += f' stroke="{halo}" stroke-width="2.5" stroke-linejoin="round" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-family="{font}" font-size="{_n(size)}" fill="{fill}"{more}>'
        f"{escape(_printable(text))}</text>"
    )


def _printable(text: str) -> str:
    """XML has no place for most control signs."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def _bands(places: Places, frame: Frame, width: float, colours: Palette) -> list[str]:
    parts = []
    for layer, bottom, top in places.bands:
        y0, y1 = frame.at(Point(0, top + 0.6))[1], frame.at(Point(0, bottom - 0.6))[1]
        if layer % 2 == 0:
            parts.append(f'<rect x="0" y="{_n(y0)}" width="{_n(width)}" height="{_n(y1 - y0)}" fill="{colours.sunk}"/>')
        middle = (y0 + y1) / 2
        parts.append(
            f'<g transform="translate(16 {_n(middle)}) rotate(-90)">'
            f"{_text(0, 0, f'layer {layer}', 10, colours.ink_3, anchor='middle')}</g>"
        )
    return parts


def _heads(places: Places, frame: Frame, colours: Palette) -> list[str]:
    parts = []
    for box in places.heads:
        (x0, y0), (x1, y1) = frame.at(Point(box.x0, box.y1)), frame.at(Point(box.x1, box.y0))
        parts.append(
            f'<rect x="{_n(x0)}" y="{_n(y0)}" width="{_n(max(x1 - x0, 4))}" height="{_n(y1 - y0)}" rx="5" '
            f'fill="{colours.head}" fill-opacity="0.08"/>'
        )
        if frame.sx >= 14:
            parts.append(_text(x0 + 4, y1 - 4, box.name, 9, colours.ink_3))
    return parts


def _curve(a: tuple[float, float], b: tuple[float, float]) -> str:
    """A line that leaves and arrives upright."""
    middle = (a[1] + b[1]) / 2
    return f"M{_n(a[0])} {_n(a[1])}C{_n(a[0])} {_n(middle)} {_n(b[0])} {_n(middle)} {_n(b[0])} {_n(b[1])}"


def _links(circuit: CircuitDetail, places: Places, frame: Frame, colours: Palette) -> list[str]:
    lines, pairings, seen = [], [], set()
    for rail in places.rails:
        (x, y0), (_, y1) = frame.at(Point(rail.x, rail.y0)), frame.at(Point(rail.x, rail.y1))
        lines.append(f"M{_n(x)} {_n(y0)}V{_n(y1)}")
    for link in circuit.links:
        a, b = places.points.get(link.source), places.points.get(link.target)
        if a is None or b is None:
            continue
        if link.kind == "qk":
            (x0, y0), (x1, y1) = frame.at(a), frame.at(b)
            pairings.append(f"M{_n(x0)} {_n(y0)}L{_n(x1)} {_n(y1)}")
        elif link.kind == "unembed" and (a.x, b.x) not in seen:
            seen.add((a.x, b.x))
            lines.append(_curve(frame.at(Point(a.x, places.height - BELOW_TOP)), frame.at(b)))
    made = f'<path d="{"".join(lines)}" fill="none" stroke="{colours.rule_strong}" stroke-width="1.2"/>'
    paired = f'<path d="{"".join(pairings)}" fill="none" stroke="{colours.ink_3}" stroke-width="1" '
    return [made] * bool(lines) + [f'{paired}stroke-dasharray="2 2"/>'] * bool(pairings)


def _edges(circuit: CircuitDetail, places: Places, frame: Frame, colours: Palette) -> list[str]:
    """One path for each sign and width, the heaviest on top."""
    largest = max((abs(edge.weight) for edge in circuit.edges), default=1.0) or 1.0
    paths: dict[tuple[int, bool], list[str]] = {}
    for edge in circuit.edges:
        width = min(3, int(4 * abs(edge.weight) / largest))
        ends = places.points[edge.source], places.points[edge.target]
        paths.setdefault((width, edge.weight < 0), []).append(_curve(frame.at(ends[0]), frame.at(ends[1])))
    veil = min(1.0, max(0.3, MANY_EDGES / (len(circuit.edges) or 1)))
    return [
        f'<path d="{"".join(paths[width, negative])}" fill="none" stroke="'
        f'{colours.negative if negative else colours.positive}" stroke-opacity="{ALPHAS[width] * veil:.2f}" '
        f'stroke-width="{WIDTHS[width]}"/>'
        for width, negative in sorted(paths)
    ]


def _nodes(circuit: CircuitDetail, places: Places, frame: Frame, colours: Palette) -> list[str]:
    largest = max((abs(node.effect_nats) for node in circuit.nodes), default=0.0)
    r = min(5.5, max(1.6, 0.32 * min(frame.sx, frame.sy)))
    parts = []
    for node in circuit.nodes:
        x, y = frame.at(places.points[node.id])
        fill = _diverging(node.effect_nats, largest, colours)
        parts.append(_shape(node, x, y, r, f'fill="{fill}" stroke="{colours.ink_2}" stroke-width="0.8"'))
    named = frame.sx >= 16 and places.width <= N_NAMED_SLOTS
    if named:
        for node in circuit.nodes:
            if part_of(node) in ("mlp.post_act", "attn.q", "attn.k", "attn.v"):
                x, y = frame.at(places.points[node.id])
                name = node.label if node.head is None else part_of(node)[-1] + str(node.channel)
                parts.append(
                    _text(x, y - r - 2, name, 7.5, colours.ink_3, anchor="middle", font=MONO, halo=colours.paper)
                )
    for end in circuit.terminals:
        if end.id not in places.points:
            continue
        x, y = frame.at(places.points[end.id])
        if end.kind == "embed":
            parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(r * 0.6)}" fill="{colours.ink_3}"/>')
            if named and end.tokens:
                word = visible(end.tokens[0].token)[:6]
                parts.append(_text(x, y + r + 8, word, 7.5, colours.ink_3, anchor="middle", font=MONO))
            continue
        label = visible(end.label)[:14]
        w = 8.4 * len(label) + 14
        parts.append(
            f'<rect x="{_n(x - w / 2)}" y="{_n(y - 12)}" width="{_n(w)}" height="24" rx="4" '
            f'fill="{colours.surface}" stroke="{colours.ink_2}"/>'
        )
        parts.append(_text(x, y + 5, label, 14, colours.ink, weight="bold", anchor="middle", font=MONO))
    return parts


def _shape(node: Node, x: float, y: float, r: float, style: str) -> str:
    """A square is a channel, a lozenge q, k or v, a disc a neuron."""
    part = part_of(node)
    if part == "mlp.post_act":
        return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}" {style}/>'
    if node.head is not None:
        return f'<path d="M{_n(x)} {_n(y - r)}l{_n(r)} {_n(r)} {_n(-r)} {_n(r)} {_n(-r)} {_n(-r)}z" {style}/>'
    side = 1.7 * r
    return f'<rect x="{_n(x - side / 2)}" y="{_n(y - side / 2)}" width="{_n(side)}" height="{_n(side)}" {style}/>'


def _diverging(value: float, largest: float, colours: Palette) -> str:
    """Neutral at zero, warm where cutting costs, cool where it helps; a square-root scale."""
    share = sqrt(min(1.0, abs(value) / largest)) if largest > 0 else 0.0
    end = colours.negative if value < 0 else colours.positive
    a, b = ([int(text[i : i + 2], 16) for i in (1, 3, 5)] for text in (colours.neutral, end))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))
