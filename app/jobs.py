"""What a running job reports, and what is wanted of it: steps, a log, checkpoints; to stop, to end with what it has."""

import logging
import threading
import time
from collections import deque

from app.artifacts import ArtifactsAway
from app.checkpoints import Checkpoints
from app.job_claims import Claims
from app.schemas import JobProgress, StepEvent
from model.snapshot import Snapshot

log = logging.getLogger(__name__)

EVENT_S = 0.1
STOP_CHECK_S = 0.25
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
