"""A neuron as a function: what goes into it, what comes out, what it then writes."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from model.activations import inside
from model.circuit import Circuit
from model.errors import InputError
from model.sites import Node
from model.subject import Subject
from model.swift import swift
from model.transformer import Tap


def check_neuron(node: Node) -> None:
    """InputError for a node that is no neuron."""
    if node.part != "mlp.post_act":
        raise InputError(f"{node} is no neuron; only nodes of mlp.post_act have a response curve")


def activated(subject: Subject, pre: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The activation function at `pre`: a neuron's output before AbsTopK, which may still silence it."""
    return F.relu(pre) if subject.config.activation_type == "relu" else F.gelu(pre)


def response_curve(subject: Subject, low: float, high: float, n_points: int = 61) -> tuple[list[float], list[float]]:
    """What goes in and what comes out, from `low` to `high` and always through zero."""
    margin = 0.05 * (high - low)
    low, high = min(low - margin, -margin), max(high + margin, margin)
    pre = torch.cat([torch.linspace(low, high, n_points, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)])
    pre = pre.sort().values
    return pre.tolist(), activated(subject, pre).tolist()


def bias_of(subject: Subject, node: Node) -> float:
    """What goes into a neuron when all that it reads is zero."""
    bias = subject.model.blocks[node.layer].mlp.c_fc.bias
    return 0.0 if bias is None else float(bias[node.index])


@torch.no_grad()
def pre_activations(
    subject: Subject,
    tokens: Int[Tensor, "prompt pos"],
    last: Int[Tensor, " prompt"],
    neurons: Sequence[Node],
    circuit: Circuit | None = None,
    *,
    prompts_at_once: int = 128,
) -> Float[Tensor, "neuron token"]:
    """What goes into neurons at every token of prompts, one prompt after the other up to its `last`, on the CPU."""
    for node in neurons:
        check_neuron(node)
    model, found = swift(subject.model), []
    rows: dict[str, list[int]] = {}
    for row, node in enumerate(neurons):
        rows.setdefault(f"{node.layer}.mlp.c_fc", []).append(row)
    for start in range(0, len(tokens), prompts_at_once):
        part, ends = tokens[start : start + prompts_at_once], last[start : start + prompts_at_once]
        inner = inside(subject, circuit)
        seen = torch.zeros(*part.shape, len(neurons), device=part.device)

        def tap(site: str, x: Tensor, inner: Tap = inner, seen: Tensor = seen) -> Tensor:
            x = inner(site, x)
            if site in rows:
                seen[..., rows[site]] = x[..., [neurons[row].index for row in rows[site]]].float()
            return x

        model(part, at=ends, tap=tap)
        in_prompt = torch.arange(part.shape[1], device=part.device) <= ends[:, None]
        found.append(seen[in_prompt].cpu())
    return torch.cat(found).T
