"""Shares of a job: whoever is idle takes one, the figures are the same, and a lost worker costs the one it had."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

import tiny
from app.artifacts import Artifacts
from app.checkpoints import Checkpoints
from app.database import Database
from app.job_claims import Claims
from app.job_shares import Share, Shares
from app.jobs import Report, ShareReport, Stopped
from app.queue import Queue
from app.schemas import PruneRequest, SearchRequest, SweepJob
from app.schemas.lab import Sweep
from app.settings import Settings
from app.store import Store
from app.tasks import Tasks
from app.worker import Alive, Worker
from app.workplace import work_of
from conftest import wait_for
from lasting import MINE, PRUNE

N_TRIALS = 5


@pytest.fixture
def queue(settings: Settings, database: Database) -> Queue:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    Tasks(database).keep(MINE, tiny.MODEL)
    return Queue(database)


@contextmanager
def workers(settings: Settings, n: int) -> Iterator[list[int]]:
    """In threads of this process, each with a database and models of its own; yields the numbers of the shares that
    were taken of others' jobs."""
    helped: list[int] = []

    def run(worker: Worker) -> None:
        worker.run()

    with ExitStack() as stack:
        running: list[tuple[Worker, threading.Thread]] = []
        for _ in range(n):
            database = Database(settings.database)
            stack.callback(database.close)
            work = work_of(settings, database)

            def help(share: Share, report: ShareReport, work=work) -> str:  # type: ignore[no-untyped-def]
                helped.append(share.number)
                return str(work.help(share, report))

            checkpoints = Checkpoints(Artifacts(settings.artifacts_address))
            worker = Worker(Claims(database), work, checkpoints, Alive(settings.data_dir / "workers"), help=help)
            stack.enter_context(worker)
            running.append((worker, threading.Thread(target=run, args=(worker,))))
        for _, thread in running:
            thread.start()
        try:
            yield helped
        finally:
            for worker, thread in running:
                worker.stop()
                thread.join()


def search(seed: int) -> SearchRequest:
    body = {"model": tiny.MODEL, "task": MINE.name, "settings": PRUNE | {"seed": seed, "n_steps": 12}}
    return SearchRequest.model_validate(body | {"n_trials": N_TRIALS})


def test_a_search_by_several_workers_finds_what_one_finds(settings: Settings, queue: Queue) -> None:
    found = []
    for n in (1, 3):
        with workers(settings, n) as helped:
            job = queue.add(search(1))
            wait_for(lambda id=job.id: queue.get(id).finished_at is not None, 120)  # type: ignore[misc]
        job = queue.get(job.id)
        assert job.state == "done", job.error
        circuit = Store(queue.database).circuit(job.circuit or "")
        assert circuit.provenance.search is not None
        found.append((circuit.id, circuit.provenance.search.trials))
        assert bool(helped) == (n > 1) and len(helped) == len(set(helped)), "each trial is run once"
        ran_elsewhere = [line.message for line in queue.log(job.id) if "another worker ran it" in line.message]
        assert len(ran_elsewhere) == len(helped)
        assert Shares(queue.database).done(job.id) == {}, "what a job has ended with needs no shares"
    assert found[0] == found[1] and len(found[0][1]) == N_TRIALS


def test_a_sweep_by_several_workers_has_the_same_figures(
    settings: Settings, queue: Queue, circuit_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sweeps.CHUNK", 8)
    store = Store(queue.database)
    store.import_bundle(settings.bundle_dir / "circuits")
    artifacts, found = Artifacts(settings.artifacts_address), []
    for n in (1, 3):
        with workers(settings, n) as helped:
            job = queue.add(SweepJob(circuit=circuit_id, mode="zero", n_pairs=4))
            wait_for(lambda id=job.id: queue.get(id).finished_at is not None, 120)  # type: ignore[misc]
        assert queue.get(job.id).state == "done" and bool(helped) == (n > 1)
        (name,) = artifacts.names("sweeps")
        found.append(Sweep.model_validate_json(artifacts.read(name) or b""))
        artifacts.delete(name)
    assert found[0].nodes == found[1].nodes and found[0].edges == found[1].edges and found[0].edges


@pytest.mark.both_engines
def test_a_share_is_taken_once_and_a_lost_worker_frees_it(queue: Queue, database: Database) -> None:
    claims, shares = Claims(database), Shares(database)
    job = queue.add(PruneRequest(model="tiny", task=tiny.TASK))
    assert shares.take("idle") is None
    assert claims.claim("lead") is not None
    shares.offer(job.id, {0: "a", 1: "b", 2: "c"}, "lead")
    shares.offer(job.id, {1: "again"}, "lead")
    mine, theirs, last = shares.take("lead", job.id), shares.take("helper"), shares.take("third")
    assert [(s.number, s.asked) for s in (mine, theirs, last) if s] == [(0, "a"), (1, "b"), (2, "c")]
    assert shares.take("fourth") is None and theirs is not None and last is not None
    shares.finish(last, "somebody", result="7")
    assert shares.done(job.id) == {}, "it is not theirs to say"
    shares.finish(last, "third", result="7")
    for n in range(1, 4):
        assert claims.release_lost(lambda owner: owner != "helper", 2) == [], "the job itself runs on"
        free = shares.take("helper")
        assert (free is None) == (n == 3), "lost too often"
    came = shares.done(job.id)
    assert came[2].result == "7" and "lost its worker 3 times" in (came[1].error or "")
    queue.cancel(job.id)
    assert shares.done(job.id) == {} and not shares.is_wanted(theirs, "helper")


def test_a_job_whose_share_fails_fails_with_its_sentence_and_one_that_is_cancelled_stops_all(
    queue: Queue, database: Database, settings: Settings
) -> None:
    claims, shares = Claims(database), Shares(database)
    job = queue.add(PruneRequest(model="tiny", task=tiny.TASK))
    assert claims.claim("lead") is not None
    report = Report(claims, job.id, "lead", threading.Event(), Checkpoints(Artifacts(settings.artifacts_address)))
    came = report.shared({0: "", 1: "", 2: ""}, lambda number: json.dumps(number))
    assert next(came) == (0, "0")
    helped = shares.take("helper")
    assert helped is not None and helped.number == 1
    wanted = ShareReport(shares, helped, "helper", threading.Event())
    assert not wanted.should_stop()
    shares.finish(helped, "helper", error="there is no such prompt")
    with pytest.raises(Exception, match="there is no such prompt"):
        next(came)
    waits = report.shared({2: "", 3: "", 4: ""}, lambda number: "")
    assert next(waits) == (2, "") and next(waits) == (3, "")
    other = shares.take("helper")
    assert other is not None and other.number == 4
    wanted = ShareReport(shares, other, "helper", threading.Event())
    queue.cancel(job.id)
    wait_for(wanted.should_stop, 2)
    with pytest.raises(Stopped):
        list(waits)
