"""A worker: takes the jobs whose turn it is, one after another, in this process. Whatever happens to a job is said."""

import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy.exc import SQLAlchemyError

from app.artifacts import ArtifactsAway
from app.checkpoints import Checkpoints
from app.errors import Refusal
from app.job_claims import Claim, Claims
from app.job_shares import Share, Shares
from app.jobs import Report, ShareReport, Stopped
from app.mishaps import ENDS_PROCESS, PASSES, sentence_of, what_went_wrong
from app.schemas import JobRequest, JobState
from model.errors import InputError

log = logging.getLogger(__name__)

IDLE_S = 0.2
BEAT_S = 2.0
TEND_S = 5.0
RETRY_S = 1.0
#: A cancelled job that has not let go for this long is stuck; its process ends.
STUCK_S = 10.0

#: Does a job and returns the id of the circuit it made or worked on. Raises Stopped when told to stop.
Work = Callable[[JobRequest, Report], str | None]
#: Does a share of another worker's job and returns what came of it, as JSON. Raises Stopped.
Help = Callable[[Share, ShareReport], str]


class Alive:
    """Which workers of this machine live: each holds the lock on its file as long as its process does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hold(self, owner: str) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._path(owner), thread_local=False)
        lock.acquire()
        return lock

    def let_go(self, owner: str, lock: FileLock) -> None:
        lock.release()
        self._path(owner).unlink(missing_ok=True)

    def __call__(self, owner: str) -> bool | None:
        """None of a worker whose file is not here: it may live elsewhere."""
        path = self._path(owner)
        if not path.exists():
            return None
        try:
            with FileLock(path, timeout=0):
                path.unlink(missing_ok=True)
        except Timeout:
            return True
        return False

    def _path(self, owner: str) -> Path:
        return self.folder / f"{owner}.lock"


class Worker:
    """A context: inside it the worker is known to live. `run` works until `stop` is called, or a mishap ends it."""

    def __init__(
        self, claims: Claims, work: Work, checkpoints: Checkpoints, alive: Alive, *, most_losses: int = 3,
        on_stuck: Callable[[], None] = lambda: None, help: Help | None = None,
    ) -> None:  # fmt: skip
        self.claims, self.work, self.checkpoints, self.alive = claims, work, checkpoints, alive
        self.shares, self.help = Shares(claims.database), help
        self.most_losses, self.on_stuck = most_losses, on_stuck
        self.owner = secrets.token_hex(8)
        self.stopping = threading.Event()
        self._ended = threading.Event()
        self._job: str | None = None
        self._beats = threading.Thread(target=self._beat, name="sparsescope-heartbeat", daemon=True)

    def __enter__(self) -> "Worker":
        self._lock = self.alive.hold(self.owner)
        self.claims.seen(self.owner, socket.gethostname())
        self._beats.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._ended.set()
        self._beats.join(timeout=5)
        try:
            self.claims.gone(self.owner)
        except SQLAlchemyError:
            log.warning("the store could not be told that a worker ended")
        self.alive.let_go(self.owner, self._lock)

    def stop(self) -> None:
        self.stopping.set()

    def run(self) -> bool:
        """Whether it ended because it was stopped; False after a mishap that only a new process can mend."""
        tended_at = -TEND_S
        while not self.stopping.is_set():
            try:
                if time.monotonic() - tended_at >= TEND_S:
                    tended_at = time.monotonic()
                    self.tend()
                claim = self.claims.claim(self.owner)
                share = self.shares.take(self.owner) if claim is None and self.help is not None else None
            except SQLAlchemyError:
                log.exception("the worker could not reach the queue; it tries again")
                self.stopping.wait(RETRY_S)
                continue
            if claim is not None:
                goes_on = self.run_one(claim)
            elif share is not None:
                goes_on = self.run_share(share)
            else:
                goes_on = True
                self.stopping.wait(IDLE_S)
            if not goes_on:
                return False
        return True

    def run_one(self, claim: Claim) -> bool:
        """Do a job. False if this process should not do another."""
        report = Report(self.claims, claim.id, self.owner, self.stopping, self.checkpoints)
        log.info("job %s: %s", claim.id, claim.request.kind)
        self._job = claim.id
        goes_on = True
        try:
            circuit = self.work(claim.request, report)
            report.flush()
        except Stopped:
            self._finish(claim, "interrupted")
        except (InputError, Refusal) as error:
            self._finish(claim, "failed", error=str(error))
        except Exception as error:
            what = what_went_wrong(error)
            log.exception("job %s: %s", claim.id, what)
            goes_on = what not in ENDS_PROCESS
            state: JobState = "interrupted" if what in PASSES else "failed"
            self._finish(claim, state, error=sentence_of(what, error))
            if what in PASSES:
                self.stopping.wait(RETRY_S)
        else:
            self._finish(claim, "done", circuit=circuit)
        self._job = None
        return goes_on

    def run_share(self, share: Share) -> bool:
        """Do a share of a job that another worker runs. False if this process should not do another."""
        assert self.help is not None
        log.info("job %s: share %d of a %s", share.job, share.number, share.request.kind)
        result, error, goes_on = None, None, True
        try:
            result = self.help(share, ShareReport(self.shares, share, self.owner, self.stopping))
        except Stopped:
            pass
        except (InputError, Refusal) as refusal:
            error = str(refusal)
        except Exception as mishap:
            what = what_went_wrong(mishap)
            log.exception("job %s, share %d: %s", share.job, share.number, what)
            goes_on = what not in ENDS_PROCESS
            error = None if what in PASSES or what == "device" else sentence_of(what, mishap)
            if what in PASSES:
                self.stopping.wait(RETRY_S)
        while True:
            try:
                if result is None and error is None:
                    self.shares.let_go(share, self.owner)
                else:
                    self.shares.finish(share, self.owner, result=result, error=error)
                return goes_on
            except (SQLAlchemyError, OSError):
                log.exception("what came of share %d of job %s cannot be written down yet", share.number, share.job)
                if self.stopping.wait(RETRY_S):
                    return goes_on  # another worker does it again

    def _finish(self, claim: Claim, state: JobState, *, circuit: str | None = None, error: str | None = None) -> None:
        """Say how a job ended, again and again until the store takes it. A checkpoint that is needed no more goes
        first: on a full disk that makes room. One that cannot be deleted now is deleted by a later round."""
        while True:
            try:
                if state != "interrupted":
                    try:
                        self.checkpoints.delete(claim.id)
                    except ArtifactsAway as away:
                        log.warning("the checkpoint of job %s stays for now: %s", claim.id, away)
                return self.claims.finish(claim.id, self.owner, state, circuit=circuit, error=error)
            except (SQLAlchemyError, OSError):
                log.exception("the end of job %s cannot be written down yet", claim.id)
                if self.stopping.wait(RETRY_S) and state == "interrupted":
                    return None  # the next worker finds it by its lock

    def tend(self) -> None:
        """Let jobs of lost workers go on, and delete checkpoints of jobs that have ended."""
        for job_id in self.claims.release_lost(self.alive, self.most_losses):
            log.warning("job %s has lost its worker", job_id)
        try:
            for job_id in self.claims.ended_among(self.checkpoints.job_ids()):
                self.checkpoints.delete(job_id)
        except OSError as error:
            log.warning("checkpoints of ended jobs stay for now: %s", error)

    def _beat(self) -> None:
        """Tell the store that this worker lives; notice a cancelled job that does not let go."""
        stuck_since: float | None = None
        while not self._ended.wait(BEAT_S):
            try:
                self.claims.seen(self.owner, socket.gethostname())
                job = self._job
                lost = job is not None and not self.claims.standing(job, self.owner).runs
            except SQLAlchemyError:
                continue
            now = time.monotonic()
            stuck_since = (stuck_since or now) if lost else None
            if stuck_since is not None and now - stuck_since > STUCK_S:
                self.on_stuck()
