"""One pruning run at every size: the graph of its largest set with each node's rank, and a size measured."""

from pydantic import Field

from app.schemas.base import Measure, Wire
from app.schemas.circuits import Edge, Link, OrderedSize, Terminal


class RankedNode(Wire):
    """A node of a pruning order; the circuit of size n keeps the nodes whose rank is below n."""

    id: str
    site: str
    layer: int
    index: int
    head: int | None
    channel: int | None
    label: str
    mean: float
    rank: int = Field(description="place in the order, from 0: how late pruning would have given it up")


class RankedEdge(Edge):
    """An edge that is there once both its nodes are."""

    rank: int = Field(description="the larger of its nodes' ranks")


class RankedLink(Link):
    rank: int = Field(description="the larger of its nodes' ranks; ends are always there")


class CircuitSizes(Wire):
    """The pruning order of a circuit as one graph. The circuit itself is `rank < n_nodes`.

    Edges that the circuit cuts stay cut at every size. `sizes` were measured when the order was made: on `n_pairs`
    train pairs, without cut edges.
    """

    circuit: str
    n_nodes: int = Field(description="of the circuit itself")
    n_all: int = Field(description="of the whole order: the largest size")
    n_cut_edges: int
    target_loss_nats: float
    nodes: list[RankedNode] = Field(description="in forward order, as the graph is laid out")
    edges: list[RankedEdge]
    links: list[RankedLink]
    terminals: list[Terminal]
    sizes: list[OrderedSize]
    n_pairs: int


class MeasuredSize(Wire):
    """The first n of an order as a circuit, run on held-out pairs: exact, no estimate. Its cut edges are cut."""

    circuit: str
    n_nodes: int
    n_edges: int
    measure: Measure
    kept_as: str | None = Field(description="the stored circuit that has just these nodes and edges")
