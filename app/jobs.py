"""What a running job reports, and what is wanted of it: steps, a log, checkpoints; to stop, to end with what it has."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from app.artifacts import ArtifactsAway
from app.checkpoints import Checkpoints
from app.job_claims import Claims
from app.job_shares import Done, Share, Shares
from app.schemas import JobProgress, StepEvent
from model.errors import InputError
from model.snapshot import Snapshot

log = logging.getLogger(__name__)

EVENT_S = 0.1
STOP_CHECK_S = 0.25
#: How often a job whose last shares others have in hand looks for them.
WAIT_S = 0.2
#: Steps of this last while say how long the rest takes: a run gets faster as candidates leave.
MEASURED_S = 10.0


class Stopped(Exception):
    """The job was cancelled, or the server stops."""


class Report:
    """Steps are written at most ten times a second, and always the last one of a phase."""

    def __init__(
        self, claims: Claims, job_id: str, owner: str, stopping: threading.Event, checkpoints: Checkpoints
    ) -> None:
        self._claims, self._job_id, self._owner, self._stopping = claims, job_id, owner, stopping
        self._checkpoints = checkpoints
        self._held: StepEvent | None = None
        self._phase = ""
        self._written_at = 0.0
        self._checked_at = 0.0
        self._stop = False
        self._enough = False
        self._unsaved = False
        self._recent: deque[tuple[float, int]] = deque()

    def step(self, step: StepEvent) -> None:
        """Write a step, or hold it back if the last was written a moment ago. A new phase is written at once."""
        if self._phase != step.phase:
            self.flush()
            self._recent.clear()
        self._recent.append((step.elapsed_s, step.step))
        while step.elapsed_s - self._recent[0][0] > MEASURED_S and len(self._recent) > 2:
            self._recent.popleft()
        self._held = step
        if self._phase != step.phase or time.monotonic() - self._written_at >= EVENT_S:
            self.flush()

    def flush(self) -> None:
        """Write the step that was held back."""
        step, self._held = self._held, None
        if step is None:
            return
        if self._phase != step.phase:
            self.log(f"{step.phase}, after {step.elapsed_s:.1f} s")
        self._phase = step.phase
        progress = JobProgress(
            phase=step.phase, step=step.step, n_steps=step.n_steps, elapsed_s=step.elapsed_s, eta_s=self._eta_s(step)
        )
        self._claims.report(self._job_id, self._owner, step, progress)
        self._written_at = time.monotonic()

    def _eta_s(self, step: StepEvent) -> float | None:
        """What is left, at the pace of the last steps; of the first one, at the pace since the start. What comes after
        the last step takes as long as it takes."""
        left = step.n_steps - step.step
        if not step.step or not left:
            return None
        (then_s, then), (now_s, now) = self._recent[0], self._recent[-1]
        pace_s = (now_s - then_s) / (now - then) if now > then else step.elapsed_s / step.step
        return left * pace_s

    def log(self, message: str) -> None:
        """A line for the job's log."""
        self._claims.log(self._job_id, self._owner, message)

    # -- what is wanted ----------------------------------------------------------------------

    def should_stop(self) -> bool:
        """The job is not wanted any more, or must go on elsewhere. Cheap enough for every step."""
        self._look()
        return self._stop or self._stopping.is_set()

    def enough(self) -> bool:
        """The job should end now, with what it has."""
        self._look()
        return self._enough

    def stop_if_asked(self) -> None:
        if self.should_stop():
            raise Stopped

    def _look(self) -> None:
        """Ask the store, four times a second at most."""
        now = time.monotonic()
        if now - self._checked_at >= STOP_CHECK_S:
            self._checked_at = now
            standing = self._claims.standing(self._job_id, self._owner)
            self._stop = self._stop or not standing.runs
            self._enough = self._enough or standing.stop_asked

    # -- shares ------------------------------------------------------------------------------

    def shared(self, asked: Mapping[int, str], do: Callable[[int], str]) -> Iterator[tuple[int, str]]:
        """What came of each share, by number and in that order. All workers that have nothing else to do take shares
        with their `help`; this one takes those that are left, and does one with `do` by its number.

        Raises InputError with the sentence that a share failed with, and Stopped when the job should end.
        """
        shares = Shares(self._claims.database)
        shares.offer(self._job_id, asked, self._owner)
        done: dict[int, Done] = {}
        for number in sorted(asked):
            while number not in done:
                done = shares.done(self._job_id)
                if number in done:
                    break
                if self.should_stop() or self.enough():
                    raise Stopped
                share = shares.take(self._owner, self._job_id)
                if share is None:  # others have the rest in hand
                    self._stopping.wait(WAIT_S)
                    continue
                try:
                    shares.finish(share, self._owner, result=do(share.number))
                except BaseException:
                    shares.let_go(share, self._owner)
                    raise
            result, error = done[number]
            if result is None:
                raise InputError(error or "a part of it failed")
            yield number, result

    # -- checkpoints -------------------------------------------------------------------------

    def checkpoint(self) -> Snapshot | None:
        """Where this job stood when it was interrupted; None for one that begins."""
        held = self._checkpoints.read(self._job_id)
        if held is not None:
            self._claims.resumed(self._job_id, self._owner, held.step)
        return held

    def save(self, held: Snapshot) -> None:
        """Write down where the job is. Where that place is away the job goes on: it has only its last steps to lose."""
        try:
            self._checkpoints.write(self._job_id, held)
        except ArtifactsAway as away:
            log.warning("job %s goes on without a new checkpoint: %s", self._job_id, away)
            if not self._unsaved:
                self.log("the place of the artifacts does not answer; the job goes on without new checkpoints")
            self._unsaved = True
            return
        if self._unsaved:
            self.log("checkpoints are written again")
        self._unsaved = False
        self._claims.saved(self._job_id, self._owner)


class ShareReport:
    """What is wanted of a share: whether it should be let go."""

    def __init__(self, shares: Shares, share: Share, owner: str, stopping: threading.Event) -> None:
        self._shares, self._share, self._owner, self._stopping = shares, share, owner, stopping
        self._checked_at = 0.0
        self._wanted = True

    def should_stop(self) -> bool:
        """Its job has ended or was asked to, or this worker stops. Cheap enough for every step."""
        now = time.monotonic()
        if self._wanted and now - self._checked_at >= STOP_CHECK_S:
            self._checked_at = now
            self._wanted = self._shares.is_wanted(self._share, self._owner)
        return not self._wanted or self._stopping.is_set()

    def stop_if_asked(self) -> None:
        if self.should_stop():
            raise Stopped
