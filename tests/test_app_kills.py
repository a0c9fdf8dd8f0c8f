"""Workers killed at random moments: nothing finished is lost, and what was interrupted ends as if undisturbed."""

import random
import time
from pathlib import Path

from app.queue import Queue
from app.schemas import Job
from conftest import tiny_settings, wait_for
from lasting import LONG_S, N_STEPS, opened, request
from worker_process import Workers


def test_twenty_kills_at_random_moments_lose_nothing(tiny_bundle: Path, tmp_path: Path) -> None:
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
        for n in range(20):
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
    return now.state == "done" != before.state or steps[1] >= min(steps[0] + 30, N_STEPS)
