"""A search for the settings of pruning as a job: its trials are kept as they come, so that it can go on."""

import time
from dataclasses import asdict

import torch

from app.jobs import Report
from app.library import Library
from app.pruning import search_to_record
from app.schemas import SearchRequest, StepEvent
from app.store import Store
from app.tasks import Tasks
from model.prune import PruneStep
from model.search import RANGES, Trial
from model.snapshot import Snapshot


class Searching:
    """What a worker does with a search; circuits are measured on `n_pairs` held-out pairs."""

    def __init__(self, store: Store, library: Library, tasks: Tasks, n_pairs: int) -> None:
        self.store, self.library, self.tasks, self.n_pairs = store, library, tasks, n_pairs

    def __call__(self, request: SearchRequest, report: Report) -> str:
        held = report.checkpoint()
        trials = [] if held is None else trials_in(held)
        before_s = 0.0 if held is None else held.numbers["elapsed_s"]
        started = time.monotonic()

        def elapsed_s() -> float:
            return before_s + time.monotonic() - started

        def on_step(step: PruneStep) -> None:
            report.stop_if_asked()
            here = {"step": len(trials), "n_steps": request.n_trials, "elapsed_s": elapsed_s(), "phase": "searching"}
            report.step(StepEvent.model_validate(asdict(step) | here))

        def on_trial(number: int, trial: Trial) -> None:
            trials.append(trial)
            report.save(snapshot_of(trials, elapsed_s()))
            met = "at the target" if trial.reached_target else f"{trial.loss_nats:.3f} nats, above the target"
            report.log(f"trial {number} of {request.n_trials}: {trial.n_edges:,} edges, {met}")

        circuit = search_to_record(
            self.library.subject(request.model), self.tasks.find(request.task), request.settings,
            n_trials=request.n_trials, n_pairs=self.n_pairs, on_trial=on_trial, on_step=on_step,
            should_stop=report.should_stop, enough=report.enough, done=tuple(trials),
        )  # fmt: skip
        self.store.keep_circuit(circuit)
        return circuit.id


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
