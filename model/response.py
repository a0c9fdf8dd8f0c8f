"""A neuron as a function: what goes into it, what comes out, what it then writes."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from model.activations import inside
from model.batch import PairBatch
from model.circuit import Circuit
from model.errors import InputError
from model.sites import Node
from model.subject import Subject


def check_neuron(node: Node) -> None:
    """InputError for a node that is no neuron."""
    if node.part != "mlp.post_act":
        raise InputError(f"{node} is no neuron; only nodes of mlp.post_act have a response curve")


@torch.no_grad()
def response(subject: Subject, pre: Sequence[float]) -> list[float]:
    """The activation function at `pre`: a neuron's output before AbsTopK, which may still silence it."""
    x = torch.tensor(pre, dtype=torch.float64)
    return (F.relu(x) if subject.config.activation_type == "relu" else F.gelu(x)).tolist()


def bias_of(subject: Subject, node: Node) -> float:
    """What goes into a neuron when all that it reads is zero."""
    bias = subject.model.blocks[node.layer].mlp.c_fc.bias
    return 0.0 if bias is None else float(bias[node.index])


@torch.no_grad()
def pre_activations(
    subject: Subject, batch: PairBatch, node: Node, circuit: Circuit | None = None, *, pairs_at_once: int = 64
) -> Float[Tensor, " token"]:
    """What goes into a neuron at every token of a batch's prompts (class 1 first in each part of the batch), on the
    CPU."""
    check_neuron(node)
    c_fc = subject.model.blocks[node.layer].mlp.c_fc
    found: list[Tensor] = []
    for part in batch.split(pairs_at_once):
        inner = inside(subject, circuit)
        seen: dict[str, Tensor] = {}

        def tap(site: str, x: Tensor, inner=inner, seen=seen) -> Tensor:  # type: ignore[no-untyped-def]
            x = inner(site, x)
            if site == f"{node.layer}.mlp.act_in":
                seen[site] = x
            return x

        subject.model(part.tokens, at=part.last, tap=tap)
        values = F.linear(seen[f"{node.layer}.mlp.act_in"], c_fc.weight[node.index : node.index + 1])[..., 0]
        inside_prompt = torch.arange(values.shape[1], device=values.device) <= part.last[:, None]
        found.append(values[inside_prompt].float().cpu() + bias_of(subject, node))
    return torch.cat(found)
