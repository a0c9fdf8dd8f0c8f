"""The circuit's own pruning where there is nothing to find: on shuffled weights, on shuffled labels."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from app.convert import measure
from app.convert_card import SEED, Held
from app.schemas import PruneSettings, StepEvent
from app.schemas.card import ShuffledLabels, ShuffledWeights
from model.batch import PairBatch
from model.card.shuffled import shuffled_labels, shuffled_weights
from model.compiled import quick_circuit
from model.graph import edges_of
from model.measure import measure as run
from model.prune import PruneStep, prune_batches, split_pairs
from model.prune_settings import PruneSettings as Settings
from model.subject import Subject
from model.tasks.task import Task

OnStep = Callable[[StepEvent], None]
#: Windows of text that the means of shuffled weights are taken over.
N_WINDOWS = 48
#: A quick run's pairs: how many a step sees, and how many choose the size.
QUICK_STEP_PAIRS, QUICK_FRESH_PAIRS = 8, 256


def on_weights(
    held: Held, task: Task, n_steps: int | None, on_step: OnStep, should_stop: Callable[[], bool]
) -> ShuffledWeights:
    subject = shuffled_weights(held.subject, held.windows[:N_WINDOWS], seed=SEED)
    found = _pruned(subject, held, task, n_steps, lambda batch, seed: batch, on_step, should_stop)
    return ShuffledWeights(control="shuffled_weights", text=held.text, **found)


def on_labels(
    held: Held, task: Task, n_steps: int | None, on_step: OnStep, should_stop: Callable[[], bool]
) -> ShuffledLabels:
    found = _pruned(
        held.subject, held, task, n_steps, lambda batch, seed: shuffled_labels(batch, seed=seed), on_step, should_stop
    )
    return ShuffledLabels(control="shuffled_labels", text="the model's own means", **found)


def _pruned(
    subject: Subject,
    held: Held,
    task: Task,
    n_steps: int | None,
    changed: Callable[[PairBatch, int], PairBatch],
    on_step: OnStep,
    should_stop: Callable[[], bool],
) -> dict[str, Any]:
    """The fields that both have. Train, fresh and held-out pairs are changed with seeds of their own."""
    wanted = settings_for(held, n_steps)
    settings = Settings(**wanted.model_dump())
    if n_steps is not None:  # a quick run draws no more train pairs than its steps see
        settings = replace(
            settings,
            n_train_pairs=min(settings.n_train_pairs, max(32, n_steps * settings.pairs_per_step)),
            n_fresh_pairs=min(settings.n_fresh_pairs, QUICK_FRESH_PAIRS),
        )
    train, fresh = split_pairs(subject, task, settings)
    started = time.monotonic()
    result = prune_batches(
        subject, task.name, changed(train, SEED), changed(fresh, SEED + 1), settings,
        with_frontier=False, on_step=lambda step: on_step(_event(step)), should_stop=should_stop,
    )  # fmt: skip
    elapsed_s = time.monotonic() - started
    batch, circuit = changed(held.batch, SEED + 2), result.circuit
    found = quick_circuit(
        subject.model, subject.means, circuit.keep(subject.config, subject.device), cut_edges=circuit.cut_edges,
        calibration=circuit.calibration,
    )  # fmt: skip
    return {
        "calibration": "none" if circuit.calibration is None else "own",
        "n_nodes": len(circuit.nodes),
        "n_edges": len(edges_of(subject.model, circuit)),
        "measure": measure(run(found, batch)),
        "full_model": measure(run(subject.model, batch)),
        "fresh_loss_nats": result.fresh_loss_nats,
        "reached_target": result.reached_target,
        "seed": SEED,
        "settings": wanted,
        "n_train_pairs": train.n_pairs,
        "n_fresh_pairs": fresh.n_pairs,
        "prune_elapsed_s": elapsed_s,
        "same_settings": wanted == held.record.provenance.settings,
    }


def settings_for(held: Held, n_steps: int | None) -> PruneSettings:
    """The circuit's own; with fewer gradient steps, on fewer pairs each, where that is asked for."""
    own = held.record.provenance.settings
    if n_steps is None:
        return own
    pairs = min(own.pairs_per_step, QUICK_STEP_PAIRS)
    return own.model_copy(update={"n_steps": n_steps, "pairs_per_step": pairs})


def _event(step: PruneStep) -> StepEvent:
    return StepEvent(**asdict(step))
