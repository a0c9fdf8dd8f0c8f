"""When what pages show has changed: writers count it in the store, and a kept page is right while the count stands."""

from typing import NamedTuple

from sqlalchemy import bindparam, event, exists, inspect, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction

from app.tables import AnnotationRow, CardPartRow, CircuitRow, JobRow, MadeRow, RevisionRow, Table, TaskRow

_SHOWN = (CircuitRow, AnnotationRow, CardPartRow, TaskRow, MadeRow)


class Writing(Session):
    """A session that notes whether it wrote what pages show."""


class Standing(NamedTuple):
    """`revision` of the store, and whether a reader has made something that only their own pages list."""

    revision: int
    is_maker: bool


_STANDING = select(RevisionRow.n, exists().where(MadeRow.maker == bindparam("reader"), MadeRow.kind != "ablations"))


def standing(connection: Connection, reader: str) -> Standing:
    revision, is_maker = connection.execute(_STANDING, {"reader": reader}).one()
    return Standing(revision, bool(is_maker))


def count_change(session: Session) -> None:
    """The last thing of a writing transaction."""
    session.flush()
    if session.info.get("shown"):
        session.execute(update(RevisionRow).values(n=RevisionRow.n + 1))


@event.listens_for(Writing, "after_flush")
def _note_rows(session: Session, _context: UOWTransaction) -> None:
    if any(_is_shown(row) for row in (*session.new, *session.dirty, *session.deleted)):
        session.info["shown"] = True


@event.listens_for(Writing, "do_orm_execute")
def _note_statements(state: ORMExecuteState) -> None:
    written = state.is_insert or state.is_update or state.is_delete
    if written and state.bind_mapper is not None and issubclass(state.bind_mapper.class_, _SHOWN):
        state.session.info["shown"] = True


def _is_shown(row: Table) -> bool:
    state = inspect(row)
    if isinstance(row, JobRow):  # lists show the circuit that came of it, to whoever asked for it
        return row.circuit is not None and bool(state.attrs.circuit.history.has_changes())
    if isinstance(row, MadeRow) and row.kind in ("ablations", "jobs"):
        # Lists have an ablation once it is published, and of a job what came of it.
        published = state.attrs.published_at.history
        return any(at is not None for at in (*(published.added or ()), *(published.deleted or ())))
    return isinstance(row, _SHOWN)
