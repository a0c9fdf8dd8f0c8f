"""Rows of jobs as they go onto the wire, their place in line, and what every change of one writes to its stream."""

from datetime import UTC, datetime, timedelta
from statistics import median
from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import urls
from app.errors import Refusal, shortened
from app.schemas import Job, JobLogLine, JobProgress, JobRequest, JobState
from app.tables import JobEventRow, JobRow, JobShareRow, WorkerRow
from app.turns import Waiting, in_turn, starts_in

REQUEST: TypeAdapter[JobRequest] = TypeAdapter(JobRequest)

#: States after which a job does not change. An interrupted one goes on once there is a worker.
FINAL: tuple[JobState, ...] = ("done", "failed", "cancelled")
WAITING: tuple[JobState, ...] = ("interrupted", "queued")
#: A worker that has not been heard of for this long is gone.
LOST_AFTER = timedelta(seconds=30)
#: Ended jobs of a kind that say how long one takes.
N_MEASURED = 20


class Place(NamedTuple):
    """A job's place in line, 0 is next; `starts_in_s` is None where nothing has been measured yet."""

    place: int
    starts_in_s: float | None


def now() -> datetime:
    return datetime.now(UTC)


def row_of(session: Session, job_id: str) -> JobRow:
    """Raises a 404 Refusal."""
    row = session.scalar(select(JobRow).where(JobRow.id == job_id))
    if row is None:
        # No choices: jobs of others lead to circuits that are not published yet.
        raise Refusal(404, f"no job {shortened(job_id)}; yours are listed at {urls.JOBS}")
    return row


def end(session: Session, row: JobRow, state: JobState, *, circuit: str | None = None, error: str | None = None) -> Job:
    row.state, row.circuit, row.error, row.finished_at, row.live_key = state, circuit, error, now(), None
    session.execute(delete(JobShareRow).where(JobShareRow.job == row.id))
    return announce(session, row)


def announce(session: Session, row: JobRow) -> Job:
    """Write the job as it now is to its stream."""
    session.flush()
    job = wire(row, places(session))
    session.add(JobEventRow(job=row.id, kind="state", data=job.model_dump_json()))
    return job


def note(session: Session, job_id: str, message: str) -> None:
    """Write a line to the job's log, which is part of its stream."""
    line = JobLogLine(at=now(), message=message)
    session.add(JobEventRow(job=job_id, kind="log", data=line.model_dump_json()))


def order(session: Session) -> list[str]:
    """Ids of the jobs that wait, in turn. What was interrupted has had its turn and goes on first."""
    query = select(JobRow.id, JobRow.visitor, JobRow.created_at, JobRow.state).where(JobRow.state.in_(WAITING))
    waiting = session.execute(query).all()
    interrupted = sorted((at, id) for id, _, at, state in waiting if state == "interrupted")
    queued = [Waiting(id, visitor, at) for id, visitor, at, state in waiting if state == "queued"]
    return [id for _, id in interrupted] + in_turn(queued, _last_turns(session, {job.visitor for job in queued}))


def _last_turns(session: Session, visitors: set[str]) -> dict[str, datetime]:
    turns = select(JobRow.visitor, func.max(JobRow.started_at)).where(JobRow.visitor.in_(visitors))
    found = session.execute(turns.group_by(JobRow.visitor)).all()
    return {visitor: at if at.tzinfo else at.replace(tzinfo=UTC) for visitor, at in found if at is not None}


def places(session: Session) -> dict[str, Place]:
    """The place of every job that waits."""
    ids = order(session)
    if not ids:
        return {}
    kinds = {id: kind for id, kind in session.execute(select(JobRow.id, JobRow.kind).where(JobRow.id.in_(ids)))}
    typical = {kind: _typical_s(session, kind) for kind in set(kinds.values())}
    starts = starts_in([typical[kinds[id]] for id in ids], _busy_s(session))
    return {id: Place(n, start) for n, (id, start) in enumerate(zip(ids, starts, strict=True))}


def _typical_s(session: Session, kind: str) -> float | None:
    """The median time that the last jobs of a kind took."""
    query = select(JobRow.started_at, JobRow.finished_at).where(JobRow.kind == kind, JobRow.state == "done")
    found = session.execute(query.order_by(JobRow.finished_at.desc()).limit(N_MEASURED)).all()
    took = [(finished - started).total_seconds() for started, finished in found if started and finished]
    return median(took) if took else None


def _busy_s(session: Session) -> list[float | None]:
    """For every worker how long it is still at its job, from the measured steps of that job; None where unknown."""
    running = {
        row.owner: JobProgress.model_validate_json(row.progress).eta_s if row.progress else None
        for row in session.scalars(select(JobRow).where(JobRow.state == "running"))
    }
    helping = session.scalars(select(JobShareRow.owner).where(JobShareRow.owner.is_not(None)))
    running = dict.fromkeys(helping) | running
    alive = session.scalars(select(WorkerRow.id).where(WorkerRow.seen_at > now() - LOST_AFTER)).all()
    return [running.get(worker, 0.0) for worker in alive]


def wire(row: JobRow, at: dict[str, Place]) -> Job:
    place = at.get(row.id)
    return Job.model_validate(
        {
            "id": row.id,
            "url": urls.job(row.id),
            "events_url": urls.job_events(row.id),
            "request": REQUEST.validate_json(row.request),
            "state": row.state,
            "visitor": row.visitor[:8],
            "queue_place": None if place is None else place.place,
            "starts_in_s": None if place is None else place.starts_in_s,
            "created_at": row.created_at,
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "progress": None if row.progress is None else JobProgress.model_validate_json(row.progress),
            "resumed_from_step": row.resumed_from_step,
            "stop_asked": row.stop_asked,
            "circuit": row.circuit,
            "error": row.error,
        }
    )
