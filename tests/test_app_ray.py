"""Jobs on a real Ray cluster on this machine: two workers, one of which is killed while it runs a job."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tiny
from app.artifacts import Artifacts
from app.schemas import SearchRequest, SweepJob
from app.settings import ROOT, Settings
from app.store import Store
from app.supervisor import environment_of
from conftest import tiny_settings, wait_for
from lasting import LONG_S, opened, request


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
        long = queue.add(request(1, n_steps=5000))
        wait_for(lambda: (queue.get(long.id).progress or Zero).step > 60, LONG_S)
        assert process.poll() is None
        first = desks_of(settings)
        short = queue.add(request(2, n_steps=20))
        wait_for(lambda: queue.get(short.id).state == "done", LONG_S)  # on the other worker, beside the long one
        assert queue.get(long.id).state == "running"
        busy = max(desks_of(settings), key=cpu_s)
        os.kill(busy, signal.SIGKILL)
        wait_for(lambda: queue.get(long.id).resumed_from_step is not None, LONG_S)
        wait_for(lambda: len(desks_of(settings)) == 2 and desks_of(settings) != first, LONG_S)
        found = queue.add(search())
        swept = queue.add(sweep_of(store, tiny_bundle))
        wait_for(lambda: all(queue.get(job.id).state == "done" for job in (found, swept)), LONG_S)
        assert store.circuit(queue.get(found.id).circuit or "").provenance.search is not None
        assert len(Artifacts(settings.artifacts_address).names("sweeps")) == 1
        queue.stop(long.id)
        wait_for(lambda: queue.get(long.id).state == "done", LONG_S)
        circuit = queue.get(long.id).circuit
        assert circuit is not None and store.has_circuit(circuit)
        again = queue.add(request(3, n_steps=5000))
        wait_for(lambda: queue.get(again.id).state == "running", LONG_S)
        queue.cancel(again.id)
        last = queue.add(request(4, n_steps=5))
        wait_for(lambda: queue.get(last.id).state == "done", LONG_S)


def search() -> SearchRequest:
    body = request(5, n_steps=5).model_dump(exclude={"kind"})
    return SearchRequest.model_validate(body | {"n_trials": 2})


def sweep_of(store: Store, bundle: Path) -> SweepJob:
    store.import_bundle(bundle / "circuits")
    return SweepJob(circuit=store.bundled_circuits(tiny.TASK)[0].id, mode="zero", n_pairs=4)


class Zero:
    step = 0


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return float(fields[11]) + float(fields[12])
