"""Faithfulness over node fractions, as MIB defines it, with the areas CPR and CMD.

1. m is the mean logit difference, right minus wrong candidate, over prompts; of logits as they are in all three. (A
   circuit's calibration, given to all three, leaves f as it is: the shift cancels over the two classes, the scale
   between numerator and denominator.)
2. A fraction x of all N nodes keeps the int(x N) first of a ranking; all others stand at their corpus mean.
3. f = (m(circuit) - m(empty)) / (m(full) - m(empty)).
4. CPR is the area under f, CMD the area under |1 - f|, over FRACTIONS, by trapezoids: both from .001 to 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from model.ablate import compiled, empty_circuit
from model.attribution import soft_gate
from model.batch import PairBatch
from model.circuit import Circuit
from model.errors import InputError
from model.measure import Interval, Outcome, logit_difference, measure
from model.sites import Node, maskable_sites, n_nodes, site_width
from model.subject import Subject

FRACTIONS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
N_RESAMPLES = 1000

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Faithfulness:
    """`f[i]` is of the first `n_nodes[i]` nodes of the ranking; intervals resample pairs."""

    n_nodes: tuple[int, ...]
    f: tuple[Interval, ...]
    cpr: Interval
    cmd: Interval
    circuit_f: Interval
    full_nats: float
    empty_nats: float


def ranking(subject: Subject, order: Sequence[Node], batch: PairBatch) -> tuple[Node, ...]:
    """All nodes of the model: `order` first, then the others by how much cutting each from the full model costs.

    That cost is a first-order estimate (one backward pass); ties stand in forward order.
    """
    costs = full_model_costs(subject, batch)
    rest = sorted((node for node in costs if node not in set(order)), key=lambda node: -costs[node])
    return (*order, *rest)


def full_model_costs(subject: Subject, batch: PairBatch) -> dict[Node, float]:
    """First-order estimate of how much the full model's loss rises (nats) with each node at its mean."""
    sites = list(maskable_sites(subject.config))
    gates = {
        site: torch.ones(site_width(subject.config, site), device=subject.device, requires_grad=True) for site in sites
    }
    loss = torch.nn.functional.softplus(-logit_difference(subject.model, batch, soft_gate(gates, subject.means))).mean()
    slopes = torch.autograd.grad(loss, [gates[site] for site in sites])
    return {
        Node(site, i): -slope for site, values in zip(sites, slopes, strict=True)
        for i, slope in enumerate(values.tolist())
    }  # fmt: skip


def faithfulness(
    subject: Subject,
    circuit: Circuit,
    ranked: Sequence[Node],
    batch: PairBatch,
    *,
    full: Outcome | None = None,
    empty: Outcome | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Faithfulness:
    """Measure every fraction, and the circuit itself; full and empty model too, unless these are known.

    Raises InputError where full and empty model do the same.
    """
    assert len(ranked) == n_nodes(subject.config)
    full = full or measure(subject.model, batch)
    empty = empty or measure(compiled(subject, empty_circuit(subject, circuit.task)), batch)
    counts = tuple(int(fraction * len(ranked)) for fraction in FRACTIONS)
    rows: list[Values] = []
    for count in counts:
        if count == 0 or should_stop():
            outcome = empty
        elif count == len(ranked):
            outcome = full
        else:
            nodes = Circuit.of(subject.fingerprint, circuit.task, ranked[:count])
            outcome = measure(compiled(subject, nodes), batch)
        rows.append(_per_pair(outcome))
    own = _per_pair(measure(compiled(subject, circuit.calibrated(None)), batch))
    return _summed_up(counts, np.stack(rows), own, _per_pair(full), _per_pair(empty))


def _per_pair(outcome: Outcome) -> Values:
    return np.asarray(outcome.per_pair(outcome.logit_diff).double().numpy())


def f_of(m: Values, full: Values | float, empty: Values | float) -> Values:
    """f of one m or of many."""
    return np.asarray((m - empty) / (np.asarray(full) - empty))


def areas(f: Values, fractions: Sequence[float] = FRACTIONS) -> tuple[Values, Values]:
    """CPR and CMD of curves [..., fraction]."""
    widths = np.diff(fractions)

    def area(y: Values) -> Values:
        return np.asarray(((y[..., 1:] + y[..., :-1]) / 2 * widths).sum(axis=-1))

    return area(f), area(np.abs(1 - f))


def _summed_up(counts: tuple[int, ...], rows: Values, own: Values, full: Values, empty: Values) -> Faithfulness:
    """`rows` [fraction, pair]."""
    spread = float(full.mean() - empty.mean())
    if abs(spread) < 1e-6:
        raise InputError("the full model and the empty circuit have the same mean logit difference, so f has no scale")
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(full), size=(N_RESAMPLES, len(full)))

    def both(values: Values) -> tuple[Values, Values]:
        """f on all pairs, and on each resample."""
        resampled = np.asarray(values[..., drawn].mean(axis=-1))
        return (
            f_of(np.asarray(values.mean(axis=-1)), float(full.mean()), float(empty.mean())),
            f_of(resampled, full[drawn].mean(axis=-1), empty[drawn].mean(axis=-1)),
        )

    f, f_drawn = both(rows)
    own_f, own_drawn = both(own)
    (cpr, cmd), (cpr_drawn, cmd_drawn) = areas(f), areas(f_drawn.T)
    return Faithfulness(
        n_nodes=counts,
        f=tuple(_interval(float(value), drawn) for value, drawn in zip(f, f_drawn, strict=True)),
        cpr=_interval(float(cpr), cpr_drawn),
        cmd=_interval(float(cmd), cmd_drawn),
        circuit_f=_interval(float(own_f), own_drawn),
        full_nats=float(full.mean()),
        empty_nats=float(empty.mean()),
    )


def _interval(value: float, drawn: Values) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high))
