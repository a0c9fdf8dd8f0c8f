"""Jobs: ask for a prune, watch it, stop it with what it has, cancel it."""

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app import urls
from app.deps import TheCatalogue, TheMakers, ThePages, TheQueue, TheReached, TheVisitor
from app.errors import refusals
from app.job_rows import FINAL
from app.routes.submitted import answers, submitted
from app.schemas import Job, JobDetail, JobLogLine, PruneRequest, SearchRequest, StepEvent

router = APIRouter(tags=["jobs"])

#: How often a stream looks for news. Streams read the store, so any process can serve any job.
POLL_S = 0.15
#: Ids of events are what every database holds as a whole number.
LAST_EVENT = 2**31 - 1


@router.post(
    urls.JOBS,
    status_code=202,
    summary="Queue a prune; the same one that waits or runs already is joined",
    responses=answers(404, 413),
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
    return submitted(request, queue, makers, maker, response)


@router.post(
    urls.JOB_SEARCHES,
    status_code=202,
    summary="Queue a search for the settings of pruning; the same one that waits or runs already is joined",
    responses=answers(404, 413),
)
def submit_search(
    request: SearchRequest,
    catalogue: TheCatalogue,
    queue: TheQueue,
    makers: TheMakers,
    maker: TheVisitor,
    response: Response,
) -> Job:
    catalogue.check(request.model, request.task)
    return submitted(request, queue, makers, maker, response)


@router.get(
    urls.twin(urls.JOBS),
    summary="Your jobs and those that nobody in particular queued, newest first; with `mine` only yours",
)
def jobs(queue: TheQueue, makers: TheMakers, reader: TheVisitor, mine: bool = False) -> list[Job]:
    """Jobs of others stand in no list: they lead to circuits that are not published yet."""
    hidden = makers.hidden_jobs(reader)
    return [job for job in queue.all(reader if mine else None) if job.id not in hidden]


@router.get(urls.JOBS, include_in_schema=False)
def jobs_page(queue: TheQueue, makers: TheMakers, reader: TheVisitor, pages: ThePages, mine: bool = False) -> Response:
    return pages(
        "jobs.html", "Jobs", jobs=jobs(queue, makers, reader, mine), line=queue.line(),
        hidden=makers.hidden_jobs(reader), me=reader[:8], mine=mine,
    )  # fmt: skip


@router.get(
    urls.twin(urls.JOB),
    summary="One job; of a prune also what sizes it has reached after how many seconds",
    responses=refusals(404),
)
def job(job_id: str, reached: TheReached) -> JobDetail:
    return reached.detail(job_id)


@router.get(urls.JOB, include_in_schema=False)
def job_page(job_id: str, queue: TheQueue, reached: TheReached, visitor: TheVisitor, pages: ThePages) -> Response:
    job = reached.detail(job_id)
    return pages("job.html", f"Job {job.id}", job=job, log=queue.log(job_id), me=visitor[:8])


@router.get(urls.twin(urls.JOB_LOG), summary="The log of a job, oldest line first", responses=refusals(404))
def job_log(job_id: str, queue: TheQueue) -> list[JobLogLine]:
    return queue.log(job_id)


@router.post(urls.JOB_CANCEL, summary="Cancel a job that waits or runs", responses=refusals(404, 409))
def cancel(job_id: str, queue: TheQueue) -> Job:
    return queue.cancel(job_id)


@router.post(
    urls.JOB_STOP,
    summary="Ask a running job to end now and to keep what it has: of a prune the best circuit so far",
    responses=refusals(404, 409),
)
def stop(job_id: str, queue: TheQueue) -> Job:
    return queue.stop(job_id)


def existing_job(job_id: str, queue: TheQueue) -> Job:
    return queue.get(job_id)


@router.get(
    urls.JOB_EVENTS,
    response_class=EventSourceResponse,
    summary="A job's events as they happen",
    description="`event: step` carries a StepEvent, `event: state` a Job, `event: log` a JobLogLine. All "
    "events are sent from the first, or from the one after `Last-Event-ID`. The stream ends after a final state.",
    responses={200: {"model": StepEvent | Job | JobLogLine, "description": "`data` of each event"}, **refusals(404)},
)
async def events(
    job: Annotated[Job, Depends(existing_job)],
    queue: TheQueue,
    last_event_id: Annotated[int, Header(ge=0, le=LAST_EVENT)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    last, queue_place = last_event_id, job.queue_place
    while True:
        found = await run_sync(queue.news, job.id, last)
        if found is None:
            return  # whoever reads it comes back, and goes on after the last event
        now, news = found
        for event in news:
            last = event.id
            yield ServerSentEvent(event=event.kind, id=str(event.id), raw_data=event.data)
            if event.is_final:
                return
        if now.state in FINAL:  # a client that has seen it all and came back: say again that this is the end
            yield ServerSentEvent(event="state", id=str(last), raw_data=now.model_dump_json())
            return
        if now.queue_place is not None and now.queue_place != queue_place:
            queue_place = now.queue_place
            yield ServerSentEvent(event="state", raw_data=now.model_dump_json())
        await anyio.sleep(POLL_S)
