"""A search for the settings of pruning as a job: its trials are shares that any worker takes; they are kept as they
come, so that it can go on."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import NamedTuple

import torch
from pydantic import TypeAdapter

from app.jobs import Report, ShareReport, Stopped
from app.library import Library
from app.once import Once
from app.pruning import search_to_record
from app.schemas import PruneSettings, SearchRequest, StepEvent
from app.store import Store
from app.tasks import Tasks
from model import prune_settings
from model.prune import PruneStep
from model.search import RANGES, Bench, Plan, Ran, Trial
from model.snapshot import Snapshot


class Searching:
    """What a worker does with a search; circuits are measured on `n_pairs` held-out pairs."""

    def __init__(self, store: Store, library: Library, tasks: Tasks, n_pairs: int) -> None:
        self.store, self.library, self.tasks, self.n_pairs = store, library, tasks, n_pairs
        self._bench = Once(self._make_bench, 1)

    def __call__(self, request: SearchRequest, report: Report) -> str:
        held = report.checkpoint()
        trials = [] if held is None else trials_in(held)
        before_s = 0.0 if held is None else held.numbers["elapsed_s"]
        started = time.monotonic()
        here: dict[int, Ran] = {}  # by the number of the trial, from 0

        def elapsed_s() -> float:
            return before_s + time.monotonic() - started

        def on_step(step: PruneStep) -> None:
            report.stop_if_asked()
            so_far = {"step": len(trials), "n_steps": request.n_trials, "elapsed_s": elapsed_s(), "phase": "searching"}
            report.step(StepEvent.model_validate(asdict(step) | so_far))

        def on_trial(number: int, trial: Trial) -> None:
            trials.append(trial)
            report.save(snapshot_of(trials, elapsed_s()))
            met = "at the target" if trial.reached_target else f"{trial.loss_nats:.3f} nats, above the target"
            where = "" if number - 1 in here else "; another worker ran it"
            report.log(f"trial {number} of {request.n_trials}: {trial.n_edges:,} edges, {met}{where}")

        def run_all(plans: Sequence[Plan], run: Callable[[Plan], Ran]) -> Iterator[Ran]:
            by_number = {plan.number: plan for plan in plans}

            def do(number: int) -> str:
                here[number] = run(by_number[number])
                report.stop_if_asked()
                return _CAME.dump_json(Came.of(here[number])).decode()

            asked = {plan.number: _PLAN.dump_json(plan).decode() for plan in plans}
            try:
                for number, came in report.shared(asked, do):
                    yield here.get(number) or _CAME.validate_json(came).ran()
            except Stopped:
                report.stop_if_asked()  # else it is enough

        circuit = search_to_record(
            self.library.subject(request.model), self.tasks.find(request.task), request.settings,
            n_trials=request.n_trials, n_pairs=self.n_pairs, on_trial=on_trial, on_step=on_step,
            should_stop=report.should_stop, enough=report.enough, done=tuple(trials), run_all=run_all,
        )  # fmt: skip
        self.store.keep_circuit(circuit)
        return circuit.id

    def help(self, request: SearchRequest, asked: str, report: ShareReport) -> str:
        """Run one trial of a search that another worker leads."""
        bench = self._bench(request.model, request.task, request.settings)
        report.stop_if_asked()
        ran = bench.run(_PLAN.validate_json(asked), should_stop=report.should_stop)
        report.stop_if_asked()
        return _CAME.dump_json(Came.of(ran)).decode()

    def _make_bench(self, model: str, task: str, settings: PruneSettings) -> Bench:
        base = prune_settings.PruneSettings(**settings.model_dump())
        return Bench(self.library.subject(model), self.tasks.find(task), base)


class Came(NamedTuple):
    """What came of a trial, as it travels between workers."""

    trial: Trial
    cut_short: bool

    @classmethod
    def of(cls, ran: Ran) -> "Came":
        return cls(ran.trial, ran.cut_short)

    def ran(self) -> Ran:
        return Ran(self.trial, None, self.cut_short)


_PLAN, _CAME = TypeAdapter(Plan), TypeAdapter(Came)


def snapshot_of(trials: list[Trial], elapsed_s: float) -> Snapshot:
    """A row a trial: its settings in the order of RANGES, then what came of it."""
    rows = [
        [
            *(trial.settings[name] for name in RANGES),
            trial.n_nodes,
            trial.n_edges,
            trial.loss_nats,
            trial.reached_target,
        ]
        for trial in trials
    ]
    return Snapshot(len(trials), {"trials": torch.tensor(rows, dtype=torch.float64)}, {"elapsed_s": elapsed_s})


def trials_in(held: Snapshot) -> list[Trial]:
    trials = []
    for row in held.tensors["trials"].tolist():
        *settings, n_nodes, n_edges, loss_nats, reached_target = row
        named = dict(zip(RANGES, settings, strict=True))
        trials.append(Trial(named, int(n_nodes), int(n_edges), loss_nats, bool(reached_target)))
    return trials
