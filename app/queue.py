"""Jobs in the store: who waits, who runs them, what they reported. Every change is one transaction."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import urls
from app.database import Database
from app.errors import Refusal, no_such
from app.schemas import Job, JobProgress, JobRequest, JobState, StepEvent
from app.tables import JobEventRow, JobRow

_REQUEST: TypeAdapter[JobRequest] = TypeAdapter(JobRequest)

FINAL: tuple[JobState, ...] = ("done", "failed", "cancelled", "interrupted")


class Event(NamedTuple):
    """One event of a job's stream; `id` only grows."""

    id: int
    kind: str
    data: str

    @property
    def is_final(self) -> bool:
        return self.kind == "state" and Job.model_validate_json(self.data).state in FINAL


class Claim(NamedTuple):
    """A job that a worker has taken."""

    id: str
    request: JobRequest


class Queue:
    """First come, first served. A job's state changes only forward: queued, running, one of the final states."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, request: JobRequest) -> Job:
        row = JobRow(id=secrets.token_hex(8), request=request.model_dump_json(), state="queued", created_at=_now())
        with self.database.writing() as session:
            session.add(row)
            session.flush()
            return _announce(session, row)

    def get(self, job_id: str) -> Job:
        with self.database.reading() as session:
            return _wire(session, self._row(session, job_id))

    def all(self) -> list[Job]:
        """Every job, newest first."""
        with self.database.reading() as session:
            rows = session.scalars(select(JobRow).order_by(JobRow.created_at.desc(), JobRow.id)).all()
            return [_wire(session, row) for row in rows]

    def cancel(self, job_id: str) -> Job:
        """End a job that waits or runs; its worker sees this at its next step."""
        with self.database.writing() as session:
            row = self._row(session, job_id)
            if row.state in FINAL:
                raise Refusal(409, f"job {job_id} is {row.state} already and cannot be cancelled")
            return _finish(session, row, "cancelled")

    def events(self, job_id: str, after: int) -> list[Event]:
        columns = select(JobEventRow.id, JobEventRow.kind, JobEventRow.data)
        query = columns.where(JobEventRow.job == job_id, JobEventRow.id > after).order_by(JobEventRow.id)
        with self.database.reading() as session:
            return [Event(*row) for row in session.execute(query)]

    # -- for workers -------------------------------------------------------------------------

    def claim(self, owner: str) -> Claim | None:
        """The job that has waited longest, now run by `owner`; None when nothing waits."""
        oldest = select(JobRow).where(JobRow.state == "queued").order_by(JobRow.created_at, JobRow.id).limit(1)
        with self.database.reading() as session:
            if session.scalar(oldest) is None:
                return None
        with self.database.writing() as session:
            row = session.scalar(oldest)
            if row is None:
                return None
            row.state, row.owner, row.started_at = "running", owner, _now()
            _announce(session, row)
            return Claim(row.id, _REQUEST.validate_json(row.request))

    def is_running(self, job_id: str, owner: str) -> bool:
        query = select(JobRow.id).where(JobRow.id == job_id, JobRow.state == "running", JobRow.owner == owner)
        with self.database.reading() as session:
            return session.scalar(query) is not None

    def report(self, job_id: str, owner: str, step: StepEvent | None, progress: JobProgress) -> None:
        """Write where a job is; nothing is written for a job that runs no more."""
        with self.database.writing() as session:
            row = self._row(session, job_id)
            if row.state != "running" or row.owner != owner:
                return
            row.progress = progress.model_dump_json()
            if step is not None:
                session.add(JobEventRow(job=job_id, kind="step", data=step.model_dump_json()))
            else:
                _announce(session, row)

    def finish(
        self, job_id: str, owner: str, state: JobState, *, circuit: str | None = None, error: str | None = None
    ) -> None:
        """End a job that `owner` runs; nothing happens if it has ended already."""
        with self.database.writing() as session:
            row = self._row(session, job_id)
            if row.state == "running" and row.owner == owner:
                _finish(session, row, state, circuit=circuit, error=error)

    def interrupt_orphans(self, is_alive: Callable[[str], bool]) -> list[str]:
        """Jobs whose worker is gone become interrupted; returns their ids."""
        query = select(JobRow).where(JobRow.state == "running")
        with self.database.reading() as session:
            if all(is_alive(row.owner or "") for row in session.scalars(query)):
                return []
        with self.database.writing() as session:
            orphans = [row for row in session.scalars(query).all() if not is_alive(row.owner or "")]
            for row in orphans:
                _finish(session, row, "interrupted", error="the server stopped while this job ran; start it again")
            return [row.id for row in orphans]

    def _row(self, session: Session, job_id: str) -> JobRow:
        row = session.get(JobRow, job_id)
        if row is None:
            newest = session.scalars(select(JobRow.id).order_by(JobRow.created_at.desc())).all()
            raise no_such("job", job_id, newest)
        return row


def _now() -> datetime:
    return datetime.now(UTC)


def _finish(
    session: Session, row: JobRow, state: JobState, *, circuit: str | None = None, error: str | None = None
) -> Job:
    row.state, row.circuit, row.error, row.finished_at = state, circuit, error, _now()
    return _announce(session, row)


def _announce(session: Session, row: JobRow) -> Job:
    """Write the job as it now is to its stream."""
    session.flush()
    job = _wire(session, row)
    session.add(JobEventRow(job=row.id, kind="state", data=job.model_dump_json()))
    return job


def _wire(session: Session, row: JobRow) -> Job:
    queue_place = None
    if row.state == "queued":
        ahead = select(func.count()).where(
            JobRow.state == "queued",
            (JobRow.created_at < row.created_at) | ((JobRow.created_at == row.created_at) & (JobRow.id < row.id)),
        )
        queue_place = session.scalar(ahead)
    return Job.model_validate(
        {
            "id": row.id,
            "url": urls.job(row.id),
            "events_url": urls.job_events(row.id),
            "request": _REQUEST.validate_json(row.request),
            "state": row.state,
            "queue_place": queue_place,
            "created_at": row.created_at,
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "progress": None if row.progress is None else JobProgress.model_validate_json(row.progress),
            "circuit": row.circuit,
            "error": row.error,
        }
    )
