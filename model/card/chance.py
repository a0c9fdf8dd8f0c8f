"""Random circuits: as many nodes at each site as the circuit keeps there, drawn from a seed."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import torch

from model.batch import PairBatch
from model.calibrate import calibrated_losses, plain_losses
from model.circuit import Circuit
from model.compiled import compile_circuit
from model.measure import Outcome, measure
from model.overlap import random_keep
from model.sites import FINAL
from model.subject import Subject


@torch.no_grad()
def random_losses(
    subject: Subject,
    circuit: Circuit,
    batch: PairBatch,
    *,
    n_draws: int,
    seed: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[float]:
    """The task loss (nats) of `n_draws` random circuits, all else at its mean; none of their edges is cut.

    Beside a calibrated circuit each has the calibration that suits it best on these pairs (`comparable_loss`).
    """
    counts = Counter(node.site for node in circuit.nodes)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n_draws):
        if should_stop():
            return
        keep = random_keep(subject.model, counts, generator)
        if circuit.final_resid is not None:  # of that no node is drawn: both are read through the same channels
            keep[FINAL] = circuit.keep(subject.config, subject.device)[FINAL]
        yield comparable_loss(circuit, measure(compile_circuit(subject.model, subject.means, keep), batch))


def comparable_loss(circuit: Circuit, uncalibrated: Outcome) -> float:
    """The loss, nats, by which a circuit and random ones are compared: of logits as they are or, where the circuit is
    calibrated, under the calibration that suits each best."""
    losses = plain_losses if circuit.calibration is None else calibrated_losses
    return float(losses(uncalibrated.logit_diff))


def share_at_most(losses: Sequence[float], loss: float) -> float:
    """The share of random circuits that do at least as well: 0 where the circuit beats them all."""
    return sum(value <= loss for value in losses) / len(losses)
