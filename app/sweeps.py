"""Sweeps: a small one within a request, a large one as a job, whose shares any worker takes and whose figures are kept
as an artifact."""

import hashlib
import time
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from app import convert_lab, urls
from app.artifacts import Artifacts
from app.errors import Refusal
from app.jobs import Report, ShareReport
from app.lab import Lab
from app.once import Once
from app.schemas import CircuitDetail, StepEvent, SweepJob
from app.schemas.lab import Sweep, SweepRequest
from model.bench import Bench
from model.measure import Interval
from model.subject import Subject
from model.sweep import CHUNK, EDGE_MODES, each, parts_of, swept

#: Shares of a large sweep: few enough that each pays for what a worker prepares.
N_SHARES = 32
_FORMAT = "sparsescope-sweep/1"


#: What a part changes: the loss, and the accuracy.
Effect = tuple[Interval, float]
_EFFECTS = TypeAdapter(list[Effect])


class Asked(NamedTuple):
    """What decides the bench of a sweep."""

    circuit: str
    n_pairs: int
    seed: int


class Sweeps:
    """At most `at_once` prompts are run within a request; all else is asked for as a job, and then found here."""

    def __init__(self, lab: Lab, artifacts: Artifacts, at_once: int) -> None:
        self.lab, self.artifacts, self.at_once = lab, artifacts, at_once
        self._bench = Once(self._make_bench, 1)

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

        asked = Asked(job.circuit, job.n_pairs, job.seed)
        subject, bench = self._bench(asked)
        parts, before = parts_of(bench, job.mode), bench.outcome([])
        shares = _shares(len(parts))
        n_here = n_elsewhere = 0
        here: set[int] = set()

        def step() -> None:
            report.stop_if_asked()
            report.step(
                StepEvent(
                    step=n_here + n_elsewhere, n_steps=len(parts), phase="cutting", loss_nats=record.loss_nats.value,
                    n_nodes=0, n_edges=None, elapsed_s=time.monotonic() - started,
                )
            )  # fmt: skip

        def do(number: int) -> str:
            nonlocal n_here
            here.add(number)
            found: list[Effect] = []
            for chunk in _chunks(shares[number]):
                step()
                found += each(bench, [parts[i] for i in chunk], before)
                n_here += len(chunk)
            return _EFFECTS.dump_json(found).decode()

        effects: list[Effect] = []
        for number, came in report.shared({n: "" for n in range(len(shares))}, do):
            n_elsewhere += 0 if number in here else len(shares[number])
            effects += _EFFECTS.validate_json(came)
            step()
        elapsed_ms = 1000 * (time.monotonic() - started)
        found = convert_lab.sweep_of(request, record, subject, swept(bench, job.mode, before, effects), elapsed_ms)
        self.artifacts.write(_name(record, request), found.model_dump_json().encode())
        return job.circuit

    def help(self, job: SweepJob, number: int, report: ShareReport) -> str:
        """Measure one share of a sweep that another worker leads."""
        _, bench = self._bench(Asked(job.circuit, job.n_pairs, job.seed))
        parts, before = parts_of(bench, job.mode), bench.outcome([])
        found: list[Effect] = []
        for chunk in _chunks(_shares(len(parts))[number]):
            report.stop_if_asked()
            found += each(bench, [parts[i] for i in chunk], before)
        return _EFFECTS.dump_json(found).decode()

    def _make_bench(self, asked: Asked) -> tuple[Subject, Bench]:
        subject, _, circuit = self.lab.experiments.circuit(asked.circuit)
        baseline = self.lab.baselines.of_task(subject.name, circuit.task, asked.n_pairs, asked.seed)
        return subject, Bench(subject, baseline.batch, circuit, asked.seed)

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


def _shares(n_parts: int) -> list[range]:
    """At most N_SHARES runs of whole chunks, so that every part is measured beside the same others wherever it is."""
    size = CHUNK * max(1, -(-n_parts // (CHUNK * N_SHARES)))
    return [range(start, min(start + size, n_parts)) for start in range(0, n_parts, size)]


def _chunks(share: range) -> Iterator[range]:
    return (share[start : start + CHUNK] for start in range(0, len(share), CHUNK))
