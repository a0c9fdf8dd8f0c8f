"""A worker: one job after another, cancelled within a second, a failure is a sentence, nothing is lost unsaid."""

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from app.artifacts import Artifacts
from app.checkpoints import Checkpoints
from app.database import Database
from app.job_claims import Claims
from app.jobs import Report, Stopped
from app.pruning import telling
from app.queue import Queue
from app.schemas import Job, PruneRequest, StepEvent
from app.searching import snapshot_of, trials_in
from app.worker import Alive, Work, Worker
from conftest import wait_for
from model.errors import InputError
from model.search import RANGES, Trial
from model.snapshot import Snapshot

CIRCUIT = "0" * 16


def request(seed: int = 0) -> PruneRequest:
    return PruneRequest.model_validate({"model": "tiny", "task": "for_while", "settings": {"seed": seed}})


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    database = Database(f"sqlite:///{tmp_path}/jobs.db")
    database.migrate()
    yield Queue(database)
    database.close()


@contextmanager
def working(queue: Queue, work: Work, folder: Path) -> Iterator[Worker]:
    """A worker in a thread of this process."""
    worker = Worker(Claims(queue.database), work, Checkpoints(Artifacts(folder / "artifacts")), Alive(folder / "alive"))
    with worker:
        thread = threading.Thread(target=worker.run)
        thread.start()
        yield worker
        worker.stop()
        thread.join()


def ended(queue: Queue, job: Job, work: Work, folder: Path) -> Job:
    """The job after a worker has done it."""
    with working(queue, work, folder):
        wait_for(lambda: queue.get(job.id).state not in ("queued", "running"), 60)
    return queue.get(job.id)


def step(number: int, n_steps: int, phase: str = "learning", elapsed_s: float | None = None) -> StepEvent:
    elapsed_s = number * 0.5 if elapsed_s is None else elapsed_s
    return StepEvent(
        step=number, n_steps=n_steps, phase=phase, loss_nats=0.5, n_nodes=9, n_edges=3, elapsed_s=elapsed_s
    )


def until_told(started: threading.Event) -> Work:
    def work(request: PruneRequest, report: Report) -> str:
        started.set()
        while not report.enough():
            report.stop_if_asked()
            time.sleep(0.01)
        return CIRCUIT

    return work


def steps_sent(queue: Queue, job: Job) -> list[StepEvent]:
    return [StepEvent.model_validate_json(e.data) for e in queue.events(job.id, after=0) if e.kind == "step"]


def test_a_job_done(queue: Queue, tmp_path: Path) -> None:
    job = queue.add(request())
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

    done = ended(queue, queue.add(request()), work, tmp_path)
    sent = steps_sent(queue, done)
    assert sent[0].step == 1 and sent[-1].phase == "dropping"
    assert [s.step for s in sent if s.phase == "learning"][-1] == 1000, "the last step of a phase is written"
    assert len(sent) < 1000
    assert [line.message for line in queue.log(done.id)] == [
        "asked for", "started", "learning, after 0.5 s", "dropping, after 500.0 s", "done"
    ]  # fmt: skip


def test_a_run_that_begins_anew_says_so_once(queue: Queue, tmp_path: Path) -> None:
    def work(request: PruneRequest, report: Report) -> str:
        tell = telling(report)
        for number in range(1, 71):
            tell(step(number, 50 if number <= 20 else 70))
        tell(step(70, 70, "bisecting"))
        return CIRCUIT

    done = ended(queue, queue.add(request()), work, tmp_path)
    said = [line.message for line in queue.log(done.id)]
    assert said.count("the start from estimated effects lost the task; begun anew without it at step 21") == 1
    assert sum("anew" in message for message in said) == 1 and "bisecting, after 35.0 s" in said


def test_what_is_left_is_reckoned_from_the_last_steps(queue: Queue, tmp_path: Path) -> None:
    def work(request: PruneRequest, report: Report) -> str:
        if request.settings.seed:
            report.step(step(20, 50))  # the only one: 10 s for 20 steps
            return CIRCUIT
        for number in range(1, 41):  # 1 s each at first, 0.1 s each once most nodes are gone
            report.step(step(number, 50, elapsed_s=min(number, 20) + 0.1 * max(0, number - 20)))
        report.step(step(45, 50, elapsed_s=100.0))
        report.step(step(46, 50, elapsed_s=100.1))
        return CIRCUIT

    alone = ended(queue, queue.add(request(1)), work, tmp_path).progress
    assert alone is not None and alone.elapsed_s == 10 and alone.eta_s == 15
    recent = ended(queue, queue.add(request()), work, tmp_path).progress
    assert recent is not None and recent.step == 46 and recent.eta_s == pytest.approx(0.4)


def test_a_running_job_is_cancelled_within_a_second(queue: Queue, tmp_path: Path) -> None:
    started = threading.Event()
    with working(queue, until_told(started), tmp_path):
        first, second = queue.add(request()), queue.add(request(1))
        assert started.wait(30)
        started.clear()
        queue.cancel(first.id)
        assert queue.get(first.id).state == "cancelled"
        assert started.wait(30), "the next job starts once the cancelled one has let go"
        assert queue.get(second.id).state == "running"


def test_a_job_that_is_asked_to_stop_is_done_with_what_it_has(queue: Queue, tmp_path: Path) -> None:
    started = threading.Event()
    with working(queue, until_told(started), tmp_path):
        job = queue.add(request())
        assert started.wait(30)
        queue.stop(job.id)
        wait_for(lambda: queue.get(job.id).state == "done")
    done = queue.get(job.id)
    assert done.circuit == CIRCUIT and done.stop_asked


def test_a_worker_that_is_stopped_leaves_its_job_to_the_next(queue: Queue, tmp_path: Path) -> None:
    started = threading.Event()
    with working(queue, until_told(started), tmp_path):
        job = queue.add(request())
        assert started.wait(30)
    assert queue.get(job.id).state == "interrupted" and list((tmp_path / "alive").glob("*")) == []
    assert ended(queue, job, lambda request, report: CIRCUIT, tmp_path).state == "done"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (InputError("the task x gives only 3 pairs"), "the task x gives only 3 pairs"),
        (OSError(errno.ENOSPC, "/srv/secret"), "the server's disk is full; nothing more could be written down"),
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

    bad, good = queue.add(request(1)), queue.add(request())
    with caplog.at_level(logging.CRITICAL, logger="app.worker"):
        assert ended(queue, good, work, tmp_path).state == "done"
    failed = queue.get(bad.id)
    assert failed.state == "failed" and failed.error == says


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "memory ran out; fewer pairs in a step need less"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "memory ran out; fewer pairs in a step need less"),
        (torch.AcceleratorError("CUDA error: unspecified launch failure"), "the GPU was lost while the job ran"),
    ],
)
def test_after_some_mishaps_the_process_ends_so_that_a_new_one_goes_on(
    queue: Queue, tmp_path: Path, error: Exception, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    def work(request: PruneRequest, report: Report) -> str:
        raise error

    job, waits = queue.add(request()), queue.add(request(1))
    with caplog.at_level(logging.CRITICAL, logger="app.worker"):
        worker = Worker(Claims(queue.database), work, Checkpoints(Artifacts(tmp_path)), Alive(tmp_path / "alive"))
        with worker:
            assert worker.run() is False
    assert queue.get(job.id).state == "failed" and says in (queue.get(job.id).error or "")
    assert queue.get(waits.id).state == "queued"


def test_a_worker_alive_keeps_its_jobs_when_another_starts(queue: Queue, tmp_path: Path) -> None:
    started = threading.Event()
    with working(queue, until_told(started), tmp_path):
        job = queue.add(request())
        assert started.wait(30)
        with working(queue, lambda request, report: CIRCUIT, tmp_path) as other:
            other.tend()
            assert queue.get(job.id).state == "running"


def test_a_checkpoint_outlives_its_worker_and_goes_with_its_job(queue: Queue, tmp_path: Path) -> None:
    claims, checkpoints = Claims(queue.database), Checkpoints(Artifacts(tmp_path))
    job = queue.add(request())
    claims.claim("dead")
    Report(claims, job.id, "dead", threading.Event(), checkpoints).save(Snapshot(7, {"tau": torch.ones(2)}, {"x": 0.5}))
    worker = Worker(claims, lambda request, report: CIRCUIT, checkpoints, Alive(tmp_path / "alive"))
    worker.tend()
    assert queue.get(job.id).state == "interrupted" and checkpoints.job_ids() == [job.id]
    claims.claim("me")
    held = Report(claims, job.id, "me", threading.Event(), checkpoints).checkpoint()
    assert held is not None and held.step == 7 and held.numbers == {"x": 0.5} and held.tensors["tau"].tolist() == [1, 1]
    assert queue.get(job.id).resumed_from_step == 7
    assert [line.message for line in queue.log(job.id)][-2:] == ["goes on", "goes on from step 7"]
    queue.cancel(job.id)
    worker.tend()
    assert checkpoints.job_ids() == []


def test_stopping_raises_stopped(queue: Queue, tmp_path: Path) -> None:
    job, claims = queue.add(request()), Claims(queue.database)
    claims.claim("me")
    report = Report(claims, job.id, "me", threading.Event(), Checkpoints(Artifacts(tmp_path)))
    report.stop_if_asked()
    queue.cancel(job.id)
    wait: Callable[[], bool] = report.should_stop
    wait_for(wait, 30)
    with pytest.raises(Stopped):
        report.stop_if_asked()


def test_trials_of_a_search_are_kept_as_they_are(tmp_path: Path) -> None:
    trials = [Trial({name: low for name, (low, _, _) in RANGES.items()}, n, 2 * n, 0.25 * n, n > 1) for n in (1, 2, 3)]
    held = snapshot_of(trials, 12.5)
    checkpoints = Checkpoints(Artifacts(tmp_path))
    checkpoints.write("search", held)
    read = checkpoints.read("search")
    assert read is not None and read.step == 3 and trials_in(read) == trials and read.numbers == {"elapsed_s": 12.5}
