"""Jobs last: whatever is killed, at whatever moment, nothing finished is lost and what was interrupted goes on."""

import os
import random
import resource
import signal
import time
from pathlib import Path

import httpx

from app.queue import Queue
from app.schemas import Job
from conftest import TINY, Server, serving, tiny_settings, wait_for
from lasting import LONG_S, opened, post_task, request
from worker_process import Workers, is_alive


def test_eighteen_kills_at_random_moments_lose_nothing(tiny_bundle: Path, tmp_path: Path) -> None:
    """The circuits are those of a worker that nobody disturbed; a job that is done stays done."""
    seeds = (1, 2, 3)
    moments = random.Random(7)
    calm, rough = (tiny_settings(tiny_bundle, tmp_path / name) for name in ("calm", "rough"))
    rough = rough.model_copy(update={"most_losses": 100})
    with opened(calm) as (queue, _), Workers(calm) as workers:
        jobs = [queue.add(request(seed)) for seed in seeds]
        worker = workers.start()
        wait_for(lambda: all(queue.get(job.id).state == "done" for job in jobs), LONG_S)
        workers.kill(worker)
        wanted = [queue.get(job.id).circuit for job in jobs]
    with opened(rough) as (queue, store), Workers(rough) as workers:
        jobs = [queue.add(request(seed)) for seed in seeds]
        done: dict[str, str | None] = {}
        worker = workers.start()
        for n in range(18):
            if jobs_done(queue, jobs):
                jobs.append(queue.add(request(seeds[len(jobs) % 3])))  # the same again
            before = {job.id: queue.get(job.id) for job in jobs}
            wait_for(
                lambda: any(queue.get(job.id).state == "running" for job in jobs) or jobs_done(queue, jobs), LONG_S
            )
            if n % 3 == 0:  # now and then it comes further first
                wait_for(lambda was=before: any(further(was[job.id], queue.get(job.id)) for job in jobs), LONG_S)
            time.sleep(moments.uniform(0, 0.1))
            workers.kill(worker)
            for job in jobs:
                now = queue.get(job.id)
                assert now.state != "failed" and done.get(job.id, now.circuit) == now.circuit
                if now.state == "done":
                    assert now.circuit is not None and store.has_circuit(now.circuit)
                    done[job.id] = now.circuit
            worker = workers.start()
        wait_for(lambda: jobs_done(queue, jobs), LONG_S)
        found = [queue.get(job.id) for job in jobs]
        assert [job.circuit for job in found] == [wanted[n % 3] for n in range(len(found))]
        assert sum("interrupted" in line.message for job in jobs for line in queue.log(job.id)) >= 2
        assert any(job.resumed_from_step for job in found), "something was resumed from a checkpoint"
        checkpoints = rough.data_dir / "artifacts" / "checkpoints"
        wait_for(lambda: list(checkpoints.glob("*")) == [], LONG_S)
        workers.kill(worker)


def jobs_done(queue: Queue, jobs: list[Job]) -> bool:
    return all(queue.get(job.id).state == "done" for job in jobs)


def further(before: Job, now: Job) -> bool:
    """Whether a job has ended meanwhile or come 30 steps further, past a checkpoint."""
    steps = [0 if job.progress is None else job.progress.step for job in (before, now)]
    return now.state == "done" != before.state or steps[1] >= min(steps[0] + 30, 150)


def job_of(server: Server, job: Job) -> Job:
    return Job.model_validate(httpx.get(f"{server.url}{job.url}.json", timeout=30).json())


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
        body = request(1, task, n_steps=1000).model_dump(mode="json")
        job = Job.model_validate(httpx.post(f"{server.url}/jobs", json=body, timeout=30).json())
        wait_for(lambda: step_of(server, job) > 30, LONG_S)
        [worker] = workers_of(server)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: job_of(server, job).resumed_from_step is not None, LONG_S)
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        [worker] = workers_of(server)
        was = step_of(server, job)
        server.kill()
        wait_for(lambda: worker not in parents(), LONG_S)  # it ends with its server
    with serving(tiny_bundle, data_dir, **TINY) as server:
        wait_for(lambda: job_of(server, job).state == "done", LONG_S)
        assert (job_of(server, job).resumed_from_step or 0) >= was - 50
        log = [line["message"] for line in httpx.get(f"{server.url}{job.url}/log.json").json()]
        assert sum(line == "goes on" for line in log) == 2


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
