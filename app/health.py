"""Whether this server can do its work now: the store answers, its tables are up to date, a worker lives."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.database import Database
from app.schemas.health import Check, Ready
from app.tables import WorkerRow

LATELY = timedelta(seconds=30)


def readiness(database: Database) -> Ready:
    """Every check with a sentence. No check says where anything is."""
    checks = [Check(name="store", ok=True, message="the store answers")]
    try:
        now, newest = database.revisions()
        checks.append(_migrations(now, newest))
        with database.reading() as session:
            n_workers = workers_alive(session)
        said = f"{n_workers} workers were heard of in the last {LATELY.seconds} s"
        checks.append(Check(name="worker", ok=n_workers > 0, message=said))
    except SQLAlchemyError as error:
        message = f"the store does not answer ({type(error).__name__})"
        checks = [Check(name="store", ok=False, message=message)]
    return Ready(ready=all(check.ok for check in checks), checks=checks)


def _migrations(now: str | None, newest: str | None) -> Check:
    if now == newest:
        return Check(name="migrations", ok=True, message=f"the tables are at {newest}, the newest")
    return Check(name="migrations", ok=False, message=f"the tables are at {now}, the newest is {newest}; start again")


def workers_alive(session: Session) -> int:
    """How many workers, on any machine, said lately that they live."""
    heard = select(func.count()).select_from(WorkerRow).where(WorkerRow.seen_at > datetime.now(UTC) - LATELY)
    return session.scalar(heard) or 0
