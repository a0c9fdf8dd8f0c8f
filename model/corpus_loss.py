"""What else an intervention breaks: the full model's loss on held-out text, before and after."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from model.activations import record
from model.bench import intervene
from model.intervention import Part, node_settings
from model.sites import Node
from model.subject import Subject
from model.swift import swift
from model.transformer import Tap

WINDOWS_AT_ONCE = 16


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


@torch.no_grad()
def corpus_losses(
    subject: Subject, windows: Int[Tensor, "window pos"], parts: Sequence[Part] = (), seed: int = 0
) -> Float[Tensor, " window"]:
    """Mean next-token loss of each window, nats a token; resampled nodes take another window's values, at the same
    position. On the CPU."""
    assert why_not(parts) is None
    model = swift(subject.model)
    windows = windows.to(subject.device)
    resampled = [node for node, setting in node_settings(parts).items() if setting.mode == "resample"]
    shuffled = _of_other_windows(len(windows), seed) if resampled else None
    losses = []
    for rows in torch.arange(len(windows)).split(WINDOWS_AT_ONCE):
        tokens = windows[rows]
        borrowed: dict[Node, Tensor] | None = None
        if shuffled is not None:
            donors = windows[shuffled[rows]]
            last = torch.zeros(len(donors), dtype=torch.long, device=subject.device)
            values = record(subject, donors, last, resampled, model=model).values
            borrowed = dict(zip(resampled, values, strict=True))
        tap: Tap = intervene(subject, parts, borrowed)
        logits = model(tokens, tap=tap)[:, :-1].float()
        losses.append(F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none").mean(dim=1))
    return torch.cat(losses).cpu()


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
