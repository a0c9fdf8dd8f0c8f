"""How every route that queues a job answers: 202 where it is new, 200 where it was joined, and where to look for it."""

from typing import Any

from fastapi.responses import Response

from app.errors import refusals
from app.makers import Makers
from app.queue import Queue
from app.schemas import Job, JobRequest


def answers(*refused: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of such a route: what it may say beside 202."""
    return {200: {"model": Job, "description": "joined: it waits or runs already"}, **refusals(*refused, 429)}


def submitted(request: JobRequest, queue: Queue, makers: Makers, maker: str, response: Response) -> Job:
    """Queue a job, or join the same one; it is its maker's to show."""
    job, is_new = queue.add_or_join(request, maker)
    makers.note("jobs", job.id, maker, is_new=is_new)
    response.headers["location"] = job.url
    response.status_code = 202 if is_new else 200
    return job
