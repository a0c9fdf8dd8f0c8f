"""One prompt, or two in contrast, through the full model or a circuit: what follows, and every node at every token."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from model.activations import record
from model.batch import padded
from model.circuit import Circuit
from model.sites import Node
from model.subject import Subject


@dataclass(frozen=True)
class Trace:
    """Logits after the prompt (nats, uncalibrated), and the nodes asked for at every token; on the CPU."""

    logits: Float[Tensor, " vocab"]
    values: Float[Tensor, "node pos"]


def traces(
    subject: Subject, prompts: Sequence[Sequence[int]], nodes: Sequence[Node], circuit: Circuit | None = None
) -> list[Trace]:
    """Values and logits in one pass; inside a circuit the nodes that it does not keep are at their means."""
    tokens, last = padded(prompts, subject.device)
    recorded = record(subject, tokens, last, nodes, circuit)
    return [
        Trace(recorded.logits[row].cpu(), recorded.values[:, row, : len(prompt)].cpu())
        for row, prompt in enumerate(prompts)
    ]


def aligned(first: Sequence[int], second: Sequence[int]) -> list[tuple[int, int]]:
    """Positions of two prompts that belong together: their common beginning, their common end, and what lies between
    one to one from its end, as far as the shorter goes."""
    shortest = min(len(first), len(second))
    start = next((i for i in range(shortest) if first[i] != second[i]), shortest)
    end = next((i for i in range(shortest - start) if first[-1 - i] != second[-1 - i]), shortest - start)
    between = min(len(first), len(second)) - start - end
    head = [(i, i) for i in range(start)]
    tail = [(len(first) - i, len(second) - i) for i in range(end + between, 0, -1)]
    return head + tail
