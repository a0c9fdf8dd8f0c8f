"""Hyper-parameters of pruning, searched for each model and task (paper A.5: untuned results are poor).

1. One coarse run shortlists candidates, so that a trial costs what the candidates cost.
2. Optuna's TPE sampler proposes settings; the first trial is the settings that the search started from,
   brought into their ranges.
3. A trial is a whole pruning run; its score is the number of edges at the target loss on fresh train pairs.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import optuna

from model.learn import shortlist
from model.prune import PruneResult, fitting, prune_batches, split_pairs
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
    should_stop: Callable[[], bool] = lambda: False,
) -> SearchResult:
    """Search `n_trials` settings, the `base` ones first. Seeded by `base.seed`: the same search finds the same."""
    train, fresh = split_pairs(subject, task, base)
    base = fitting(base, subject, fresh)
    candidates = shortlist(subject, train, base)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=base.seed, n_startup_trials=4))
    study.enqueue_trial({name: min(max(getattr(base, name), low), high) for name, (low, high, _) in RANGES.items()})
    trials: list[Trial] = []
    best: tuple[float, PruneResult, PruneSettings] | None = None
    most = LARGEST
    while len(trials) < n_trials and not (trials and should_stop()):
        asked = study.ask()
        tried = {name: asked.suggest_float(name, low, high, log=log) for name, (low, high, log) in RANGES.items()}
        settings = replace(base, **cast(dict[str, Any], tried))
        result = prune_batches(subject, task.name, train, fresh, settings, candidates=candidates, greedy_up_to=most)
        last = result.curve[-1]
        trials.append(Trial(tried, last.n_nodes, last.n_edges, result.fresh_loss_nats, result.reached_target))
        score = math.log(1 + last.n_edges) + (0.0 if result.reached_target else 10 + result.fresh_loss_nats)
        study.tell(asked, score)
        on_trial(len(trials), trials[-1])
        if best is None or score < best[0]:
            best = score, result, settings
            most = 3 * last.n_nodes
    assert best is not None
    return SearchResult(best[1], best[2], tuple(trials))
