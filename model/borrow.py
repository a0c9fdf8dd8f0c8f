"""What nodes do on other prompts of a batch, aligned at the last token: for resampling, patching and steering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.activations import record
from model.batch import PairBatch
from model.circuit import Circuit
from model.errors import InputError
from model.intervention import Setting
from model.sites import Node
from model.subject import Subject
from model.transformer import Transformer

#: Numbers that may be remembered: half a gigabyte.
MOST = 2**27


def other_of_pair(n_pairs: int) -> Int[Tensor, " prompt"]:
    """For each prompt of a batch the other one of its pair."""
    return torch.arange(2 * n_pairs).roll(n_pairs)


def of_other_pairs(n_pairs: int, seed: int) -> Int[Tensor, " prompt"]:
    """For each prompt a prompt of either class of another pair, at random, the same for the same seed."""
    if n_pairs < 2:
        raise InputError("resampling takes values from another pair, and n_pairs is 1; it must be at least 2")
    generator = torch.Generator().manual_seed(seed)
    own = torch.arange(2 * n_pairs) % n_pairs
    other = torch.randint(n_pairs - 1, (2 * n_pairs,), generator=generator)
    side = torch.randint(2, (2 * n_pairs,), generator=generator)
    return other + (other >= own) + n_pairs * side


def aligned_to(batch: PairBatch, donors: Int[Tensor, " prompt"]) -> Int[Tensor, "prompt pos"]:
    """For each position of each prompt that of its donor: last token to last token, none before the first."""
    positions = torch.arange(batch.tokens.shape[1], device=batch.tokens.device)
    shifted = positions - batch.last[:, None] + batch.last[donors][:, None]
    return shifted.clamp(min=0).minimum(batch.last[donors][:, None])


@dataclass(frozen=True)
class Borrowed:
    """Values of `nodes` on a batch in an undisturbed run, `within` a circuit or in the full model."""

    subject: Subject
    batch: PairBatch
    nodes: Sequence[Node]
    seed: int
    within: Circuit | None = None
    model: Transformer | None = None

    @cached_property
    def own(self) -> Float[Tensor, "node prompt pos"]:
        n_numbers = len(self.nodes) * self.batch.tokens.numel()
        if n_numbers > MOST:
            raise InputError(
                f"{len(self.nodes):,} nodes on {self.batch.n_pairs} pairs are {n_numbers:,} values of other prompts; "
                f"at most {MOST:,} are held: choose fewer nodes or pairs"
            )
        rows = torch.arange(len(self.batch.tokens), device=self.batch.tokens.device).split(128)
        parts = [
            record(self.subject, self.batch.tokens[part], self.batch.last[part], self.nodes, self.within,
                   model=self.model).values
            for part in rows
        ]  # fmt: skip
        return torch.cat(parts, dim=1)

    def _from(self, donors: Int[Tensor, " prompt"], rows: Tensor) -> Float[Tensor, "node prompt pos"]:
        donors = donors.to(self.batch.tokens.device)
        return self.own[rows][:, donors[:, None], aligned_to(self.batch, donors)]

    def values(self, settings: Mapping[Node, Setting]) -> Float[Tensor, "node prompt pos"]:
        """What each of the nodes that borrow is set to; others are left at their own values."""
        n_pairs = self.batch.n_pairs
        values = self.own.clone()
        for mode in ("resample", "patch", "steer"):
            rows = torch.tensor([i for i, node in enumerate(self.nodes) if settings[node].mode == mode])
            if not len(rows):
                continue
            rows = rows.to(values.device)
            if mode == "resample":
                values[rows] = self._from(of_other_pairs(n_pairs, self.seed), rows)
                continue
            own, other = self.own[rows], self._from(other_of_pair(n_pairs), rows)
            if mode == "patch":
                values[rows] = other
                continue
            amounts = [settings[node].amount for node in self.nodes if settings[node].mode == mode]
            t = torch.tensor(amounts, device=values.device)[:, None, None]
            first = torch.cat([own[:, :n_pairs], other[:, n_pairs:]], dim=1)
            second = torch.cat([other[:, :n_pairs], own[:, n_pairs:]], dim=1)
            values[rows] = (1 - t) * first + t * second
        return values
