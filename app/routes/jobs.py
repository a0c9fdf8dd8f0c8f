"""Jobs: ask for a prune, watch it, cancel it."""

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app import urls
from app.deps import TheCatalogue, TheMakers, ThePages, TheQueue, TheVisitor
from app.errors import refusals
from app.queue import FINAL
from app.schemas import Job, PruneRequest, StepEvent

router = APIRouter(tags=["jobs"])

#: How often a stream looks for news. Streams read the store, so any process can serve any job.
POLL_S = 0.15


@router.post(
    urls.JOBS,
    status_code=202,
    summary="Queue a prune",
    responses=refusals(404, 413),
)
def submit(
    request: PruneRequest,
    catalogue: TheCatalogue,
    queue: TheQueue,
    makers: TheMakers,
    maker: TheVisitor,
    response: Response,
) -> Job:
    catalogue.check(request.model, request.task)
    job = queue.add(request)
    makers.note("jobs", job.id, maker)
    response.headers["location"] = job.url
    return job


@router.get(urls.twin(urls.JOBS), summary="Your jobs and those that nobody in particular queued, newest first")
def jobs(queue: TheQueue, makers: TheMakers, reader: TheVisitor) -> list[Job]:
    """Jobs of others stand in no list: they lead to circuits that are not published yet."""
    hidden = makers.hidden_jobs(reader)
    return [job for job in queue.all() if job.id not in hidden]


@router.get(urls.JOBS, include_in_schema=False)
def jobs_page(queue: TheQueue, makers: TheMakers, reader: TheVisitor, pages: ThePages) -> Response:
    return pages("jobs.html", "Jobs", jobs=jobs(queue, makers, reader))


@router.get(urls.twin(urls.JOB), summary="One job", responses=refusals(404))
def job(job_id: str, queue: TheQueue) -> Job:
    return queue.get(job_id)


@router.get(urls.JOB, include_in_schema=False)
def job_page(job_id: str, queue: TheQueue, pages: ThePages) -> Response:
    job = queue.get(job_id)
    return pages("job.html", f"Job {job.id}", job=job)


@router.post(urls.JOB_CANCEL, summary="Cancel a job that waits or runs", responses=refusals(404, 409))
def cancel(job_id: str, queue: TheQueue) -> Job:
    return queue.cancel(job_id)


def existing_job(job_id: str, queue: TheQueue) -> Job:
    return queue.get(job_id)


@router.get(
    urls.JOB_EVENTS,
    response_class=EventSourceResponse,
    summary="A job's events as they happen",
    description="`event: step` carries a StepEvent, `event: state` a Job. All events are sent from the first, or from "
    "the one after `Last-Event-ID`. The stream ends after a final state.",
    responses={200: {"model": StepEvent | Job, "description": "`data` of each event"}, **refusals(404)},
)
async def events(
    job: Annotated[Job, Depends(existing_job)],
    queue: TheQueue,
    last_event_id: Annotated[int, Header(ge=0)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    last, queue_place = last_event_id, job.queue_place
    while True:
        # The job is read before its events: once it is final, they are complete.
        now = await run_sync(queue.get, job.id)
        news = await run_sync(queue.events, job.id, last)
        for event in news:
            last = event.id
            yield ServerSentEvent(event=event.kind, id=str(event.id), raw_data=event.data)
            if event.is_final:
                return
        if now.state in FINAL:  # a client that has seen it all and came back: say again that this is the end
            yield ServerSentEvent(event="state", id=str(last), raw_data=now.model_dump_json())
            return
        if now.state == "queued" and now.queue_place != queue_place:
            queue_place = now.queue_place
            yield ServerSentEvent(event="state", raw_data=now.model_dump_json())
        await anyio.sleep(POLL_S)
