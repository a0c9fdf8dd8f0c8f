"""A quick estimate of a change, from few pairs, with the error that so few leave."""

import math
from typing import Final

from model.bench import Bench
from model.intervention import Part
from model.measure import Interval, Outcome

#: How many pairs an estimate is made from.
FEW: Final = 8
#: 97.5% points of Student's t, by the number of pairs less one.
_T: Final = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365}


def quick(few: Bench, parts: list[Part]) -> Interval:
    """The loss's change (nats) on 2 to 8 pairs, with the 95% interval for the mean of all pairs like them."""
    return of_first(few.untouched, few.outcome(parts))


def of_first(before: Outcome, after: Outcome) -> Interval:
    """The same from the first pairs of more that have been measured."""
    change = before.per_pair(after.losses - before.losses)
    return t_interval(change[:FEW].double().tolist())


def t_interval(values: list[float]) -> Interval:
    """Mean and 95% interval by Student's t; the bootstrap's would be too narrow for so few."""
    n = len(values)
    mean = math.fsum(values) / n
    half = _T[n - 1] * math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)
    return Interval(mean, mean - half, mean + half)
