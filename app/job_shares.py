"""Shares of a job's work in the store: any worker that has nothing else to do takes one, wherever it runs.

The job's own worker offers them and takes them too, so that one worker alone does the same work in the same order. A
worker that is lost costs the share that it had in hand, which is then free again.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.database import Database
from app.job_rows import FINAL, REQUEST
from app.schemas import JobRequest
from app.tables import JobRow, JobShareRow


class Share(NamedTuple):
    """A share that a worker has taken; `asked` is the job's own JSON."""

    id: int
    job: str
    number: int
    request: JobRequest
    asked: str


class Done(NamedTuple):
    """What came of a share: a result of the job's own JSON, or the sentence that it failed with."""

    result: str | None
    error: str | None


class Shares:
    """What a worker says of a share that is no longer its own is not written."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def offer(self, job_id: str, asked: Mapping[int, str], owner: str) -> None:
        """By number; one that was offered before stays as it is. The first of the new ones is `owner`'s from the start:
        whoever offers has something in hand at any moment."""
        with self.database.writing() as session:
            known = set(session.scalars(select(JobShareRow.number).where(JobShareRow.job == job_id)))
            for place, number in enumerate(sorted(asked.keys() - known)):
                row = JobShareRow(job=job_id, number=number, asked=asked[number], n_lost=0)
                row.owner = owner if place == 0 else None
                session.add(row)

    def take(self, owner: str, job_id: str | None = None) -> Share | None:
        """The first free share, of one job or of any that still runs; None where there is none."""
        query = select(JobShareRow.id).join(JobRow, JobRow.id == JobShareRow.job)
        query = query.where(JobShareRow.result.is_(None), JobShareRow.error.is_(None))
        query = query.where(JobRow.state == "running", JobRow.stop_asked.is_(False))
        if job_id is None:
            query = query.where(JobShareRow.owner.is_(None))
        else:  # a worker does one at a time, so one that is its own already is one that it was offered
            query = query.where(JobShareRow.job == job_id, or_(JobShareRow.owner.is_(None), JobShareRow.owner == owner))
        query = query.order_by(JobShareRow.job, JobShareRow.number).limit(1)
        with self.database.reading() as session:
            if session.scalar(query) is None:
                return None
        with self.database.writing() as session:
            row = session.get(JobShareRow, session.scalar(query) or 0)
            if row is None:
                return None
            row.owner = owner
            asked = session.scalar(select(JobRow.request).where(JobRow.id == row.job))
            return Share(row.id, row.job, row.number, REQUEST.validate_json(asked or ""), row.asked)

    def is_wanted(self, share: Share, owner: str) -> bool:
        """Whether a share is still its worker's, of a job that has not ended and was not asked to end."""
        query = select(JobShareRow.id).join(JobRow, JobRow.id == JobShareRow.job).where(JobShareRow.id == share.id)
        query = query.where(JobShareRow.owner == owner, JobRow.state.not_in(FINAL), JobRow.stop_asked.is_(False))
        with self.database.reading() as session:
            return session.scalar(query) is not None

    def finish(self, share: Share, owner: str, *, result: str | None = None, error: str | None = None) -> None:
        self._set(share, owner, {"owner": None, "result": result, "error": error})

    def let_go(self, share: Share, owner: str) -> None:
        """Leave a share to another worker."""
        self._set(share, owner, {"owner": None})

    def _set(self, share: Share, owner: str, values: Mapping[str, str | None]) -> None:
        mine = update(JobShareRow).where(JobShareRow.id == share.id, JobShareRow.owner == owner)
        with self.database.writing() as session:
            session.execute(mine.values(**values))

    def done(self, job_id: str) -> dict[int, Done]:
        """Those of a job that are done, by number."""
        query = select(JobShareRow.number, JobShareRow.result, JobShareRow.error).where(JobShareRow.job == job_id)
        ended = or_(JobShareRow.result.is_not(None), JobShareRow.error.is_not(None))
        with self.database.reading() as session:
            return {n: Done(result, error) for n, result, error in session.execute(query.where(ended))}


def free_lost(session: Session, lost: set[str], most_losses: int) -> None:
    """Shares whose worker is gone are free again; one that was lost too often fails, and its job with it."""
    for row in session.scalars(select(JobShareRow).where(JobShareRow.owner.in_(lost))):
        row.owner, row.n_lost = None, row.n_lost + 1
        if row.n_lost > most_losses:
            row.error = f"a part of it lost its worker {row.n_lost} times; too little memory is the usual cause"
