"""Hyper-parameters of pruning, searched for each model and task (paper A.5: untuned results are poor).

1. One coarse run shortlists candidates, so that a trial costs what the candidates cost.
2. Optuna's TPE sampler proposes the settings of ROUND trials at a time, from what the rounds before came to; the first
   trial is the settings that the search started from, brought into their ranges.
3. A trial is a whole pruning run; its score is the number of edges at the target loss on fresh train pairs. Those of a
   round do not depend on each other: run in one place or in several, a search finds the same.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
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


#: Trials that are proposed together.
ROUND = 4
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


class Plan(NamedTuple):
    """A trial to be run: its number from 0, its settings, and the most nodes that the greedy pass is for."""

    number: int
    settings: dict[str, float]
    most: int


class Ran(NamedTuple):
    """What came of a plan. `result` is None of one that ran elsewhere or before; cut short, it was told to stop."""

    trial: Trial
    result: PruneResult | None = None
    cut_short: bool = False


class Bench:
    """What all trials of a search have in common: pairs, and the candidates of one coarse run."""

    def __init__(self, subject: Subject, task: Task, base: PruneSettings) -> None:
        self.subject, self.task = subject, task
        self.train, self.fresh = split_pairs(subject, task, base)
        self.base = fitting(base, subject, self.fresh)
        self.candidates = shortlist(subject, self.train, self.base)

    def settings(self, plan: Plan) -> PruneSettings:
        return replace(self.base, **cast(dict[str, Any], plan.settings))

    def run(
        self,
        plan: Plan,
        on_step: Callable[[PruneStep], None] = lambda step: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Ran:
        result = prune_batches(
            self.subject, self.task.name, self.train, self.fresh, self.settings(plan), candidates=self.candidates,
            greedy_up_to=plan.most, on_step=on_step, should_stop=should_stop,
        )  # fmt: skip
        last = result.curve[-1]
        trial = Trial(plan.settings, last.n_nodes, last.n_edges, result.fresh_loss_nats, result.reached_target)
        return Ran(trial, result, result.stopped)


#: Runs the plans of a round with the function that it is given, or elsewhere; yields in their order, and ends early
#: where it is told to stop.
RunAll = Callable[[Sequence[Plan], Callable[[Plan], Ran]], Iterable[Ran]]


def one_by_one(plans: Sequence[Plan], run: Callable[[Plan], Ran]) -> Iterable[Ran]:
    return map(run, plans)


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
    run_all: RunAll = one_by_one,
) -> SearchResult:
    """Search `n_trials` settings, the `base` ones first. Seeded by `base.seed`: the same search finds the same.

    `done` are the first trials of the same search, run before: they are not run again, but for the best of them if no
    later one is better. Told to stop, it ends with the trials that it has.
    """
    bench = Bench(subject, task, base)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=base.seed, n_startup_trials=ROUND))
    study.enqueue_trial(
        {name: min(max(getattr(bench.base, name), low), high) for name, (low, high, _) in RANGES.items()}
    )
    trials: list[Trial] = []
    best: tuple[Plan, Ran] | None = None

    def run(plan: Plan) -> Ran:
        return bench.run(plan, on_step, should_stop)

    while len(trials) < n_trials and not (trials and should_stop()):
        most = LARGEST if best is None else 3 * best[1].trial.n_nodes
        numbers = range(len(trials), min(n_trials, len(trials) + ROUND))
        asked = [study.ask() for _ in numbers]
        plans = [Plan(number, _suggested(trial), most) for number, trial in zip(numbers, asked, strict=True)]
        known = [Ran(trial) for trial in done[numbers.start : numbers.stop]]
        n_before = len(trials)
        for plan, ran in zip(plans, chain(known, run_all(plans[len(known) :], run)), strict=False):
            if ran.cut_short and trials:  # what came before it stands
                break
            trials.append(ran.trial)
            if plan.number >= len(done):
                on_trial(len(trials), ran.trial)
            if best is None or ran.trial.score < best[1].trial.score:
                best = plan, ran
        for trial, came in zip(asked, trials[n_before:], strict=False):
            study.tell(trial, came.score)
        if len(trials) - n_before < len(plans):
            break
    assert best is not None
    plan, ran = best
    found = ran.result if ran.result is not None else bench.run(plan, on_step).result
    assert found is not None
    return SearchResult(found, bench.settings(plan), tuple(trials))


def _suggested(asked: optuna.Trial) -> dict[str, float]:
    return {name: asked.suggest_float(name, low, high, log=log) for name, (low, high, log) in RANGES.items()}
