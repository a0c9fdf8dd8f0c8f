"""What people write about a circuit: labels and notes of nodes, named groups of them, a story of views."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.schemas.base import CIRCUIT_PATTERN, CircuitId, NodeId, Wire
from app.schemas.card import Card
from app.schemas.circuits import CircuitDetail

VIEW_PATTERN = r"^(\?[!-~]*)?$"
MAX_ITEMS = 500
MAX_LABEL = 80

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LABEL)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
AnnotationId = Annotated[str, StringConstraints(pattern=CIRCUIT_PATTERN)]


class NodeGroup(Wire):
    """Nodes that belong together, under a name; a node may be in several groups."""

    name: Label
    nodes: list[NodeId] = Field(max_length=20_000)


class StoryStep(Wire):
    """One view of the circuit and what is to be seen in it."""

    view: Annotated[str, StringConstraints(pattern=VIEW_PATTERN, max_length=8_000)] = Field(
        description="the query of the circuit's page: `?node=3.mlp.post_act:117&cut=…`; empty for the plain page"
    )
    sentence: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class AnnotationRequest(Wire):
    """What is written about a circuit; `parent` is the revision it was edited from."""

    format: Literal["sparsescope-annotation/1"] = "sparsescope-annotation/1"
    title: Label
    author: Label | None = None
    labels: dict[NodeId, Label] = Field(default={}, max_length=MAX_ITEMS, description="short names of nodes")
    notes: dict[NodeId, Note] = Field(default={}, max_length=MAX_ITEMS, description="longer texts on nodes")
    groups: list[NodeGroup] = Field(default=[], max_length=MAX_ITEMS)
    story: list[StoryStep] = Field(default=[], max_length=MAX_ITEMS)
    parent: AnnotationId | None = None


class AnnotationSummary(Wire):
    """One revision among those of a circuit."""

    id: str
    url: str
    link: str = Field(description="the circuit's page with these notes")
    circuit: CircuitId
    title: str
    author: str | None
    created_at: datetime
    parent: str | None


class Annotation(AnnotationRequest):
    """A revision of a circuit's notes: an immutable record, its id derived from its content."""

    id: str
    url: str
    link: str = Field(description="the circuit's page with these notes")
    circuit: CircuitId
    created_at: datetime


class AnnotatedCircuit(CircuitDetail):
    """A circuit with its card, and with the notes that were asked for."""

    annotation: Annotation | None = None
    card: Card | None = None
