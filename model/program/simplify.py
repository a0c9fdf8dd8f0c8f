"""A program made simpler: found on train prompts, kept only while it answers as the circuit does.

1. Each single change is tried: a query that hardly moves as its mean, a pattern as an average, a share as a number.
2. They are made one after another, the least harmful first, as long as the answers stay.
3. Weights are rounded to as few digits as the answers allow. A calibration may be fitted anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from model.batch import PairBatch
from model.calibrate import Calibration, calibrate
from model.program.code import python_of
from model.program.fold import Steps, averaged, contested, fold, unread
from model.program.numbers import Digits
from model.program.plan import Plan
from model.program.run import right_minus_wrong, run
from model.program.steps import Linear, Numbers, Pattern, RowSum, Share, Step
from model.program.tables import Head

#: What a simplification may cost on train prompts: the share of answers that change, and nats of loss.
MOST_CHANGED, MOST_NATS = 0.01, 0.02
MOST_CHANGES = 24
DIGITS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Simplified:
    """`said` has a sentence for each change; `digits` None: no rounding kept the answers."""

    plan: Plan
    digits: int | None
    said: tuple[str, ...]


@dataclass(frozen=True)
class _Change:
    said: str
    make: Callable[[Steps], Steps]


@dataclass(frozen=True)
class _Cost:
    changed: float
    loss_nats: float
    calibration: Calibration | None

    def within(self, base_nats: float) -> bool:
        return self.changed <= MOST_CHANGED and self.loss_nats <= base_nats + MOST_NATS


def simplify(plan: Plan, head: Head, batch: PairBatch) -> Simplified:
    """`batch` are train prompts."""
    names = [step.name for step in plan.steps if isinstance(step, (Linear, Share, RowSum, Pattern)) and _may(step)]
    patterns = [step for step in plan.steps if isinstance(step, Pattern)]
    summed = _with_row_sums(plan)
    (exact,) = run([python_of(summed, head)], batch,
                   [n for n in names if not n.startswith("p")] + [f"w{p.name[1:]}" for p in patterns])  # fmt: skip
    base = right_minus_wrong(exact.answered)
    base_nats = float(softplus(-base).mean())
    fixed = contested(plan.steps)
    changes = [change for change in _changes(plan, exact.values, batch) if change[0] not in fixed][:MOST_CHANGES]

    def costs(plans: Sequence[Plan], digits: Sequence[Digits | None]) -> list[_Cost]:
        sources = [python_of(p, head, d) for p, d in zip(plans, digits, strict=True)]
        return [_cost(ran.raw, base, plan.calibration) for ran in run(sources, batch)]

    singles = costs([plan.with_steps(change.make(plan.steps)) for _, change in changes], [None] * len(changes))
    ranked = sorted(
        ((cost.loss_nats, number) for number, cost in enumerate(singles) if cost.within(base_nats))
    )  # fmt: skip
    made, said = plan, []
    if ranked:
        prefixes = [plan]
        for _, number in ranked:
            prefixes.append(plan.with_steps(unread(changes[number][1].make(prefixes[-1].steps))))
        longest = _longest(prefixes, lambda made: costs([made], [None])[0].within(base_nats))
        made = prefixes[longest]
        said = [changes[number][1].said for _, number in ranked[:longest]]
    rounded = costs([made] * len(DIGITS) + [made], [*(Digits(d) for d in DIGITS), None])
    for digits, cost in zip(DIGITS, rounded, strict=False):
        if cost.within(base_nats):
            return Simplified(replace(made, calibration=cost.calibration), digits, tuple(said))
    return Simplified(replace(made, calibration=rounded[-1].calibration), None, tuple(said))


def _longest(prefixes: Sequence[Plan], holds: Callable[[Plan], bool]) -> int:
    """The largest number of changes that hold together, by bisection: more changes are taken to cost more."""
    if holds(prefixes[-1]):
        return len(prefixes) - 1
    low, high = 0, len(prefixes) - 1  # the first holds, the last does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(prefixes[middle]) else (low, middle)
    return low


def _may(step: Linear | Share | RowSum | Pattern) -> bool:
    """Queries with something to fold, shares and row sums, patterns."""
    return not isinstance(step, Linear) or (step.node.part == "attn.q")


def _with_row_sums(plan: Plan) -> Plan:
    """With the row sum of every pattern named, so that it can be asked for."""
    steps: list[Step] = []
    for step in plan.steps:
        steps.append(step)
        if isinstance(step, Pattern):
            steps.append(RowSum(f"w{step.name[1:]}", step.name))
    return plan.with_steps(steps)


def _changes(plan: Plan, values: dict[str, Numbers], batch: PairBatch) -> list[tuple[str, _Change]]:
    """What could be made simpler, with the value that it is about."""
    found: list[tuple[str, _Change]] = []
    n_tokens = batch.last.cpu().numpy() + 1.0

    def folding(name: str) -> Callable[[Steps], Steps]:
        return lambda steps: fold(steps, name, float(values[name].mean()))

    for step in plan.steps:
        match step:
            case Linear(name) if _may(step):
                found.append((name, _Change(f"the query {name} is constant: {values[name].mean():.3g}", folding(name))))
            case Share(name) | RowSum(name):
                said = f"{name}, what a sink leaves of a head, is constant: {values[name].mean():.3g}"
                found.append((name, _Change(said, folding(name))))
            case Pattern(name, layer, head, _, _, sink):
                left = values[f"w{name[1:]}"].clip(1e-6, 1 - 1e-6)
                score = 0.0 if sink is None else float((np.log(left / (1 - left)) + sink - np.log(n_tokens)).mean())

                def averaging(steps: Steps, name: str = name, score: float = score) -> Steps:
                    return averaged(steps, name, score)

                said = f"head {head} of layer {layer} averages over the tokens so far"
                found.append((name, _Change(said, averaging)))
            case _:
                pass
    return found


def _cost(raw: Float[Tensor, " prompt"], base: Float[Tensor, " prompt"], found: Calibration | None) -> _Cost:
    """With the circuit's calibration or one fitted anew, whichever changes fewer answers."""
    difference = right_minus_wrong(raw)

    def under(calibration: Calibration | None) -> _Cost:
        answered = difference if calibration is None else calibration(difference)
        changed = float(((answered > 0) != (base > 0)).double().mean())
        return _Cost(changed, float(softplus(-answered).mean()), calibration)

    if found is None:
        return under(None)
    return min((under(found), under(calibrate(difference))), key=lambda cost: (cost.changed, cost.loss_nats))
