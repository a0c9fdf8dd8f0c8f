"""Jobs last: whatever is killed, at whatever moment, nothing finished is lost and what was interrupted goes on."""

import os
import resource
import signal
import time
from pathlib import Path

import httpx

from app.schemas import Job, JobDetail
from conftest import TINY, Server, serving, tiny_settings, wait_for
from lasting import LONG_S, opened, post_task, request
from worker_process import Workers, is_alive


def job_of(server: Server, job: Job) -> JobDetail:
    return JobDetail.model_validate(httpx.get(f"{server.url}{job.url}.json", timeout=30).json())


def goes_on(server: Server, job: Job) -> int:
    """How often another worker took the job up."""
    log = httpx.get(f"{server.url}{job.url}/log.json", timeout=30).json()
    return sum(line["message"] == "goes on" for line in log)


def step_of(server: Server, job: Job) -> int:
    progress = job_of(server, job).progress
    return 0 if progress is None else progress.step


def parents() -> dict[int, int]:
    """The parent of every process that lives."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z":
            found[int(path.parent.name)] = int(fields[1])
    return found


def workers_of(server: Server) -> list[int]:
    """The processes that the server started and that live."""
    return [pid for pid, parent in parents().items() if parent == server.process.pid]


def test_a_killed_worker_and_a_killed_server_leave_their_job_to_the_next(tiny_bundle: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with serving(tiny_bundle, data_dir, **TINY) as server:
        task = post_task(server.url)
        body = request(1, task, n_steps=5000).model_dump(mode="json")
        job = Job.model_validate(httpx.post(f"{server.url}/jobs", json=body, timeout=30).json())
        wait_for(lambda: step_of(server, job) > 30, LONG_S)
        [worker] = workers_of(server)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: job_of(server, job).resumed_from_step is not None, LONG_S)
        assert httpx.get(f"{server.url}/healthz", timeout=60).status_code == 200
        [worker] = workers_of(server)
        was = step_of(server, job)
        server.kill()
        wait_for(lambda: worker not in parents(), LONG_S)  # it ends with its server
    with serving(tiny_bundle, data_dir, **TINY) as server:
        wait_for(lambda: goes_on(server, job) == 2, LONG_S)
        wait_for(lambda: step_of(server, job) > was, LONG_S)
        assert (job_of(server, job).resumed_from_step or 0) >= was - 50
        httpx.post(f"{server.url}{job.url}/stop", timeout=30).raise_for_status()
        wait_for(lambda: job_of(server, job).state == "done", LONG_S)
        circuit = job_of(server, job).circuit
        assert httpx.get(f"{server.url}/circuits/{circuit}.json", timeout=60).status_code == 200


def test_a_full_disk_fails_the_job_with_a_sentence(tiny_bundle: Path, tmp_path: Path) -> None:
    """A worker that may write no further: its checkpoint, then the end of its job, until there is room again."""
    settings = tiny_settings(tiny_bundle, tmp_path / "data")
    with opened(settings) as (queue, _), Workers(settings) as workers:
        job = queue.add(request(1, n_steps=5000))
        worker = workers.start()
        wait_for(lambda: queue.get(job.id).state == "running", LONG_S)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        time.sleep(1)
        assert queue.get(job.id).state == "running" and is_alive(worker)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_for(lambda: queue.get(job.id).state == "failed", LONG_S)
        assert queue.get(job.id).error == "the server's disk is full; nothing more could be written down"
        after = queue.add(request(2, n_steps=5))
        wait_for(lambda: queue.get(after.id).state == "done", LONG_S)  # the same worker goes on
        workers.kill(worker)


def test_too_little_memory_fails_the_job_with_a_sentence(tiny_bundle: Path, tmp_path: Path) -> None:
    settings = tiny_settings(tiny_bundle, tmp_path / "data")
    with opened(settings) as (queue, _), Workers(settings) as workers:
        worker = workers.start()
        first = queue.add(request(1, n_steps=5))
        wait_for(lambda: queue.get(first.id).state == "done", LONG_S)
        used = int(Path(f"/proc/{worker}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(worker, resource.RLIMIT_AS, (used + 2**20, resource.RLIM_INFINITY))
        job = queue.add(request(2, pairs_per_step=128))
        wait_for(lambda: queue.get(job.id).state == "failed", LONG_S)
        assert queue.get(job.id).error == "memory ran out; fewer pairs in a step need less"
        wait_for(lambda: not is_alive(worker), LONG_S)  # it gives its place to a fresh process
