"""Jobs on a real Ray cluster on this machine: two workers, one killed while it runs a job, one while it helps."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

import tiny
from app.artifacts import Artifacts
from app.health import workers_alive
from app.library import Library
from app.pruning import search_to_record
from app.queue import Queue
from app.schemas import SearchRequest, SearchTrial, SweepJob
from app.settings import ROOT, Settings
from app.store import Store
from app.supervisor import environment_of
from app.tables import JobRow, JobShareRow
from conftest import tiny_settings, wait_for
from lasting import LONG_S, MINE, opened, request
from model.search import ROUND

#: So slow to cut anything that it runs for minutes.
SLOW = {"n_steps": 5000, "lr": 0.001, "pairs_per_step": 32}


@contextmanager
def ray_engine(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """`sparsescope work` with the engine that the settings name; what Ray writes goes with it."""
    folder = tempfile.mkdtemp(prefix="sr-")
    environment = environment_of(settings) | {"RAY_TMPDIR": folder, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "app.cli", "work", "--while-stdin"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE)
    try:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(LONG_S)
    finally:
        process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def desks_of(settings: Settings) -> list[int]:
    """The actors' processes, known by their name and by the data directory in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_desk = (path / "cmdline").read_bytes().startswith(b"ray::Desk")
            ours = str(settings.data_dir).encode() in (path / "environ").read_bytes()
        except OSError:
            continue
        if is_desk and ours:
            found.append(int(path.name))
    return found


def test_a_job_goes_on_when_its_worker_on_the_cluster_is_killed(tiny_bundle: Path, tmp_path: Path) -> None:
    settings = tiny_settings(tiny_bundle, tmp_path / "data")
    settings = settings.model_copy(update={"engine": "ray", "ray_slots": 2, "worker_niceness": 0})
    with opened(settings) as (queue, store), ray_engine(settings) as process:
        wait_for(lambda: n_workers(queue) == 2, LONG_S)
        long = queue.add(request(1, **SLOW))
        wait_for(lambda: (queue.get(long.id).progress or Zero).step > 60, LONG_S)
        assert process.poll() is None
        first = desks_of(settings)
        short = queue.add(request(2, n_steps=20))
        wait_for(lambda: queue.get(short.id).state == "done", LONG_S)  # on the other worker, beside the long one
        assert queue.get(long.id).state == "running"
        busy = max(desks_of(settings), key=cpu_s)
        os.kill(busy, signal.SIGKILL)
        wait_for(lambda: queue.get(long.id).resumed_from_step is not None, LONG_S)
        queue.stop(long.id)
        wait_for(lambda: queue.get(long.id).state == "done", LONG_S)
        wait_for(lambda: len(desks_of(settings)) == 2 and desks_of(settings) != first, LONG_S)
        circuit = queue.get(long.id).circuit
        assert circuit is not None and store.has_circuit(circuit)
        found = queue.add(search())
        # One leads, the other runs trials for it: some of the first round, and one of the second when it is killed.
        wait_for(lambda: any("another worker ran it" in line.message for line in queue.log(found.id)), LONG_S)
        wait_for(lambda: helper_of(queue, found.id) is not None, LONG_S)
        os.kill(process_of(settings, helper_of(queue, found.id) or ""), signal.SIGKILL)
        swept = queue.add(sweep_of(store, tiny_bundle))
        wait_for(lambda: all(queue.get(job.id).state == "done" for job in (found, swept)), LONG_S)
        assert len(Artifacts(settings.artifacts_address).names("sweeps")) == 1
        assert queue.get(found.id).resumed_from_step is None, "only the trial in hand was lost"
        tried = store.circuit(queue.get(found.id).circuit or "").provenance.search
        assert tried is not None and tried.trials == trials_here(settings), "the same as on one worker"
        again = queue.add(request(3, **SLOW))
        wait_for(lambda: queue.get(again.id).state == "running", LONG_S)
        queue.cancel(again.id)
        last = queue.add(request(4, n_steps=5))
        wait_for(lambda: queue.get(last.id).state == "done", LONG_S)


def n_workers(queue: Queue) -> int:
    with queue.database.reading() as session:
        return workers_alive(session)


N_TRIALS = 2 * ROUND


def search() -> SearchRequest:
    body = request(5, n_steps=60).model_dump(exclude={"kind"})
    return SearchRequest.model_validate(body | {"n_trials": N_TRIALS})


def trials_here(settings: Settings) -> list[SearchTrial]:
    """What the same search tries in this process, one trial after another."""
    subject = Library(settings.model_dirs, "cpu").subject(tiny.MODEL)
    circuit = search_to_record(subject, MINE, search().settings, n_trials=N_TRIALS, n_pairs=tiny.N_PAIRS)
    assert circuit.provenance.search is not None
    return circuit.provenance.search.trials


def helper_of(queue: Queue, job_id: str) -> str | None:
    """A worker that has a share of a job in hand and is not the one that runs it."""
    lead = select(JobRow.owner).where(JobRow.id == job_id).scalar_subquery()
    query = select(JobShareRow.owner).where(JobShareRow.job == job_id, JobShareRow.owner != lead)
    with queue.database.reading() as session:
        return session.scalar(query)


def process_of(settings: Settings, owner: str) -> int:
    """The actor that holds a worker's lock."""
    held = {pid: [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()] for pid in desks_of(settings)}
    return next(pid for pid, files in held.items() if any(file.endswith(f"{owner}.lock") for file in files))


def sweep_of(store: Store, bundle: Path) -> SweepJob:
    store.import_bundle(bundle / "circuits")
    return SweepJob(circuit=store.bundled_circuits(tiny.TASK)[0].id, mode="zero", n_pairs=4)


class Zero:
    step = 0


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return float(fields[11]) + float(fields[12])
