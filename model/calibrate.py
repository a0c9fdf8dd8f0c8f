"""Calibration of a circuit's logits: one scale and a shift for each candidate (paper A.5, step 6).

What is held at its mean no longer adds its part to either candidate, so a circuit tells two prompts apart on another
scale and about another middle than the model does. Scale and shift put that right; they cannot tell anything apart.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

#: Pull of the fit towards no calibration, in units of the standardised logit difference: prompts that are told apart
#: without fault would otherwise want an infinite scale.
RIDGE = 1e-4
N_NEWTON = 10
#: A circuit that tells the classes apart the wrong way round would rather say nothing; kept from that, it has a slope
#: to learn from.
LEAST_SCALE = 0.5
#: A circuit whose logits differ by a hair tells nothing that rounding could not: no scale makes an answer of that.
MOST_SCALE = 32.0


@dataclass(frozen=True)
class Calibration:
    """All logits times `scale`; `shift` is then added to class 1's candidate and taken from class 2's.

    One shift shared by both candidates would do nothing under the softmax, and with two only their difference matters.
    """

    scale: float
    shift: float

    def __call__(self, difference: Float[Tensor, "*variant prompt"]) -> Float[Tensor, "*variant prompt"]:
        """Calibrated right minus wrong logits; the first half of the prompts is class 1."""
        return self.scale * difference + 2 * self.shift * _sign(difference)


def fit(
    difference: Float[Tensor, "*variant prompt"],
) -> tuple[Float[Tensor, "*variant 1"], Float[Tensor, "*variant 1"]]:
    """Scale and shift that give the least two-way loss, each variant its own, by Newton's method.

    The scale stays between LEAST_SCALE and MOST_SCALE; at either end the shift is the best for that scale.
    """
    sign = _sign(difference)
    x = difference.detach().double() * sign  # class 1's logit less class 2's
    middle, spread = x.mean(-1, keepdim=True), x.std(-1, keepdim=True).clamp_min(1e-9)
    z = (x - middle) / spread
    least, most = LEAST_SCALE * spread, MOST_SCALE * spread
    a, b = least.clone(), torch.zeros_like(middle)
    for _ in range(N_NEWTON):
        p = torch.sigmoid(-sign * (a * z + b))
        w = (p * (1 - p)).clamp_min(1e-12)
        slope_a = -(p * sign * z).mean(-1, keepdim=True) + RIDGE * a
        slope_b = -(p * sign).mean(-1, keepdim=True) + RIDGE * b
        aa, bb = (w * z * z).mean(-1, keepdim=True) + RIDGE, w.mean(-1, keepdim=True) + RIDGE
        ab = (w * z).mean(-1, keepdim=True)
        determinant = aa * bb - ab * ab
        wanted = a - ((bb * slope_a - ab * slope_b) / determinant).clamp(-3, 3)
        held = (wanted < least) | (wanted > most)
        a = wanted.maximum(least).minimum(most)
        b = b - torch.where(held, slope_b / bb, (aa * slope_b - ab * slope_a) / determinant).clamp(-3, 3)
    scale = a / spread
    return scale.to(difference.dtype), ((b - scale * middle) / 2).to(difference.dtype)


def calibrated_losses(difference: Float[Tensor, "*variant prompt"]) -> Float[Tensor, " *variant"]:
    """Two-way loss, nats, of each variant under the calibration that suits it best; differentiable.

    At the best calibration the loss does not change with it, so the slope is that with scale and shift held.
    """
    scale, shift = fit(difference)
    return softplus(-(scale * difference + 2 * shift * _sign(difference))).mean(dim=-1)


def plain_losses(difference: Float[Tensor, "*variant prompt"]) -> Float[Tensor, " *variant"]:
    """Two-way loss, nats, of each variant; differentiable."""
    return softplus(-difference).mean(dim=-1)


def calibrate(difference: Float[Tensor, " prompt"]) -> Calibration:
    """Fitted to a circuit's logit differences on train pairs, rounded to six digits so that it survives any file."""
    scale, shift = fit(difference.double())
    return Calibration(*(float(f"{float(value):.6g}") for value in (scale, shift)))


def _sign(difference: Tensor) -> Tensor:
    """1 for the prompts of class 1, -1 for those of class 2: there the right candidate is the second one."""
    sign = torch.ones_like(difference[..., :1]).expand_as(difference).clone()
    sign[..., difference.shape[-1] // 2 :] = -1
    return sign
