"""Calibration of a circuit's logits: one scale and a shift for each candidate (paper A.5, step 6)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from model.measure import Outcome


@dataclass(frozen=True)
class Calibration:
    """Fitted on train pairs; `shift` is added to the logits of class 1's and class 2's candidate."""

    scale: float
    shift: tuple[float, float]
    loss_before_nats: float
    loss_after_nats: float


def calibrate(outcome: Outcome, *, n_steps: int = 16) -> Calibration:
    """Fit scale and shifts to a circuit's logit differences with `n_steps` of L-BFGS.

    One shift shared by both candidates would do nothing under the softmax, so each candidate has its own; with two
    candidates only their difference matters, and it is split evenly between them.
    """
    diff = outcome.logit_diff.double()
    sign = torch.ones_like(diff)
    sign[len(diff) // 2 :] = -1  # for class 2 the right candidate is the second one
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    shift = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scale, shift], max_iter=n_steps, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        return F.softplus(-(scale * diff + sign * (shift[0] - shift[1]))).mean()

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    before = float(loss().detach())
    optimizer.step(closure)
    after = float(loss().detach())
    if not after <= before:  # L-BFGS walked off, as it may on separable data
        return Calibration(1.0, (0.0, 0.0), before, before)
    return Calibration(float(scale.detach()), (float(shift[0].detach()), float(shift[1].detach())), before, after)
