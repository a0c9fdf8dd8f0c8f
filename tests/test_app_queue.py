"""Jobs wait in line, change state only forward, and leave a stream of events behind."""

import pytest

from app.database import Database
from app.errors import Refusal
from app.queue import Queue
from app.schemas import Job, JobProgress, PruneRequest, StepEvent

REQUEST = PruneRequest(model="tiny", task="for_while")
STEP = StepEvent(step=1, n_steps=2, phase="learning", loss_nats=0.5, n_nodes=9, n_edges=3, elapsed_s=1.5)
PROGRESS = JobProgress(phase="learning", step=1, n_steps=2, elapsed_s=1.5, eta_s=1.5)


pytestmark = pytest.mark.both_engines


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


def states(queue: Queue, job: Job) -> list[str]:
    events = queue.events(job.id, after=0)
    return [Job.model_validate_json(event.data).state for event in events if event.kind == "state"]


def test_first_come_first_served(queue: Queue) -> None:
    first, second, third = (queue.add(REQUEST) for _ in range(3))
    assert [job.queue_place for job in (first, second, third)] == [0, 1, 2]
    claim = queue.claim("me")
    assert claim is not None and claim.id == first.id and claim.request == REQUEST
    assert [queue.get(job.id).queue_place for job in (first, second, third)] == [None, 0, 1]
    assert [job.id for job in queue.all()] == [third.id, second.id, first.id]


def test_two_workers_never_take_the_same_job(queue: Queue) -> None:
    jobs = {queue.add(REQUEST).id for _ in range(2)}
    taken = [queue.claim(owner) for owner in ("a", "b", "c")]
    assert {claim.id for claim in taken if claim} == jobs and taken[2] is None


def test_a_cancelled_job_is_never_taken_and_stays_cancelled(queue: Queue) -> None:
    job = queue.add(REQUEST)
    assert queue.cancel(job.id).state == "cancelled"
    assert queue.claim("me") is None
    with pytest.raises(Refusal, match=f"job {job.id} is cancelled already and cannot be cancelled") as refusal:
        queue.cancel(job.id)
    assert refusal.value.status == 409
    assert states(queue, job) == ["queued", "cancelled"]


def test_what_a_worker_says_of_a_job_it_lost_is_not_written(queue: Queue) -> None:
    job = queue.add(REQUEST)
    queue.claim("me")
    queue.report(job.id, "me", STEP, PROGRESS)
    queue.report(job.id, "another", STEP, PROGRESS)
    queue.cancel(job.id)
    queue.report(job.id, "me", STEP, PROGRESS)
    queue.finish(job.id, "me", "done", circuit="0" * 16)
    found = queue.get(job.id)
    assert found.state == "cancelled" and found.circuit is None and found.progress == PROGRESS
    assert [event.kind for event in queue.events(job.id, after=0)] == ["state", "state", "step", "state"]


def test_events_go_on_after_the_last_one_seen(queue: Queue) -> None:
    job, other = queue.add(REQUEST), queue.add(REQUEST)
    queue.claim("me")
    queue.report(job.id, "me", STEP, PROGRESS)
    queue.finish(job.id, "me", "done", circuit="0" * 16)
    events = queue.events(job.id, after=0)
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert queue.events(job.id, after=events[1].id) == events[2:]
    assert [event.is_final for event in events] == [False, False, False, True]
    assert states(queue, other) == ["queued"]


def test_jobs_of_dead_workers_are_interrupted_and_those_of_living_ones_are_not(queue: Queue) -> None:
    orphan, kept, waiting = (queue.add(REQUEST) for _ in range(3))
    queue.claim("dead")
    queue.claim("alive")
    assert queue.interrupt_orphans(lambda owner: owner == "alive") == [orphan.id]
    assert queue.interrupt_orphans(lambda owner: owner == "alive") == []
    assert [queue.get(job.id).state for job in (orphan, kept, waiting)] == ["interrupted", "running", "queued"]
    assert queue.get(orphan.id).error == "the server stopped while this job ran; start it again"
