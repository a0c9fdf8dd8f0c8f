"""Nodes over held-out text: what each of them does at every token of it, and the tokens where it does most and least.

The text is documents; a model's own tokeniser cuts it, as in training: a separator before each, one stream, windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float16, Int
from torch import Tensor

from model.activations import record
from model.circuit import Circuit
from model.sites import Node
from model.subject import Subject
from model.swift import swift
from model.tokenizer import Tokenizer

LONGEST_WINDOW = 128
BEFORE, AFTER = 14, 6


def windows_of(documents: Sequence[str], tokenizer: Tokenizer, width: int) -> Int[Tensor, "window pos"]:
    """The documents as one stream, cut into windows; the last, incomplete one is dropped."""
    stream = [token for ids in tokenizer.encode_batch(list(documents)) for token in (tokenizer.separator, *ids)]
    n_windows = len(stream) // width
    return torch.tensor(stream[: n_windows * width], dtype=torch.long).reshape(n_windows, width)


def sample_values(
    subject: Subject,
    windows: Int[Tensor, "window pos"],
    nodes: Sequence[Node],
    circuit: Circuit | None = None,
    *,
    windows_at_once: int = 32,
) -> Float16[Tensor, "node window pos"]:
    """Every node at every token, on the CPU, in one pass; in half precision, which keeps three digits."""
    model = swift(subject.model)
    found = torch.empty(len(nodes), *windows.shape, dtype=torch.float16)
    for start in range(0, len(windows), windows_at_once):
        part = windows[start : start + windows_at_once].to(subject.device)
        last = torch.zeros(len(part), dtype=torch.long, device=subject.device)
        values = record(subject, part, last, nodes, circuit, model=model).values
        found[:, start : start + len(part)] = values.clamp(-60_000, 60_000).half().cpu()
    return found


@dataclass(frozen=True)
class Summary:
    """A node's values over all tokens; `zero_share` is how many of them are exactly zero."""

    zero_share: float
    mean: float
    low: float
    high: float


def summary(values: Float[Tensor, "window pos"]) -> Summary:
    return Summary(
        float((values == 0).double().mean()), float(values.double().mean()), float(values.min()), float(values.max())
    )


def histogram_edges(runs: Sequence[Float[Tensor, "..."]], n_bins: int = 48) -> list[float]:
    """Bins of equal width from the lowest to the highest value of all runs."""
    low, high = min(float(run.min()) for run in runs), max(float(run.max()) for run in runs)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return [float(edge) for edge in np.linspace(low, high, n_bins + 1)]


def counts(values: Float[Tensor, "..."], edges: Sequence[float]) -> list[int]:
    """How many values lie in each bin; the last bin takes its upper edge too."""
    return np.histogram(values.double().numpy(), bins=np.array(edges))[0].tolist()


@dataclass(frozen=True)
class Example:
    """`tokens[focus]` of a window, with some of what stands around it; `values[i]` is the node's at `tokens[i]`."""

    tokens: list[int]
    values: list[float]
    focus: int


def examples(
    windows: Int[Tensor, "window pos"],
    values: Float[Tensor, "window pos"],
    share: float,
    n: int,
    *,
    top: bool,
) -> list[Example]:
    """`n` tokens from the `share` of all that have the largest (or smallest) values, strongest first.

    They are taken at even steps through that share, so that they show all of it and not its end alone. Equal values
    come in an order that is shuffled, always in the same way: else the zeros of a neuron would all be the text's first.
    """
    flat = values.flatten().float()
    shuffled = torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))
    order = shuffled[torch.argsort(flat[shuffled], descending=top, stable=True)]
    within = max(1, round(share * len(flat)))
    ranks = sorted({int((i + 0.5) * within / n) for i in range(n)})
    return [_example(windows, values, int(order[rank])) for rank in ranks]


def _example(windows: Tensor, values: Tensor, place: int) -> Example:
    window, pos = divmod(place, windows.shape[1])
    start, end = max(0, pos - BEFORE), pos + AFTER + 1
    return Example(windows[window, start:end].tolist(), values[window, start:end].float().tolist(), pos - start)
