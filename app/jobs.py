"""Work that outlives a request: one worker thread, which jobs are still alive, and what a running job reports."""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from app.errors import Refusal
from app.queue import Claim, Queue
from app.schemas import JobProgress, JobRequest, StepEvent
from model.errors import InputError

log = logging.getLogger(__name__)

IDLE_S = 0.2
EVENT_S = 0.1
STOP_CHECK_S = 0.25
ORPHAN_CHECK_S = 5.0


class Stopped(Exception):
    """The job was cancelled, or the server stops."""


class Report:
    """What a running job says: steps, at most ten a second and always the last one; and whether it should stop."""

    def __init__(self, queue: Queue, job_id: str, owner: str, stopping: threading.Event) -> None:
        self._queue, self._job_id, self._owner, self._stopping = queue, job_id, owner, stopping
        self._held: StepEvent | None = None
        self._phase = ""
        self._written_at = 0.0
        self._checked_at = 0.0
        self._stop = False

    def step(self, step: StepEvent) -> None:
        """Write a step, or hold it back if the last was written a moment ago. A new phase is written at once."""
        if self._phase != step.phase:
            self.flush()
        self._held = step
        if self._phase != step.phase or time.monotonic() - self._written_at >= EVENT_S:
            self.flush()

    def flush(self) -> None:
        """Write the step that was held back."""
        step, self._held = self._held, None
        if step is None:
            return
        self._phase = step.phase
        left = step.n_steps - step.step  # what comes after the last step takes as long as it takes
        eta_s = step.elapsed_s * left / step.step if step.step and left else None
        progress = JobProgress(
            phase=step.phase, step=step.step, n_steps=step.n_steps, elapsed_s=step.elapsed_s, eta_s=eta_s
        )
        self._queue.report(self._job_id, self._owner, step, progress)
        self._written_at = time.monotonic()

    def should_stop(self) -> bool:
        """Cheap enough for every step: the store is asked four times a second."""
        now = time.monotonic()
        if not self._stop and now - self._checked_at >= STOP_CHECK_S:
            self._checked_at = now
            self._stop = not self._queue.is_running(self._job_id, self._owner)
        return self._stop or self._stopping.is_set()

    def stop_if_asked(self) -> None:
        if self.should_stop():
            raise Stopped


#: Does a job and returns the id of the circuit it made or worked on. Raises Stopped when told to stop.
Work = Callable[[JobRequest, Report], str]


class Worker:
    """A context: inside it, a thread takes jobs one after another. Without `works` it only ends orphans."""

    def __init__(self, queue: Queue, work: Work, folder: Path, *, works: bool = True) -> None:
        self.queue = queue
        self.work = work
        self.folder = folder
        self.works = works
        self.owner = secrets.token_hex(8)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="sparsescope-worker", daemon=True)
        self._alive = FileLock(self._lock_path(self.owner), thread_local=False)

    def __enter__(self) -> "Worker":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._alive.acquire()
        self._tend_orphans()
        if self.works:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self.works:
            self._thread.join(timeout=30)
        self._alive.release()
        self._lock_path(self.owner).unlink(missing_ok=True)

    def _loop(self) -> None:
        tended_at = time.monotonic()
        while not self._stopping.is_set():
            try:
                if time.monotonic() - tended_at >= ORPHAN_CHECK_S:
                    tended_at = time.monotonic()
                    self._tend_orphans()
                claim = self.queue.claim(self.owner)
                if claim is not None:
                    self._run(claim)
                    continue
            except Exception:
                log.exception("the worker could not reach the queue; it tries again")
            self._stopping.wait(IDLE_S)

    def _run(self, claim: Claim) -> None:
        report = Report(self.queue, claim.id, self.owner, self._stopping)
        log.info("job %s: %s", claim.id, claim.request.kind)
        try:
            circuit = self.work(claim.request, report)
        except Stopped:
            report.flush()
            self.queue.finish(claim.id, self.owner, "interrupted", error="the server was stopped; start it again")
        except (InputError, Refusal) as error:
            self.queue.finish(claim.id, self.owner, "failed", error=str(error))
        except Exception as error:
            log.exception("job %s failed", claim.id)
            self.queue.finish(claim.id, self.owner, "failed", error=_failure(error))
        else:
            report.flush()
            self.queue.finish(claim.id, self.owner, "done", circuit=circuit)

    def _tend_orphans(self) -> None:
        for job_id in self.queue.interrupt_orphans(self._is_alive):
            log.warning("job %s was interrupted: its worker is gone", job_id)

    def _is_alive(self, owner: str) -> bool:
        """A worker holds the lock on its file for as long as its process lives, however that ends."""
        path = self._lock_path(owner)
        if owner == self.owner:
            return True
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                path.unlink(missing_ok=True)
        except Timeout:
            return True
        return False

    def _lock_path(self, owner: str) -> Path:
        return self.folder / f"{owner}.lock"


def _failure(error: Exception) -> str:
    """An unforeseen failure in one sentence; its text stays in the log, for it may name files of the server."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "the device ran out of memory; fewer pairs in a step need less"
    return f"something went wrong in the app ({type(error).__name__}); the server's log says what"
