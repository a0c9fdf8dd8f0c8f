"""How well something does a task: two-way loss, accuracy and logit difference, with intervals over pairs."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from model.batch import PairBatch
from model.sparse.transformer import SparseTransformer
from model.swift import swift
from model.transformer import Start, Tap, Transformer, unchanged


@dataclass(frozen=True)
class Interval:
    """A mean over pairs with its 95% bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Outcome:
    """The right candidate's logit minus the wrong one's, for each prompt of a batch (class 1 first), on the CPU."""

    logit_diff: Float[Tensor, " prompt"]

    @property
    def n_pairs(self) -> int:
        return len(self.logit_diff) // 2

    @property
    def losses(self) -> Float[Tensor, " prompt"]:
        """Cross-entropy over the two candidates, nats (paper A.5, step 4)."""
        return F.softplus(-self.logit_diff)

    @property
    def loss_nats(self) -> float:
        return float(self.losses.mean())

    def per_pair(self, values: Float[Tensor, " prompt"]) -> Float[Tensor, " pair"]:
        return values.reshape(2, -1).mean(dim=0)

    def loss(self) -> Interval:
        return interval(self.per_pair(self.losses))

    def accuracy(self) -> Interval:
        """Share of prompts whose right candidate has the larger logit."""
        return interval(self.per_pair((self.logit_diff > 0).float()))

    def logit_difference(self) -> Interval:
        return interval(self.per_pair(self.logit_diff))


def logit_difference(
    model: Transformer, batch: PairBatch, tap: Tap | None = None, start: Start | None = None
) -> Float[Tensor, " prompt"]:
    """Right minus wrong candidate's logit at each prompt's last token; differentiable. `start`: see Transformer."""
    logits = model(batch.tokens, at=batch.last, tap=tap or unchanged, start=start)
    both = logits.gather(1, batch.candidates).float()
    return both[:, 0] - both[:, 1]


@runtime_checkable
class Answering(Protocol):
    """Anything that answers a batch of pairs: a compiled circuit, for one."""

    def logit_difference(self, batch: PairBatch) -> Tensor: ...


@torch.no_grad()
def measure(
    model: Transformer | Answering, batch: PairBatch, tap: Tap | None = None, *, pairs_at_once: int = 64
) -> Outcome:
    """Run a batch, at most `pairs_at_once` pairs at a time, on a model (with a tap) or on whatever else answers it.

    A sparse model runs as such (`model.swift`).
    """
    if isinstance(model, Transformer):
        model = swift(model)
        if isinstance(model, SparseTransformer):
            pairs_at_once = min(pairs_at_once, max(1, model.prompts_at_once(batch.tokens.shape[1]) // 2))
    parts = []
    for part in batch.split(pairs_at_once) if batch.n_pairs > pairs_at_once else [batch]:
        if isinstance(model, Transformer):
            diff = logit_difference(model, part, tap)
        else:
            assert tap is None, "a tap is for the dense model"
            diff = model.logit_difference(part)
        parts.append(diff.reshape(2, -1))
    return Outcome(torch.cat(parts, dim=1).flatten().cpu())


def interval(per_pair: Float[Tensor, " pair"], *, n_resamples: int = 2000, seed: int = 0) -> Interval:
    """Mean and 95% percentile interval of the mean, by resampling pairs. Seeded: the same values, the same interval."""
    values = per_pair.double().numpy()
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), size=(n_resamples, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))
