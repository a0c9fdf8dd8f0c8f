"""Work on a Ray cluster: an actor for each GPU, or for each CPU slot, holds models and runs one job at a time.

The queue in the store stays the truth. This process claims nothing: each actor is a worker that claims, reports and
heeds the store as a local one does, from wherever it runs. Here they are only started, watched and started again.
"""

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from app.database import Database
from app.job_claims import Claims
from app.settings import ROOT, Settings

log = logging.getLogger(__name__)

WATCH_S = 0.5
#: Models are loaded by the actors themselves, so little goes through Ray's own store.
OBJECT_STORE_BYTES = 100 * 2**20
#: An actor that cannot be placed or dies at once is tried again after this long.
PAUSE_S = 2.0


def connect(settings: Settings) -> Any:
    """Join the cluster of `ray_address`, or start one on this machine. Returns the ray module."""
    import ray

    options: dict[str, Any] = {"namespace": "sparsescope", "log_to_driver": True}
    options["runtime_env"] = {"env_vars": {"PYTHONPATH": str(ROOT)}}  # where the app is not installed
    if settings.ray_address is None:
        os.environ.setdefault("RAY_worker_niceness", str(settings.worker_niceness))
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        options |= {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
        options |= {"num_cpus": settings.ray_slots} if settings.ray_slots else {}
    ray.init(address=settings.ray_address or "local", **options)
    return ray


def n_slots(ray: Any, settings: Settings) -> tuple[int, dict[str, float]]:
    """How many actors there should be now, and what each takes: a GPU where there are any, else a CPU."""
    there = ray.cluster_resources()
    n_gpus = int(there.get("GPU", 0))
    if n_gpus and settings.device != "cpu":
        n, each = n_gpus, {"num_gpus": 1.0, "num_cpus": 1.0}
    else:
        n, each = int(there.get("CPU", 0)), {"num_cpus": 1.0}
    return min(n, settings.ray_slots) if settings.ray_slots else n, each


class Desk:
    """An actor: a worker with models of its own, in a process of Ray's."""

    def __init__(self, settings: dict[str, Any]) -> None:
        import torch

        from app.workplace import workplace

        if not torch.cuda.is_available():
            torch.set_num_threads(1)  # a slot is one CPU
        self._context = workplace(Settings(**settings))
        self.worker = self._context.__enter__()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if not self.worker.run():
            os._exit(75)  # a mishap that only a new process can mend

    def owner(self) -> str:
        """The worker's name in the store."""
        return self.worker.owner

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Let the job go, for another to take up from its checkpoint."""
        self.worker.stop()
        self._thread.join(timeout=20)
        self._context.__exit__(None, None, None)


class Desks:
    """The actors of a cluster: as many as it has slots, replaced when they die, more when nodes join."""

    def __init__(self, settings: Settings, on_lost: Callable[[str], None]) -> None:
        self.ray = connect(settings)
        self.settings, self.on_lost = settings, on_lost
        # An actor runs in another folder than this process.
        self._theirs = settings.model_dump(mode="json", exclude={"token"}) | {
            "data_dir": str(settings.data_dir.resolve()), "artifacts": settings.artifacts_address
        }  # fmt: skip
        self._desks: dict[Any, tuple[Any, str | None]] = {}

    def tend(self) -> None:
        """Replace what is gone, fill new slots."""
        ray = self.ray
        for desk, (asked, owner) in list(self._desks.items()):
            ready, _ = ray.wait([asked], timeout=0)
            if not ready:
                continue
            try:
                answer = ray.get(asked)
            except ray.exceptions.RayActorError:
                log.warning("a worker on the Ray cluster is gone; another takes its place")
                del self._desks[desk]
                if owner is not None:
                    self.on_lost(owner)
                continue
            # The first answer is its name; from then on it is asked whether it lives.
            self._desks[desk] = (desk.is_alive.remote(), owner or str(answer))
        wanted, each = n_slots(ray, self.settings)
        for _ in range(wanted - len(self._desks)):
            actor = ray.remote(Desk).options(max_restarts=0, **each)
            desk = actor.remote(self._theirs)
            self._desks[desk] = (desk.owner.remote(), None)

    def close(self) -> None:
        stopped = [desk.stop.remote() for desk in self._desks]
        self.ray.wait(stopped, num_returns=len(stopped), timeout=15) if stopped else None
        self.ray.shutdown()


class RayEngine:
    """Keeps the actors alive until told to stop; a job whose actor is gone waits at once for another."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> bool:
        database = Database(self.settings.database)
        database.migrate()
        claims = Claims(database)

        def lost(owner: str) -> None:
            claims.release_lost(lambda other: False if other == owner else None, self.settings.most_losses)

        desks = Desks(self.settings, lost)
        log.info("jobs run on a Ray cluster with %s", desks.ray.cluster_resources())
        try:
            while not self._stopping.wait(WATCH_S):
                try:
                    desks.tend()
                except desks.ray.exceptions.RayError:
                    log.exception("the Ray cluster does not answer as it should; it is asked again")
                    self._stopping.wait(PAUSE_S)
        finally:
            desks.close()
            database.close()
        return True
