"""Sweeps: a small one within a request, a large one as a job whose figures are kept as an artifact."""

import hashlib
import time

from pydantic import ValidationError

from app import urls
from app.artifacts import Artifacts
from app.errors import Refusal
from app.jobs import Report
from app.lab import Lab
from app.schemas import CircuitDetail, StepEvent, SweepJob
from app.schemas.lab import Sweep, SweepRequest
from model.sweep import EDGE_MODES

_FORMAT = "sparsescope-sweep/1"


class Sweeps:
    """At most `at_once` prompts are run within a request; all else is asked for as a job, and then found here."""

    def __init__(self, lab: Lab, artifacts: Artifacts, at_once: int) -> None:
        self.lab, self.artifacts, self.at_once = lab, artifacts, at_once

    def now(self, circuit_id: str, request: SweepRequest) -> Sweep:
        """Raises a 409 Refusal for a large one that no job has done yet."""
        record = self.lab.experiments.store.circuit(circuit_id)
        n = n_prompts(record, request)
        if n <= self.at_once:
            return self.lab.swept(circuit_id, request)
        kept = self._kept(record, request)
        if kept is not None:
            return kept
        raise Refusal(
            409,
            f"this sweep runs {n:,} prompts, and {self.at_once:,} are run within a request; "
            f"ask for it as a job at {urls.circuit_sweep_jobs(circuit_id)}, and here again once that is done",
        )

    def job(self, circuit_id: str, request: SweepRequest) -> SweepJob:
        """What to queue. Raises a 404 Refusal."""
        self.lab.experiments.store.check_circuit(circuit_id)
        return SweepJob(circuit=circuit_id, **request.model_dump())

    def work(self, job: SweepJob, report: Report) -> str:
        """Do a job and keep its figures. Returns the circuit's id; raises Stopped when told to stop."""
        request = SweepRequest(mode=job.mode, n_pairs=job.n_pairs, seed=job.seed)
        record, started = self.lab.experiments.store.circuit(job.circuit), time.monotonic()
        kept = self._kept(record, request)
        if kept is not None:
            return job.circuit

        def on_part(n_done: int, n_parts: int) -> None:
            report.stop_if_asked()
            report.step(
                StepEvent(
                    step=n_done, n_steps=n_parts, phase="cutting", loss_nats=record.loss_nats.value, n_nodes=0,
                    n_edges=None, elapsed_s=time.monotonic() - started,
                )
            )  # fmt: skip

        found = self.lab.sweep(job.circuit, request, on_part)
        self.artifacts.write(_name(record, request), found.model_dump_json().encode())
        return job.circuit

    def _kept(self, record: CircuitDetail, request: SweepRequest) -> Sweep | None:
        """None where there is none that can be read."""
        data = self.artifacts.read(_name(record, request))
        try:
            return None if data is None else Sweep.model_validate_json(data)
        except ValidationError:
            return None


def n_prompts(record: CircuitDetail, request: SweepRequest) -> int:
    """How many prompts a sweep runs: both of every pair, once for each part."""
    n_parts = record.n_nodes + (record.n_edges if request.mode in EDGE_MODES else 0)
    return 2 * request.n_pairs * n_parts


def _name(record: CircuitDetail, request: SweepRequest) -> str:
    asked = f"{_FORMAT} {record.model_fingerprint} {record.id} {request.model_dump_json()}"
    return f"sweeps/{hashlib.sha256(asked.encode()).hexdigest()[:32]}.json"
