"""Jobs wait in line, change state as they may, are joined by who asks for the same, and leave a stream behind."""

from datetime import UTC, datetime, timedelta

import pytest

from app.database import Database
from app.errors import Refusal
from app.job_claims import Claims
from app.queue import Queue
from app.schemas import Job, JobProgress, PruneRequest, StepEvent
from app.turns import Waiting, in_turn, starts_in

STEP = StepEvent(step=1, n_steps=2, phase="learning", loss_nats=0.5, n_nodes=9, n_edges=3, elapsed_s=1.5)
PROGRESS = JobProgress(phase="learning", step=1, n_steps=2, elapsed_s=1.5, eta_s=1.5)
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def request(seed: int = 0) -> PruneRequest:
    return PruneRequest.model_validate({"model": "tiny", "task": "for_while", "settings": {"seed": seed}})


pytestmark = pytest.mark.both_engines


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


@pytest.fixture
def claims(database: Database) -> Claims:
    return Claims(database)


def states(queue: Queue, job: Job) -> list[str]:
    events = queue.events(job.id, after=0)
    return [Job.model_validate_json(event.data).state for event in events if event.kind == "state"]


def test_of_one_visitor_first_come_first_served(queue: Queue, claims: Claims) -> None:
    first, second, third = (queue.add(request(n), "ann") for n in range(3))
    assert [job.queue_place for job in (first, second, third)] == [0, 1, 2]
    claim = claims.claim("me")
    assert claim is not None and claim.id == first.id and claim.request == request(0)
    assert [queue.get(job.id).queue_place for job in (first, second, third)] == [None, 0, 1]
    assert [job.id for job in queue.all()] == [third.id, second.id, first.id]


def test_visitors_take_turns(queue: Queue, claims: Claims) -> None:
    many = [queue.add(request(n), "ann") for n in range(3)]
    late = [queue.add(request(10 + n), "bob") for n in range(2)]
    taken = [claims.claim("me") for _ in range(5)]
    line = [many[0], late[0], many[1], late[1], many[2]]
    assert [claim.id for claim in taken if claim] == [job.id for job in line]
    again = queue.add(request(20), "ann")
    newcomer = queue.add(request(21), "cem")
    assert queue.get(newcomer.id).queue_place == 0 and queue.get(again.id).queue_place == 1


def test_turns_worked_by_hand() -> None:
    waiting = [Waiting(id, id[0], MOMENT + timedelta(seconds=n)) for n, id in enumerate(["a1", "a2", "a3", "b1", "c1"])]
    assert in_turn(waiting, {}) == ["a1", "b1", "c1", "a2", "a3"]
    assert in_turn(waiting, {"a": MOMENT, "c": MOMENT - timedelta(1)}) == ["b1", "c1", "a1", "a2", "a3"]
    assert starts_in([10, 10, 10], [0, 4]) == [0, 4, 10]
    assert starts_in([10, None, 10], [3]) == [3, 13, None]
    assert starts_in([10], []) == [None] == starts_in([10], [None]), "no worker, or one whose end is not known"


def test_the_same_request_joins_the_job_until_that_has_ended(queue: Queue, claims: Claims) -> None:
    job, is_new = queue.add_or_join(request(), "ann")
    joined, joined_is_new = queue.add_or_join(request(), "bob")
    assert is_new and not joined_is_new and joined.id == job.id
    assert queue.add_or_join(request(1), "bob")[1], "another seed is another job"
    claims.claim("me")
    assert queue.add_or_join(request(), "bob")[0].state == "running"
    claims.finish(job.id, "me", "done", circuit="0" * 16)
    assert queue.add_or_join(request(), "bob")[1]


def test_two_workers_never_take_the_same_job(queue: Queue, claims: Claims) -> None:
    jobs = {queue.add(request(n)).id for n in range(2)}
    taken = [claims.claim(owner) for owner in ("a", "b", "c")]
    assert {claim.id for claim in taken if claim} == jobs and taken[2] is None


def test_a_cancelled_job_is_never_taken_and_stays_cancelled(queue: Queue, claims: Claims) -> None:
    job = queue.add(request())
    assert queue.cancel(job.id).state == "cancelled"
    assert claims.claim("me") is None
    with pytest.raises(Refusal, match=f"job {job.id} is cancelled already and cannot be cancelled") as refusal:
        queue.cancel(job.id)
    assert refusal.value.status == 409
    assert states(queue, job) == ["queued", "cancelled"]


def test_only_a_running_job_can_stop_and_keep_what_it_has(queue: Queue, claims: Claims) -> None:
    job = queue.add(request())
    with pytest.raises(Refusal, match="is queued; only a running job has something to keep"):
        queue.stop(job.id)
    claims.claim("me")
    assert claims.standing(job.id, "me") == (True, False)
    assert queue.stop(job.id).stop_asked
    assert claims.standing(job.id, "me") == (True, True)
    assert claims.standing(job.id, "another") == (False, False)


def test_what_a_worker_says_of_a_job_it_lost_is_not_written(queue: Queue, claims: Claims) -> None:
    job = queue.add(request())
    claims.claim("me")
    claims.report(job.id, "me", STEP, PROGRESS)
    claims.report(job.id, "another", STEP, PROGRESS)
    queue.cancel(job.id)
    claims.report(job.id, "me", STEP, PROGRESS)
    claims.log(job.id, "me", "still here")
    claims.finish(job.id, "me", "done", circuit="0" * 16)
    found = queue.get(job.id)
    assert found.state == "cancelled" and found.circuit is None and found.progress == PROGRESS
    assert [event.kind for event in queue.events(job.id, after=0) if event.kind != "log"] == [
        "state", "state", "step", "state"
    ]  # fmt: skip
    assert [line.message for line in queue.log(job.id)] == ["asked for", "started", "cancelled"]


def test_events_go_on_after_the_last_one_seen(queue: Queue, claims: Claims) -> None:
    job, other = queue.add(request()), queue.add(request(1))
    claims.claim("me")
    claims.report(job.id, "me", STEP, PROGRESS)
    claims.finish(job.id, "me", "done", circuit="0" * 16)
    events = queue.events(job.id, after=0)
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert queue.events(job.id, after=events[1].id) == events[2:]
    assert [event.is_final for event in events] == [False] * (len(events) - 1) + [True]
    assert states(queue, other) == ["queued"]


def test_jobs_of_lost_workers_go_on_elsewhere_and_fail_when_that_happens_too_often(
    queue: Queue, claims: Claims
) -> None:
    orphan, kept, waiting = (queue.add(request(n)) for n in range(3))
    claims.claim("dead")
    claims.claim("alive")
    assert claims.release_lost(lambda owner: owner == "alive", 2) == [orphan.id]
    assert claims.release_lost(lambda owner: owner == "alive", 2) == []
    assert [queue.get(job.id).state for job in (orphan, kept, waiting)] == ["interrupted", "running", "queued"]
    assert queue.get(orphan.id).queue_place == 0, "it has had its turn, so it goes on first"
    for _ in range(2):
        claims.claim("dead")
        claims.saved(orphan.id, "dead")  # it came further, so this loss is the first
        claims.release_lost(lambda owner: owner == "alive", 2)
    assert queue.get(orphan.id).state == "interrupted"
    for _ in range(2):
        claims.claim("dead")
        claims.release_lost(lambda owner: owner == "alive", 2)
    failed = queue.get(orphan.id)
    assert failed.state == "failed" and "its worker was lost 3 times at the same place" in (failed.error or "")


def test_a_worker_elsewhere_is_lost_once_it_is_silent(queue: Queue, claims: Claims) -> None:
    job = queue.add(request())
    claims.seen("far", "another machine")
    claims.claim("far")
    assert claims.release_lost(lambda owner: None, 3) == []
    claims.gone("far")
    assert claims.release_lost(lambda owner: None, 3) == [job.id]


def test_a_visitor_has_so_many_jobs_at_a_time_and_the_server_too(database: Database, claims: Claims) -> None:
    queue = Queue(database, per_visitor=2, in_all=3)
    first = queue.add_or_join(request(0), "ann")[0]
    queue.add_or_join(request(1), "ann")
    claims.claim("me")
    with pytest.raises(Refusal, match="2 jobs of yours wait or run, and 2 is the most at a time") as refused:
        queue.add_or_join(request(2), "ann")
    assert refused.value.status == 429 and int(refused.value.headers["retry-after"]) > 0
    assert queue.add_or_join(request(1), "ann")[1] is False, "joining is no job more"
    queue.add_or_join(request(3), "bob")
    with pytest.raises(Refusal, match="3 jobs wait or run on this server, and 3 is the most at a time"):
        queue.add_or_join(request(4), "cem")
    queue.add(request(5), "ann")  # what the app itself needs
    claims.finish(first.id, "me", "done", circuit="0" * 16)
    queue.cancel(next(job.id for job in queue.all("ann") if job.state == "queued"))
    queue.cancel(next(job.id for job in queue.all("bob")))
    assert queue.add_or_join(request(6), "ann")[1]


def test_jobs_are_counted_by_state(queue: Queue, claims: Claims) -> None:
    queue.add(request(0), "ann")
    queue.add(request(1), "ann")
    queue.add(request(2), "bob")
    claims.claim("me")
    assert queue.counts() == {"queued": 2, "running": 1}
    assert queue.counts("bob") == {"queued": 1}


def test_the_wait_is_reckoned_from_jobs_before(queue: Queue, claims: Claims) -> None:
    claims.seen("me", "here")
    first = queue.add(request(0))
    claims.claim("me")
    assert queue.add(request(1)).starts_in_s is None, "nothing of its kind has been measured"
    claims.finish(first.id, "me", "done", circuit="0" * 16)
    claims.claim("me")
    running = next(job for job in queue.all() if job.state == "running")
    claims.report(running.id, "me", STEP, PROGRESS)
    assert queue.add(request(2)).starts_in_s == 1.5, "what the running job's steps say is left"
