"""How well something does a task: two-way loss, accuracy and logit difference, with intervals over pairs."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from model.batch import PairBatch
from model.intervals import Interval as Interval
from model.intervals import interval as interval
from model.intervals import intervals
from model.sparse.transformer import SparseTransformer
from model.swift import swift
from model.transformer import Start, Tap, Transformer, unchanged

PAIRS_AT_ONCE = 64


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
        return self._intervals[0]

    def accuracy(self) -> Interval:
        """Share of prompts whose right candidate has the larger logit."""
        return self._intervals[1]

    def logit_difference(self) -> Interval:
        return self._intervals[2]

    @cached_property
    def _intervals(self) -> list[Interval]:
        """Of loss, accuracy and logit difference; one set of draws serves all three."""
        of_each = (self.losses, (self.logit_diff > 0).float(), self.logit_diff)
        return intervals(torch.stack([self.per_pair(values) for values in of_each]))


def logit_difference(
    model: Transformer, batch: PairBatch, tap: Tap | None = None, start: Start | None = None
) -> Float[Tensor, " prompt"]:
    """Right minus wrong candidate's logit at each prompt's last token; differentiable. `start`: see Transformer."""
    return two_way(model(batch.tokens, at=batch.last, tap=tap or unchanged, start=start), batch)


def two_way(logits: Float[Tensor, "prompt vocab"], batch: PairBatch) -> Float[Tensor, " prompt"]:
    """The same from the logits at each prompt's last token."""
    both = logits.gather(1, batch.candidates).float()
    return both[:, 0] - both[:, 1]


@runtime_checkable
class Answering(Protocol):
    """Anything that answers a batch of pairs: a compiled circuit, for one."""

    def logit_difference(self, batch: PairBatch) -> Tensor: ...


@torch.no_grad()
def measure(
    model: Transformer | Answering, batch: PairBatch, tap: Tap | None = None, *, pairs_at_once: int = PAIRS_AT_ONCE
) -> Outcome:
    """Run a batch, at most `pairs_at_once` pairs of like length at a time, on a model (with a tap) or on whatever else
    answers it.

    A sparse model runs as such (`model.swift`).
    """
    if isinstance(model, Transformer):
        model = swift(model)
    found: Tensor | None = None
    for prompts, part in batch.by_length(lambda width: min(pairs_at_once, most_pairs(model, width))):
        if isinstance(model, Transformer):
            diff = logit_difference(model, part, tap)
        else:
            assert tap is None, "a tap is for the dense model"
            diff = model.logit_difference(part)
        found = diff.new_empty(len(batch.tokens)) if found is None else found
        found[prompts] = diff
    assert found is not None
    return Outcome(found.cpu())


def most_pairs(model: object, width: int) -> int:
    """How many pairs of so many tokens a model best runs at a time; a sparse one's activations stay in the cache."""
    return model.prompts_at_once(width) // 2 if isinstance(model, SparseTransformer) else PAIRS_AT_ONCE
