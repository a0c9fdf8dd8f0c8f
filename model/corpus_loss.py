"""What else an intervention breaks: the full model's loss on held-out text, before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from model.activations import record
from model.bench import changed, intervene
from model.intervention import Part, node_settings
from model.prefix import Prefix, stage_of
from model.sites import Node
from model.sparse.transformer import SparseTransformer
from model.subject import Subject
from model.swift import swift
from model.transformer import Start, Tap, Transformer, unchanged

#: Logits of all tokens of a few windows stay in the cache of a CPU, where they are held at all.
WINDOWS_AT_ONCE, GPU_WINDOWS_AT_ONCE = 4, 32


def some_windows(windows: Int[Tensor, "window pos"], n: int) -> Int[Tensor, "some pos"]:
    """`n` of them at even steps, or all."""
    if len(windows) <= n:
        return windows
    return windows[torch.linspace(0, len(windows) - 1, n).round().long()]


def why_not(parts: Sequence[Part]) -> str | None:
    """Why an intervention cannot be done on text that comes without pairs; None where it can."""
    modes = [mode for mode in ("patch", "steer") if any(part.setting.mode == mode for part in parts)]
    if not modes:
        return None
    return f"{' and '.join(modes)} needs the other prompt of a pair, and the corpus has no pairs"


class Text:
    """Windows of held-out text and what one model makes of them; what comes before a change is computed once."""

    def __init__(self, subject: Subject, windows: Int[Tensor, "window pos"]) -> None:
        self.subject, self.model = subject, swift(subject.model)
        self.windows = windows.to(subject.device)
        at_once = WINDOWS_AT_ONCE if subject.device.type == "cpu" else GPU_WINDOWS_AT_ONCE
        if _holds_no_logits(self.model):
            at_once = self.model.prompts_at_once(windows.shape[1])
        self._rows = torch.arange(len(windows), device=subject.device).split(at_once)
        self._prefixes: dict[int, Prefix] = {}

    @property
    def n_tokens(self) -> int:
        """Tokens that are foretold."""
        return len(self.windows) * (self.windows.shape[1] - 1)

    @cached_property
    def before(self) -> Float[Tensor, " window"]:
        """The losses with nothing changed."""
        return self.losses()

    @torch.no_grad()
    def losses(self, parts: Sequence[Part] = (), seed: int = 0) -> Float[Tensor, " window"]:
        """Mean next-token loss of each window, nats a token; resampled nodes take another window's values, at the same
        position. On the CPU."""
        assert why_not(parts) is None
        resampled = [node for node, setting in node_settings(parts).items() if setting.mode == "resample"]
        shuffled = _of_other_windows(len(self.windows), seed).to(self.subject.device) if resampled else None
        stage = min((stage_of(node, self.subject.config.n_layer) for node in changed(parts)), default=0)
        found = []
        for number, rows in enumerate(self._rows):
            borrowed: dict[Node, Tensor] | None = None
            if shuffled is not None:
                donors = self.windows[shuffled[rows]]
                last = torch.zeros(len(donors), dtype=torch.long, device=self.subject.device)
                values = record(self.subject, donors, last, resampled, model=self.model).values
                borrowed = dict(zip(resampled, values, strict=True))
            start = self._prefix(number).before(stage) if stage else None
            tap = intervene(self.subject, parts, borrowed) if parts else unchanged
            found.append(_next_token_losses(self.model, self.windows[rows], tap, start))
        return torch.cat(found).cpu()

    def _prefix(self, number: int) -> Prefix:
        if number not in self._prefixes:
            self._prefixes[number] = Prefix(self.model, self.windows[self._rows[number]], 1 / len(self._rows))
        return self._prefixes[number]


def _holds_no_logits(model: Transformer) -> TypeGuard[SparseTransformer]:
    return isinstance(model, SparseTransformer) and model.unembedding.is_sparse


def _next_token_losses(
    model: Transformer, tokens: Int[Tensor, "window pos"], tap: Tap, start: Start | None
) -> Float[Tensor, " window"]:
    if _holds_no_logits(model):
        return model.surprise(tokens, tap=tap, start=start).mean(dim=1)
    logits = model(tokens, tap=tap, start=start)
    following = tokens.roll(-1, dims=1)  # the last token's is the first one: left out of the mean
    losses = F.cross_entropy(logits.flatten(0, 1).float(), following.flatten(), reduction="none")
    return losses.view(tokens.shape)[:, :-1].mean(dim=1)


def corpus_losses(
    subject: Subject, windows: Int[Tensor, "window pos"], parts: Sequence[Part] = (), seed: int = 0
) -> Float[Tensor, " window"]:
    """The same, asked once."""
    return Text(subject, windows).losses(parts, seed)


def _of_other_windows(n: int, seed: int) -> Int[Tensor, " window"]:
    """For each window another one, at random."""
    assert n > 1, "resampling needs another window"
    other = torch.randint(n - 1, (n,), generator=torch.Generator().manual_seed(seed))
    return other + (other >= torch.arange(n))


@dataclass(frozen=True)
class Found:
    """Mean next-token losses of the same windows, nats a token."""

    before: Float[Tensor, " window"]
    after: Float[Tensor, " window"]
    n_tokens: int
