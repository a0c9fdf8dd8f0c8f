"""Numbers for a monitor, in the form of Prometheus: requests as they come, jobs and memory when they are asked for."""

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.database import Database
from app.health import workers_alive
from app.library import Library
from app.schemas import JobState
from app.tables import JobRow
from model.device import memory_in_use

log = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_LATEST
#: Where processes that serve together put their numbers; prometheus_client reads it when it is imported.
TOGETHER = "PROMETHEUS_MULTIPROC_DIR"
LATENCIES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """A registry of this app's own, so that several apps of one process do not meet in one."""

    def __init__(self, database: Database, library: Library) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._state = _State(database, library)
        self._registry.register(self._state)
        self._requests = Counter(
            "sparsescope_requests", "Requests answered, by pattern of the route", ["method", "route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._latency = Histogram(
            "sparsescope_request_seconds", "Seconds from a request to the start of its answer", ["method", "route"],
            buckets=LATENCIES_S, registry=self._registry,
        )  # fmt: skip

    def answered(self, method: str, route: str, status: int, elapsed_s: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(method, route).observe(elapsed_s)

    def text(self) -> bytes:
        """Requests are those of all processes that serve together."""
        if TOGETHER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)
        together.register(self._state)
        return generate_latest(together)


class _State(Collector):
    """How things stand at the moment of the question."""

    def __init__(self, database: Database, library: Library) -> None:
        self.database, self.library = database, library

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # asked at registration, when there are no tables yet

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            yield from self._of_store()
        except SQLAlchemyError:
            log.warning("the store does not answer; its metrics are left out")
            yield GaugeMetricFamily("sparsescope_store_up", "Whether the store answers", value=0)
        models = self.library.loaded()
        yield GaugeMetricFamily("sparsescope_models_loaded", "Models in memory", value=len(models))
        used, total = memory_in_use(self.library.device)
        if total:
            yield GaugeMetricFamily("sparsescope_gpu_memory_used_bytes", "Memory of the device in use", value=used)
            yield GaugeMetricFamily("sparsescope_gpu_memory_total_bytes", "Memory of the device", value=total)

    def _of_store(self) -> Iterator[GaugeMetricFamily]:
        with self.database.reading() as session:
            counted = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state)).all()
            oldest = session.scalar(select(func.min(JobRow.created_at)).where(JobRow.state == "queued"))
            n_workers = workers_alive(session)
        n_jobs: dict[str, int] = {state: n for state, n in counted}
        yield GaugeMetricFamily("sparsescope_store_up", "Whether the store answers", value=1)
        jobs = GaugeMetricFamily("sparsescope_jobs", "Jobs by state", labels=["state"])
        for state in get_args(JobState):
            jobs.add_metric([state], n_jobs.get(state, 0))
        yield jobs
        waited_s = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
        yield GaugeMetricFamily(
            "sparsescope_queue_oldest_seconds", "How long the job at the head of the queue has waited", value=waited_s
        )
        yield GaugeMetricFamily("sparsescope_workers_alive", "Workers that were heard of lately", value=n_workers)
