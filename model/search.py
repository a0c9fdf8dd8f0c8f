"""Hyper-parameters of pruning, searched for each model and task (paper A.5: untuned results are poor).

1. One coarse run shortlists candidates, so that a trial costs what the candidates cost.
2. Optuna's TPE sampler proposes settings; the first trial is the settings that the search started from,
   brought into their ranges.
3. A trial is a whole pruning run; its score is the number of edges at the target loss on fresh train pairs.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import optuna

from model.learn import shortlist
from model.prune import PruneResult, PruneStep, fitting, prune_batches, split_pairs
from model.prune_settings import PruneSettings
from model.subject import Subject
from model.tasks.task import Task


@dataclass(frozen=True)
class Trial:
    """One run of a search: what it tried, and the circuit that came of it; the loss is on fresh train pairs, nats."""

    settings: dict[str, float]
    n_nodes: int
    n_edges: int
    loss_nats: float
    reached_target: bool

    @property
    def score(self) -> float:
        """Lower is better: few edges, and first of all the target."""
        return math.log(1 + self.n_edges) + (0.0 if self.reached_target else 10 + self.loss_nats)


@dataclass(frozen=True)
class SearchResult:
    """The run with the fewest edges at the target, its settings, and all that was tried."""

    best: PruneResult
    settings: PruneSettings
    trials: tuple[Trial, ...]


#: Circuits of more nodes than this are not worth the greedy pass: another trial finds a smaller one.
LARGEST = 1000
#: The settings that are searched: lowest, highest, and whether on a logarithmic scale.
RANGES = {
    "k_coef": (5e-3, 2e-2, True),
    "edge_coef": (1e-3, 1e-2, True),
    "lr": (1.5e-2, 5e-2, True),
    "beta2": (0.9, 0.98, False),
    "heaviside_temp": (0.6, 1.6, True),
    "init_noise_bias": (0.35, 0.65, False),
    "init_noise_scale": (0.15, 0.35, True),
    "drop_below": (-0.6, -0.2, False),
}


def search(
    subject: Subject,
    task: Task,
    base: PruneSettings,
    *,
    n_trials: int,
    on_trial: Callable[[int, Trial], None] = lambda number, trial: None,
    on_step: Callable[[PruneStep], None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
    done: Sequence[Trial] = (),
) -> SearchResult:
    """Search `n_trials` settings, the `base` ones first. Seeded by `base.seed`: the same search finds the same.

    `done` are the first trials of the same search, run before: they are not run again, but for the best of them if no
    later one is better. Told to stop, it ends with the trials that it has.
    """
    train, fresh = split_pairs(subject, task, base)
    base = fitting(base, subject, fresh)
    candidates = shortlist(subject, train, base)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=base.seed, n_startup_trials=4))
    study.enqueue_trial({name: min(max(getattr(base, name), low), high) for name, (low, high, _) in RANGES.items()})
    trials: list[Trial] = []
    best: _Best | None = None
    most = LARGEST

    def run(settings: PruneSettings, most: int, should_stop: Callable[[], bool] = lambda: False) -> PruneResult:
        return prune_batches(
            subject, task.name, train, fresh, settings, candidates=candidates, greedy_up_to=most, on_step=on_step,
            should_stop=should_stop,
        )  # fmt: skip

    while len(trials) < n_trials and not (trials and should_stop()):
        asked = study.ask()
        tried = {name: asked.suggest_float(name, low, high, log=log) for name, (low, high, log) in RANGES.items()}
        settings = replace(base, **cast(dict[str, Any], tried))
        result: PruneResult | None = None
        if len(trials) < len(done):
            trial = done[len(trials)]
        else:
            result = run(settings, most, should_stop)
            last = result.curve[-1]
            trial = Trial(tried, last.n_nodes, last.n_edges, result.fresh_loss_nats, result.reached_target)
            if result.stopped and trials:  # cut short: what came before it stands
                break
        trials.append(trial)
        study.tell(asked, trial.score)
        if result is not None:
            on_trial(len(trials), trial)
        if best is None or trial.score < best.trial.score:
            best = _Best(trial, settings, most, result)
            most = 3 * trial.n_nodes
    assert best is not None
    found = best.result if best.result is not None else run(best.settings, best.most)
    return SearchResult(found, best.settings, tuple(trials))


class _Best(NamedTuple):
    """The best trial so far, what it ran with, and its result where it was run just now."""

    trial: Trial
    settings: PruneSettings
    most: int
    result: PruneResult | None
