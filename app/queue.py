"""Jobs in the store as those who ask see them: asked for, joined, watched, stopped, cancelled."""

import hashlib
import logging
import secrets
from typing import NamedTuple, cast

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import Database
from app.errors import Refusal
from app.job_rows import FINAL, WAITING, announce, end, note, now, places, row_of, wire
from app.schemas import Job, JobLogLine, JobRequest, JobState
from app.tables import JobEventRow, JobRow

log = logging.getLogger(__name__)

#: Kinds of jobs that keep nothing of what is half done.
WHOLE = ("means", "sweep")
#: When whoever has as many jobs as are allowed may come back.
RETRY_S = 30


class Event(NamedTuple):
    """One event of a job's stream; `id` only grows."""

    id: int
    kind: str
    data: str

    @property
    def is_final(self) -> bool:
        return self.kind == "state" and Job.model_validate_json(self.data).state in FINAL


class Queue:
    """Visitors take turns. Every change of a job is one transaction; several processes may use one store.

    At most `per_visitor` jobs of a visitor wait or run at a time, and `in_all` of all; None: as many as they like.
    """

    def __init__(self, database: Database, per_visitor: int | None = None, in_all: int | None = None) -> None:
        self.database = database
        self.per_visitor, self.in_all = per_visitor, in_all

    def add(self, request: JobRequest, visitor: str = "") -> Job:
        """Queue what the app itself needs, whatever the limits, or join the same that has not ended."""
        return self._add_or_join(request, visitor, limited=False)[0]

    def add_or_join(self, request: JobRequest, visitor: str) -> tuple[Job, bool]:
        """Queue a job, or join the one that was asked for in the same words and has not ended; whether it is new.

        Raises a 429 Refusal where as many as are allowed wait or run already; joining is always allowed.
        """
        return self._add_or_join(request, visitor, limited=True)

    def _add_or_join(self, request: JobRequest, visitor: str, *, limited: bool) -> tuple[Job, bool]:
        asked = request.model_dump_json()
        key = hashlib.sha256(asked.encode()).hexdigest()
        row = JobRow(
            id=secrets.token_hex(8), request=asked, kind=request.kind, state="queued", visitor=visitor, live_key=key,
            stop_asked=False, n_lost=0, created_at=now(),
        )  # fmt: skip
        try:
            with self.database.writing() as session:
                known = session.scalar(select(JobRow).where(JobRow.live_key == key))
                if known is not None:
                    return wire(known, places(session)), False
                if limited:
                    self._check_limits(session, visitor)
                session.add(row)
                session.flush()
                note(session, row.id, "asked for")
                return announce(session, row), True
        except IntegrityError:  # another process was asked for the same at this moment
            return self._add_or_join(request, visitor, limited=limited)

    def _check_limits(self, session: Session, visitor: str) -> None:
        alive = select(func.count()).select_from(JobRow).where(JobRow.state.in_(("running", *WAITING)))
        if self.per_visitor is not None:
            n = session.scalar(alive.where(JobRow.visitor == visitor)) or 0
            if n >= self.per_visitor:
                raise Refusal(
                    429, f"{n:,} jobs of yours wait or run, and {self.per_visitor:,} is the most at a time; "
                    "cancel one, or wait until one has ended", retry_s=RETRY_S,
                )  # fmt: skip
        if self.in_all is not None and (n := session.scalar(alive) or 0) >= self.in_all:
            raise Refusal(
                429, f"{n:,} jobs wait or run on this server, and {self.in_all:,} is the most at a time; "
                "try again later", retry_s=RETRY_S,
            )  # fmt: skip

    def get(self, job_id: str) -> Job:
        with self.database.reading() as session:
            row = row_of(session, job_id)
            return wire(row, places(session) if row.state in WAITING else {})

    def all(self, visitor: str | None = None) -> list[Job]:
        """Every job, or every one of a visitor, newest first."""
        query = select(JobRow).order_by(JobRow.created_at.desc(), JobRow.id)
        if visitor is not None:
            query = query.where(JobRow.visitor == visitor)
        with self.database.reading() as session:
            at = places(session)
            return [wire(row, at) for row in session.scalars(query)]

    def line(self) -> list[Job]:
        """What runs, then what waits, in turn."""
        with self.database.reading() as session:
            at = places(session)
            rows = session.scalars(select(JobRow).where(JobRow.state.in_(("running", *WAITING)))).all()
            jobs = [wire(row, at) for row in rows]
        return sorted(jobs, key=lambda job: (-1 if job.queue_place is None else job.queue_place, job.created_at))

    def counts(self, visitor: str | None = None) -> dict[JobState, int]:
        """How many jobs are in each state, of all visitors or of one; states that none is in are left out."""
        query = select(JobRow.state, func.count()).group_by(JobRow.state)
        if visitor is not None:
            query = query.where(JobRow.visitor == visitor)
        with self.database.reading() as session:
            return {cast(JobState, state): n for state, n in session.execute(query)}

    def cancel(self, job_id: str) -> Job:
        """End a job that waits or runs; its worker sees this at its next step."""
        with self.database.writing() as session:
            row = row_of(session, job_id)
            if row.state in FINAL:
                raise Refusal(409, f"job {job_id} is {row.state} already and cannot be cancelled")
            note(session, job_id, "cancelled")
            return end(session, row, "cancelled")

    def stop(self, job_id: str) -> Job:
        """Ask a running job to end now with what it has. Raises a 409 Refusal for one that does not run."""
        with self.database.writing() as session:
            row = row_of(session, job_id)
            if row.state != "running":
                raise Refusal(409, f"job {job_id} is {row.state}; only a running job has something to keep")
            if row.kind in WHOLE:
                raise Refusal(409, f"job {job_id} is a job of {row.kind}: it is kept whole or not at all; cancel it")
            if not row.stop_asked:
                row.stop_asked = True
                note(session, job_id, "asked to stop and to keep what there is")
            return announce(session, row)

    def events(self, job_id: str, after: int) -> list[Event]:
        columns = select(JobEventRow.id, JobEventRow.kind, JobEventRow.data)
        query = columns.where(JobEventRow.job == job_id, JobEventRow.id > after).order_by(JobEventRow.id)
        with self.database.reading() as session:
            return [Event(*row) for row in session.execute(query)]

    def news(self, job_id: str, after: int) -> tuple[Job, list[Event]] | None:
        """A job and its events after one of them; None where the store does not answer."""
        try:
            # The job is read before its events: once it is final, they are complete.
            return self.get(job_id), self.events(job_id, after)
        except SQLAlchemyError as error:
            log.warning("the store does not answer, so the stream of job %s ends: %s", job_id, type(error).__name__)
            return None

    def log(self, job_id: str) -> list[JobLogLine]:
        """What has been written down about a job, oldest first."""
        query = select(JobEventRow.data).where(JobEventRow.job == job_id, JobEventRow.kind == "log")
        with self.database.reading() as session:
            row_of(session, job_id)
            lines = session.scalars(query.order_by(JobEventRow.id))
            return [JobLogLine.model_validate_json(line) for line in lines]
