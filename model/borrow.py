"""What nodes do on other prompts of a batch, aligned at the last token: for resampling, patching and steering."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.activations import record
from model.batch import PairBatch
from model.circuit import Circuit
from model.errors import InputError
from model.intervention import BORROWING, Setting
from model.sites import Node
from model.subject import Subject
from model.transformer import Transformer

#: Numbers that may be remembered: half a gigabyte.
MOST = 2**27
PROMPTS_AT_ONCE = 128


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


class Recordings:
    """What nodes do on a batch in an undisturbed run, `within` a circuit or in the full model; each recorded once."""

    def __init__(
        self, subject: Subject, batch: PairBatch, within: Circuit | None = None, model: Transformer | None = None
    ) -> None:
        self.subject, self.batch, self.within, self.model = subject, batch, within, model
        self._known: dict[Node, Float[Tensor, "prompt pos"]] = {}

    def of(self, nodes: Sequence[Node]) -> Float[Tensor, "node prompt pos"]:
        """Raises InputError where that is more than can be held."""
        n_numbers = len(nodes) * self.batch.tokens.numel()
        if n_numbers > MOST:
            raise InputError(
                f"{len(nodes):,} nodes on {self.batch.n_pairs} pairs are {n_numbers:,} values of other prompts; "
                f"at most {MOST:,} are held: choose fewer nodes or pairs"
            )
        new = [node for node in dict.fromkeys(nodes) if node not in self._known]
        if (len(self._known) + len(new)) * self.batch.tokens.numel() > MOST:
            self._known, new = {}, list(dict.fromkeys(nodes))
        if new:
            self._known |= dict(zip(new, self._record(new), strict=True))
        return torch.stack([self._known[node] for node in nodes])

    def _record(self, nodes: Sequence[Node]) -> Float[Tensor, "node prompt pos"]:
        tokens, last = self.batch.tokens, self.batch.last
        parts = [
            record(self.subject, tokens[rows], last[rows], nodes, self.within, model=self.model).values
            for rows in torch.arange(len(tokens), device=tokens.device).split(PROMPTS_AT_ONCE)
        ]
        return torch.cat(parts, dim=1)


def borrowed(
    recordings: Recordings, settings: Mapping[Node, Setting], seed: int
) -> dict[Node, Float[Tensor, "prompt pos"]]:
    """What each node is set to that is resampled, patched or steered."""
    batch = recordings.batch
    n_pairs, device = batch.n_pairs, batch.tokens.device
    found: dict[Node, Tensor] = {}
    for mode in BORROWING:
        nodes = [node for node, setting in settings.items() if setting.mode == mode]
        if not nodes:
            continue
        donors = (of_other_pairs(n_pairs, seed) if mode == "resample" else other_of_pair(n_pairs)).to(device)
        own = recordings.of(nodes)
        values = own[:, donors[:, None], aligned_to(batch, donors)]
        if mode == "steer":
            t = torch.tensor([settings[node].amount for node in nodes], device=device)[:, None, None]
            first = torch.cat([own[:, :n_pairs], values[:, n_pairs:]], dim=1)
            second = torch.cat([values[:, :n_pairs], own[:, n_pairs:]], dim=1)
            values = (1 - t) * first + t * second
        found |= dict(zip(nodes, values, strict=True))
    return found
