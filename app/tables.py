"""The tables of the store. Whole records are kept as the JSON that is sent; columns are what is searched by."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, ForeignKey, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Utc(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is put back."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Table(DeclarativeBase):
    pass


class CircuitRow(Table):
    """A circuit; `id` is derived from its content. `summary` and `detail` are wire JSON."""

    __tablename__ = "circuits"

    id: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(index=True)
    model_fingerprint: Mapped[str]
    task: Mapped[str] = mapped_column(index=True)
    bundled: Mapped[bool]
    forked_from: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    summary: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)


class AblationRow(Table):
    """What a cut did; `id` is a hash of what was asked, so asking again finds it."""

    __tablename__ = "ablations"

    id: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str]
    circuit: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    record: Mapped[str] = mapped_column(Text)


class AnnotationRow(Table):
    """A revision of a circuit's notes; `id` is a hash of what it says."""

    __tablename__ = "annotations"

    id: Mapped[str] = mapped_column(primary_key=True)
    circuit: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(Utc)
    record: Mapped[str] = mapped_column(Text)


class MadeRow(Table):
    """That someone made a record; `maker` is a hash of their cookie. Since `published_at` it stands in public lists."""

    __tablename__ = "made"

    kind: Mapped[str] = mapped_column(primary_key=True)
    record: Mapped[str] = mapped_column(primary_key=True)
    maker: Mapped[str] = mapped_column(primary_key=True, index=True)
    made_at: Mapped[datetime] = mapped_column(Utc)
    published_at: Mapped[datetime | None] = mapped_column(Utc, index=True)
    title: Mapped[str | None]
    author: Mapped[str | None]


class RevisionRow(Table):
    """One row: `n` has grown whenever something that pages show was written."""

    __tablename__ = "revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int]


class ShortLinkRow(Table):
    """A view under a short name; `id` is a hash of its path and query."""

    __tablename__ = "short_links"

    id: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Utc)


class CardPartRow(Table):
    """A measured control of a circuit; `id` is a hash of circuit, control and settings."""

    __tablename__ = "card_parts"

    id: Mapped[str] = mapped_column(primary_key=True)
    circuit: Mapped[str] = mapped_column(index=True)
    control: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Utc)
    record: Mapped[str] = mapped_column(Text)


class TaskRow(Table):
    """A user's own task; `id` ends in a hash of `pairs`, which is JSON: [[prompt, prompt], [answer, answer]]."""

    __tablename__ = "tasks"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    question: Mapped[str]
    language: Mapped[str]
    model: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Utc)
    pairs: Mapped[str] = mapped_column(Text)


class JobRow(Table):
    """A job; `owner` is the worker that runs it, `progress` wire JSON.

    `live_key` is a hash of the request until the job ends, so that no two of the same are alive; `n_lost` counts
    workers lost since the last checkpoint.
    """

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[str] = mapped_column(Text)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    visitor: Mapped[str] = mapped_column(index=True)
    live_key: Mapped[str | None] = mapped_column(unique=True)
    stop_asked: Mapped[bool]
    n_lost: Mapped[int]
    resumed_from_step: Mapped[int | None]
    owner: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(Utc, index=True)
    started_at: Mapped[datetime | None] = mapped_column(Utc)
    finished_at: Mapped[datetime | None] = mapped_column(Utc)
    progress: Mapped[str | None] = mapped_column(Text)
    circuit: Mapped[str | None]
    error: Mapped[str | None] = mapped_column(Text)


class JobShareRow(Table):
    """A share of a job's work that any worker may take: what is `asked`, and, once done, what came of it."""

    __tablename__ = "job_shares"
    __table_args__ = (UniqueConstraint("job", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(ForeignKey("jobs.id"), index=True)
    number: Mapped[int]
    asked: Mapped[str] = mapped_column(Text)
    owner: Mapped[str | None]
    n_lost: Mapped[int]
    result: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)


class WorkerRow(Table):
    """A worker that said, at `seen_at`, that it lives; its clock may differ a little from others'."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    seen_at: Mapped[datetime] = mapped_column(Utc)


class JobEventRow(Table):
    """One event of a job's stream: `kind` is step, state or log, `data` the JSON that is sent."""

    __tablename__ = "job_events"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(ForeignKey("jobs.id"), index=True)
    kind: Mapped[str]
    data: Mapped[str] = mapped_column(Text)
