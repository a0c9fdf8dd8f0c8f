"""Where a circuit answers unlike its model: prompts ranked by how far apart their logit differences are."""

from collections.abc import Sequence

import torch

from model.measure import Outcome


def by_disagreement(full: Outcome, circuit: Outcome) -> Sequence[int]:
    """Numbers of all prompts: opposite answers first, then by the gap between logit differences, nats."""
    opposite = (full.logit_diff > 0) != (circuit.logit_diff > 0)
    gap = (full.logit_diff - circuit.logit_diff).abs()
    order = torch.argsort(gap + opposite * (gap.max() + 1), descending=True, stable=True)
    numbers: list[int] = order.tolist()
    return numbers
