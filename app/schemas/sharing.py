"""What is shared: short links, what its maker published, how to cite it, forks and where they came from."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.schemas.annotations import Label
from app.schemas.base import CircuitId, NodeId, Wire
from app.schemas.circuits import CircuitSummary

PATH_PATTERN = r"^/[!-~]*$"

Kind = Literal["circuits", "annotations", "ablations"]


class ShortLinkRequest(Wire):
    """The view that a short link is to open: path and query of one of this server's pages."""

    path: Annotated[str, StringConstraints(pattern=PATH_PATTERN, max_length=8_000)]


class ShortLink(Wire):
    """An immutable record: this link opens this view for ever."""

    id: str
    url: str
    path: str
    created_at: datetime


class PublicationRequest(Wire):
    """How a record is to stand in the gallery; both may be left out."""

    title: Label | None = None
    author: Label | None = None


class Publication(Wire):
    """Whether a record stands in public lists, and whether you may change that."""

    kind: Kind
    id: str
    published: bool
    yours: bool = Field(description="you made it, so you may publish it or take it back")
    title: str | None = Field(description="as it was published")
    author: str | None
    published_at: datetime | None


class GalleryEntry(Wire):
    """One published record: a circuit, a story or other notes on one, or a measured claim."""

    kind: Kind
    id: str
    url: str = Field(description="the page to open")
    title: str
    about: str
    author: str | None
    circuit: str | None
    published_at: datetime


class Citation(Wire):
    """How to cite a record; what is cited never changes, so the fingerprint says which weights it holds for."""

    text: str
    bibtex: str
    url: str
    accessed: date
    model_fingerprint: str
    version: str


class ForkRequest(Wire):
    """Nodes to drop from a circuit and nodes of its model to add."""

    drop: list[NodeId] = Field(default=[], max_length=20_000)
    add: list[NodeId] = Field(default=[], max_length=2_000)


class Ancestor(Wire):
    """A circuit further up a line of forks, and what its fork changed."""

    circuit: CircuitId
    url: str
    summary: CircuitSummary | None = Field(description="None: this server does not have it")
    dropped: list[NodeId]
    added: list[NodeId]


class Lineage(Wire):
    """Where a circuit came from, nearest first, and the forks of it that are listed or yours."""

    circuit: CircuitId
    ancestors: list[Ancestor]
    forks: list[CircuitSummary]
