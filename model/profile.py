"""Nodes over a task's pairs: one number a prompt, three ways, so that two classes can be set side by side."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.activations import record
from model.batch import PairBatch
from model.circuit import Circuit
from model.sites import Node
from model.subject import Subject
from model.swift import swift

#: How a node's values along a prompt become one: at its last token, their mean, the one of largest magnitude.
REDUCTIONS = ("last", "mean", "largest")


def reduced(
    values: Float[Tensor, "*node prompt pos"], last: Int[Tensor, " prompt"]
) -> Float[Tensor, "*node prompt reduction"]:
    """One value for each of REDUCTIONS; positions after `last` are padding and do not count."""
    inside = torch.arange(values.shape[-1], device=values.device) <= last[:, None]
    values = torch.where(inside, values, 0)
    at_last = values.gather(-1, last[:, None].expand(*values.shape[:-1], 1))[..., 0]
    at_largest = values.gather(-1, values.abs().argmax(dim=-1, keepdim=True))[..., 0]
    return torch.stack([at_last, values.sum(dim=-1) / (last + 1), at_largest], dim=-1)


def task_profile(
    subject: Subject,
    batch: PairBatch,
    nodes: Sequence[Node],
    circuit: Circuit | None = None,
    *,
    pairs_at_once: int = 64,
) -> Float[Tensor, "node 2 pair reduction"]:
    """Every node's reduced values on both prompts of every pair, on the CPU; one pass for all nodes."""
    model, parts = swift(subject.model), []
    for part in batch.split(pairs_at_once):
        values = record(subject, part.tokens, part.last, nodes, circuit, model=model).values
        parts.append(reduced(values, part.last).unflatten(1, (2, -1)).cpu())
    return torch.cat(parts, dim=2)
