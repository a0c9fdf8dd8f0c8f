"""Jobs in the store as workers see them: claimed, reported on, ended; and whose worker is gone."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from sqlalchemy import delete, select

from app.database import Database
from app.job_rows import FINAL, LOST_AFTER, REQUEST, WAITING, announce, end, note, now, order, row_of
from app.job_shares import free_lost
from app.schemas import JobProgress, JobRequest, JobState, StepEvent
from app.tables import JobEventRow, JobRow, JobShareRow, WorkerRow


class Claim(NamedTuple):
    """A job that a worker has taken."""

    id: str
    request: JobRequest


class Standing(NamedTuple):
    """What is wanted of a running job: whether it is still its worker's, and whether it should end with what it has."""

    runs: bool
    stop_asked: bool


class Claims:
    """What a worker says of a job that is no longer its own is not written: a lost job may run elsewhere by then."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def claim(self, owner: str) -> Claim | None:
        """The job whose turn it is, now run by `owner`; None when nothing waits."""
        with self.database.reading() as session:
            if session.scalar(select(JobRow.id).where(JobRow.state.in_(WAITING)).limit(1)) is None:
                return None
        with self.database.writing() as session:
            for job_id in order(session):
                free = select(JobRow).where(JobRow.id == job_id, JobRow.state.in_(WAITING))
                row = session.scalar(free.with_for_update(skip_locked=True))
                if row is None:  # another worker has it in hand
                    continue
                goes_on = row.state == "interrupted"
                row.state, row.owner, row.started_at = "running", owner, row.started_at or now()
                note(session, row.id, "goes on" if goes_on else "started")
                announce(session, row)
                return Claim(row.id, REQUEST.validate_json(row.request))
        return None

    def standing(self, job_id: str, owner: str) -> Standing:
        query = select(JobRow.stop_asked).where(JobRow.id == job_id, JobRow.state == "running", JobRow.owner == owner)
        with self.database.reading() as session:
            found = session.scalar(query)
            return Standing(found is not None, bool(found))

    def report(self, job_id: str, owner: str, step: StepEvent, progress: JobProgress) -> None:
        """Write where a job is."""
        with self.database.writing() as session:
            row = row_of(session, job_id)
            if row.state == "running" and row.owner == owner:
                row.progress = progress.model_dump_json()
                session.add(JobEventRow(job=job_id, kind="step", data=step.model_dump_json()))

    def log(self, job_id: str, owner: str, message: str) -> None:
        with self.database.writing() as session:
            row = row_of(session, job_id)
            if row.state == "running" and row.owner == owner:
                note(session, job_id, message)

    def saved(self, job_id: str, owner: str) -> None:
        """The job has come further than its last checkpoint, so its losses do not count against it."""
        with self.database.writing() as session:
            row = row_of(session, job_id)
            if row.owner == owner:
                row.n_lost = 0

    def resumed(self, job_id: str, owner: str, step: int) -> None:
        with self.database.writing() as session:
            row = row_of(session, job_id)
            if row.state == "running" and row.owner == owner:
                row.resumed_from_step = step
                note(session, job_id, f"goes on from step {step}")
                announce(session, row)

    def finish(
        self, job_id: str, owner: str, state: JobState, *, circuit: str | None = None, error: str | None = None
    ) -> None:
        """End a job that `owner` runs, or let it wait for another worker (`interrupted`)."""
        with self.database.writing() as session:
            row = row_of(session, job_id)
            if row.state != "running" or row.owner != owner:
                return
            note(session, job_id, state if error is None else f"{state}: {error}")
            if state == "interrupted":
                row.state, row.owner, row.error = state, None, error
                announce(session, row)
            else:
                end(session, row, state, circuit=circuit, error=error)

    # -- workers -----------------------------------------------------------------------------

    def seen(self, owner: str, host: str) -> None:
        """A worker says that it lives."""
        with self.database.writing() as session:
            row = session.get(WorkerRow, owner)
            if row is None:
                session.add(WorkerRow(id=owner, host=host, seen_at=now()))
            else:
                row.seen_at = now()

    def gone(self, owner: str) -> None:
        """A worker has ended in good order."""
        with self.database.writing() as session:
            session.execute(delete(WorkerRow).where(WorkerRow.id == owner))

    def release_lost(self, is_alive: Callable[[str], bool | None], most_losses: int) -> list[str]:
        """Jobs whose worker is gone wait for another, and shares of jobs are free again; one that was lost too often
        at the same place fails.

        `is_alive` knows about workers of this machine and says None of others, which count as gone when nothing was
        heard of them for a while. Returns the ids of the jobs.
        """
        running = select(JobRow).where(JobRow.state == "running")
        with self.database.reading() as session:
            heard = set(session.scalars(select(WorkerRow.id).where(WorkerRow.seen_at > now() - LOST_AFTER)))
            owners = {row.owner or "" for row in session.scalars(running)}
            owners |= set(session.scalars(select(JobShareRow.owner).where(JobShareRow.owner.is_not(None))))
        lost = {owner for owner in owners if not (owner in heard if (known := is_alive(owner)) is None else known)}
        if not lost:
            return []
        released = []
        with self.database.writing() as session:
            for row in session.scalars(running).all():
                if (row.owner or "") not in lost:
                    continue
                released.append(row.id)
                row.n_lost += 1
                if row.n_lost > most_losses:
                    error = f"its worker was lost {row.n_lost} times at the same place; too little memory is the "
                    error += "usual cause, and fewer pairs in a step need less"
                    note(session, row.id, f"failed: {error}")
                    end(session, row, "failed", error=error)
                else:
                    row.state, row.owner = "interrupted", None
                    note(session, row.id, "interrupted: its worker is gone")
                    announce(session, row)
            free_lost(session, lost, most_losses)
            session.execute(delete(WorkerRow).where(WorkerRow.id.in_(lost)))
        return released

    def ended_among(self, job_ids: Collection[str]) -> list[str]:
        """Those of the ids that need no checkpoint any more."""
        with self.database.reading() as session:
            rows = session.execute(select(JobRow.id, JobRow.state).where(JobRow.id.in_(job_ids)))
            known = {job_id: state for job_id, state in rows}
        return [job_id for job_id in job_ids if known.get(job_id, "done") in FINAL]
