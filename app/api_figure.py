"""A circuit as a Plotly figure, where the still picture has everything: one trace a class of line."""

from collections.abc import Iterable

from plotly.graph_objects import Figure, Scatter

from app.pages import visible
from app.pictures.places import Point, places_of
from app.schemas import CircuitDetail

COLOURS = {"positive": "#b54708", "negative": "#1f62ad", "link": "#b3bbba", "ink": "#14181b"}


def figure_of(circuit: CircuitDetail) -> Figure:
    at = places_of(circuit).points
    edges = [(e.source, e.target, e.weight) for e in circuit.edges]
    lines = [
        ("residual, q and k, unembedding", "link", 0.8, [(link.source, link.target) for link in circuit.links]),
        ("positive weight", "positive", 1.4, [(a, b) for a, b, weight in edges if weight > 0]),
        ("negative weight", "negative", 1.4, [(a, b) for a, b, weight in edges if weight < 0]),
    ]
    figure = Figure()
    for name, colour, width, pairs in lines:
        x, y = _segments(at, pairs)
        line = {"color": COLOURS[colour], "width": width}
        figure.add_trace(Scatter(x=x, y=y, mode="lines", name=name, line=line, hoverinfo="skip"))
    largest = max((abs(node.effect_nats) for node in circuit.nodes), default=0) or 1
    nodes = [node for node in circuit.nodes if node.id in at]
    figure.add_trace(
        Scatter(
            x=[at[node.id].x for node in nodes], y=[at[node.id].y for node in nodes], mode="markers", name="nodes",
            marker={
                "size": 11, "color": [node.effect_nats for node in nodes], "cmin": -largest, "cmax": largest,
                "colorscale": [[0, COLOURS["negative"]], [0.5, "#f1f0ec"], [1, COLOURS["positive"]]],
                "line": {"width": 1, "color": COLOURS["ink"]}, "colorbar": {"title": "effect, nats"},
            },
            text=[f"{node.id} ({node.label})<br>effect {node.effect_nats:+.3f} nats" for node in nodes],
            hoverinfo="text",
        )
    )  # fmt: skip
    ends = [end for end in circuit.terminals if end.id in at]
    words = [visible(end.label) for end in ends]
    figure.add_trace(
        Scatter(
            x=[at[end.id].x for end in ends], y=[at[end.id].y for end in ends], mode="markers+text", name="ends",
            text=words, textposition=["top center" if end.kind == "logit" else "bottom center" for end in ends],
            marker={"symbol": "square-open", "size": 11, "color": COLOURS["ink"]}, hoverinfo="text",
        )
    )  # fmt: skip
    title = (
        f"{circuit.task_title}: {circuit.n_nodes} nodes, {circuit.n_edges} edges, {circuit.loss_nats.value:.3f} nats"
    )
    hidden = {"visible": False}
    figure.update_layout(
        title=title, template="plotly_white", xaxis=hidden, yaxis=hidden, height=640, legend={"orientation": "h"}
    )
    return figure


def _segments(at: dict[str, Point], pairs: Iterable[tuple[str, str]]) -> tuple[list[float | None], list[float | None]]:
    """All lines of a class as one, with gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    for source, target in pairs:
        if source in at and target in at:
            x += [at[source].x, at[target].x, None]
            y += [at[source].y, at[target].y, None]
    return x, y
