"""The worker: one job after another, cancelled within a second, a failure is a sentence, nothing is lost unsaid."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.database import Database
from app.jobs import Report, Stopped, Work, Worker
from app.queue import Queue
from app.schemas import Job, PruneRequest, StepEvent
from conftest import wait_for
from model.errors import InputError

REQUEST = PruneRequest(model="tiny", task="for_while")
CIRCUIT = "0" * 16


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    database = Database(f"sqlite:///{tmp_path}/jobs.db")
    database.migrate()
    yield Queue(database)
    database.close()


def ended(queue: Queue, job: Job, work: Work, folder: Path) -> Job:
    """The job after a worker has done it."""
    with Worker(queue, work, folder):
        wait_for(lambda: queue.get(job.id).state not in ("queued", "running"))
    return queue.get(job.id)


def step(number: int, n_steps: int, phase: str = "learning") -> StepEvent:
    return StepEvent(
        step=number, n_steps=n_steps, phase=phase, loss_nats=0.5, n_nodes=9, n_edges=3, elapsed_s=number * 0.5
    )


def until_told(started: threading.Event) -> Work:
    def work(request: PruneRequest, report: Report) -> str:
        started.set()
        while True:
            report.stop_if_asked()
            time.sleep(0.01)

    return work


def steps_sent(queue: Queue, job: Job) -> list[StepEvent]:
    return [StepEvent.model_validate_json(e.data) for e in queue.events(job.id, after=0) if e.kind == "step"]


def test_a_job_done(queue: Queue, tmp_path: Path) -> None:
    job = queue.add(REQUEST)
    done = ended(queue, job, lambda request, report: CIRCUIT, tmp_path)
    assert done.state == "done" and done.circuit == CIRCUIT and done.error is None
    assert done.started_at and done.finished_at and job.created_at <= done.started_at <= done.finished_at


def test_ten_steps_a_second_are_written_and_always_the_last(queue: Queue, tmp_path: Path) -> None:
    def work(request: PruneRequest, report: Report) -> str:
        for number in range(1, 1001):
            report.step(step(number, 1000))
        for _ in range(100):
            report.step(step(1000, 1000, "dropping"))
        return CIRCUIT

    done = ended(queue, queue.add(REQUEST), work, tmp_path)
    sent = steps_sent(queue, done)
    assert sent[0].step == 1 and sent[-1].phase == "dropping"
    assert [s.step for s in sent if s.phase == "learning"][-1] == 1000, "the last step of a phase is written"
    assert len(sent) < 50


def test_what_is_left_is_reckoned_from_what_is_done(queue: Queue, tmp_path: Path) -> None:
    def work(request: PruneRequest, report: Report) -> str:
        report.step(step(20, 50))
        return CIRCUIT

    progress = ended(queue, queue.add(REQUEST), work, tmp_path).progress
    assert progress is not None and progress.elapsed_s == 10 and progress.eta_s == 15


def test_a_running_job_is_cancelled_within_a_second(queue: Queue, tmp_path: Path) -> None:
    started = threading.Event()
    with Worker(queue, until_told(started), tmp_path):
        first, second = queue.add(REQUEST), queue.add(REQUEST)
        assert started.wait(5)
        started.clear()
        queue.cancel(first.id)
        assert queue.get(first.id).state == "cancelled"
        assert started.wait(1), "the next job starts once the cancelled one has let go"
        assert queue.get(second.id).state == "running"


def test_a_server_that_stops_says_so_on_its_job(queue: Queue, tmp_path: Path) -> None:
    started = threading.Event()
    with Worker(queue, until_told(started), tmp_path):
        job = queue.add(REQUEST)
        assert started.wait(5)
    found = queue.get(job.id)
    assert found.state == "interrupted" and found.error == "the server was stopped; start it again"
    assert list(tmp_path.glob("*.lock")) == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (InputError("the task x gives only 3 pairs"), "the task x gives only 3 pairs"),
        (MemoryError(), "the device ran out of memory; fewer pairs in a step need less"),
        (RuntimeError("in /srv/secret"), "something went wrong in the app (RuntimeError); the server's log says what"),
    ],
)
def test_a_failure_is_one_sentence_and_the_worker_goes_on(
    queue: Queue, tmp_path: Path, error: Exception, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    def work(request: PruneRequest, report: Report) -> str:
        if request.settings.seed:
            raise error
        return CIRCUIT

    bad = queue.add(REQUEST.model_copy(update={"settings": REQUEST.settings.model_copy(update={"seed": 1})}))
    good = queue.add(REQUEST)
    with caplog.at_level(logging.CRITICAL, logger="app.jobs"):
        assert ended(queue, good, work, tmp_path).state == "done"
    failed = queue.get(bad.id)
    assert failed.state == "failed" and failed.error == says


def test_a_worker_alive_keeps_its_jobs_when_another_starts(queue: Queue, tmp_path: Path) -> None:
    started = threading.Event()
    with Worker(queue, until_told(started), tmp_path):
        job = queue.add(REQUEST)
        assert started.wait(5)
        with Worker(queue, lambda request, report: CIRCUIT, tmp_path):
            assert queue.get(job.id).state == "running"


def test_a_job_whose_worker_left_no_lock_is_interrupted_at_start(queue: Queue, tmp_path: Path) -> None:
    job = queue.add(REQUEST)
    queue.claim("a worker that is gone")
    with Worker(queue, lambda request, report: CIRCUIT, tmp_path, works=False):
        assert queue.get(job.id).state == "interrupted"


def test_stopping_raises_stopped(queue: Queue) -> None:
    job = queue.add(REQUEST)
    queue.claim("me")
    report = Report(queue, job.id, "me", threading.Event())
    report.stop_if_asked()
    queue.cancel(job.id)
    wait: Callable[[], bool] = report.should_stop
    wait_for(wait, 1)
    with pytest.raises(Stopped):
        report.stop_if_asked()
