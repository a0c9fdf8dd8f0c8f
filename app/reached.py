"""What prunes have reached after how many seconds, read from the events that jobs write; each event is read once."""

import threading
from collections import OrderedDict
from dataclasses import asdict

from app.queue import Queue
from app.schemas import Job, JobDetail, ReachedSize, StepEvent
from model.reached import Reaching

MOST_KNOWN = 64


class ReachedByJobs:
    """Remembers the last jobs that were asked for, with the last event that was read of each."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[int, Reaching]] = OrderedDict()

    def detail(self, job_id: str) -> JobDetail:
        """A job with what its run has reached; nothing for jobs that are no prune. Raises a 404 Refusal."""
        job = self._queue.get(job_id)
        reached = self._of(job, job.request.settings.target_loss_nats) if job.request.kind == "prune" else []
        return JobDetail(**{name: getattr(job, name) for name in Job.model_fields}, reached=reached)

    def _of(self, job: Job, target_loss_nats: float) -> list[ReachedSize]:
        with self._lock:
            last, reaching = self._known.pop(job.id, (0, Reaching(target_loss_nats)))
            for event in self._queue.events(job.id, last):
                last = event.id
                if event.kind == "step":
                    reaching.note(StepEvent.model_validate_json(event.data))
            self._known[job.id] = last, reaching
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
            return [ReachedSize(**asdict(size)) for size in reaching.sizes]
