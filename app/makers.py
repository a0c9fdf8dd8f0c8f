"""Who made which record, known by the hash of their visitor's cookie, and what its maker published.

A record that somebody made stands in no public list until its maker publishes it: its address is the only way to it.
What came with the app, or was brought in by the command line, has no maker and is listed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import ColumnElement, or_, select

from app.database import Database
from app.errors import Refusal
from app.schemas.sharing import Kind, Publication, PublicationRequest
from app.tables import AblationRow, AnnotationRow, CircuitRow, JobRow, MadeRow

#: A reader who made nothing.
NOBODY = ""

_Kind = Literal["circuits", "annotations", "ablations", "jobs"]


def listed(row: type[CircuitRow] | type[AnnotationRow] | type[AblationRow], reader: str) -> ColumnElement[bool]:
    """Whether a row stands in the lists of a reader: nobody made it, or it is published, or it is theirs."""
    kind = row.__tablename__
    made = select(MadeRow.record).where(MadeRow.kind == kind, MadeRow.record == row.id)
    public = made.where(MadeRow.published_at.is_not(None)).exists()
    hers = made.where(MadeRow.maker == reader).exists()
    if row is not CircuitRow:
        return or_(~made.exists(), public, hers)
    by_job = _by_job()
    theirs = by_job.where(MadeRow.maker == reader).exists()
    return or_(CircuitRow.bundled, ~made.exists() & ~by_job.exists(), public, hers, theirs)


def _by_job():  # type: ignore[no-untyped-def]
    """The maker of the job that made a circuit; a job that was queued later only met it again."""
    jobs = select(MadeRow.maker).join(JobRow, JobRow.id == MadeRow.record).where(MadeRow.kind == "jobs")
    return jobs.where(JobRow.circuit == CircuitRow.id, JobRow.created_at <= CircuitRow.created_at)


class Makers:
    """Reads and writes who made what."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def note(self, kind: _Kind, record: str, maker: str, *, is_new: bool = True) -> None:
        """That `maker` made a record. Who measures again what somebody made is a maker too; what has none, stays so."""
        with self.database.writing() as session:
            known = session.scalars(select(MadeRow.maker).where(MadeRow.kind == kind, MadeRow.record == record)).all()
            if maker in known:  # asked for twice at once, it was new to both requests
                return
            if is_new or (known and kind != "annotations"):
                session.add(MadeRow(kind=kind, record=record, maker=maker, made_at=datetime.now(UTC)))

    def hidden_jobs(self, reader: str) -> set[str]:
        """Jobs of others: what they make is theirs to show."""
        jobs = select(MadeRow.record).where(MadeRow.kind == "jobs")
        with self.database.reading() as session:
            return set(session.scalars(jobs)) - set(session.scalars(jobs.where(MadeRow.maker == reader)))

    def unlisted_circuits(self) -> set[str]:
        """Ids of circuits that stand in no public list: to be marked where their maker sees them."""
        with self.database.reading() as session:
            return set(session.scalars(select(CircuitRow.id).where(~listed(CircuitRow, NOBODY))))

    # -- publishing --------------------------------------------------------------------------

    def publication(self, kind: Kind, record: str, reader: str) -> Publication:
        """How a record stands; of several makers the reader's own row tells, else the first that is published."""
        row = _ROWS[kind]
        with self.database.reading() as session:
            rows = session.scalars(select(MadeRow).where(MadeRow.kind == kind, MadeRow.record == record)).all()
            is_listed = bool(session.scalar(select(row.id).where(row.id == record, listed(row, NOBODY))))
            yours = self._is_maker(kind, record, reader)
        shown = [made for made in rows if made.published_at is not None]
        first = min(shown, key=lambda made: (made.maker != reader, made.published_at or made.made_at), default=None)
        return Publication(
            kind=kind,
            id=record,
            published=is_listed,
            yours=yours,
            title=first.title if first else None,
            author=first.author if first else None,
            published_at=first.published_at if first else None,
        )

    def publish(self, kind: Kind, record: str, maker: str, request: PublicationRequest) -> Publication:
        """Put a record into public lists. Raises a 403 Refusal for one that they did not make."""
        self._check_maker(kind, record, maker)
        with self.database.writing() as session:
            row = session.get(MadeRow, (kind, record, maker))
            if row is None:  # made by a job of theirs
                row = MadeRow(kind=kind, record=record, maker=maker, made_at=datetime.now(UTC))
                session.add(row)
            row.published_at = row.published_at or datetime.now(UTC)
            row.title, row.author = request.title, request.author
        return self.publication(kind, record, maker)

    def take_back(self, kind: Kind, record: str, maker: str) -> Publication:
        """Out of public lists again; its address goes on to open it."""
        self._check_maker(kind, record, maker)
        with self.database.writing() as session:
            row = session.get(MadeRow, (kind, record, maker))
            if row is not None:
                row.published_at = row.title = row.author = None
        return self.publication(kind, record, maker)

    def published(self) -> Sequence[MadeRow]:
        """Newest first, a record once."""
        query = select(MadeRow).where(MadeRow.published_at.is_not(None))
        with self.database.reading() as session:
            rows = session.scalars(query.order_by(MadeRow.published_at, MadeRow.record, MadeRow.maker)).all()
        return list(reversed({(row.kind, row.record): row for row in reversed(rows)}.values()))

    def _is_maker(self, kind: Kind, record: str, reader: str) -> bool:
        if reader == NOBODY:
            return False
        with self.database.reading() as session:
            if session.get(MadeRow, (kind, record, reader)) is not None:
                return True
            if kind != "circuits":
                return False
            by_job = _by_job().where(CircuitRow.id == record, MadeRow.maker == reader)
            return session.scalar(by_job) is not None

    def _check_maker(self, kind: Kind, record: str, maker: str) -> None:
        if not self._is_maker(kind, record, maker):
            what = kind.removesuffix("s")
            raise Refusal(
                403, f"{what} {record} was not made from this browser, so you cannot publish it or take it back"
            )


_ROWS: dict[Kind, type[CircuitRow] | type[AnnotationRow] | type[AblationRow]] = {
    "circuits": CircuitRow,
    "annotations": AnnotationRow,
    "ablations": AblationRow,
}
