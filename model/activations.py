"""What nodes do on prompts, and what follows a prompt: in the full model or inside a circuit."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model import gate
from model.batch import padded
from model.circuit import Circuit
from model.sites import Node
from model.subject import Subject
from model.swift import swift
from model.transformer import Tap, Transformer


def inside(subject: Subject, circuit: Circuit | None) -> Tap:
    """The tap that runs a circuit, all else at its mean; without one, the full model's, which changes nothing.

    It serves one forward pass at a time.
    """
    if circuit is None:
        return lambda _site, x: x
    return gate.inside(circuit, subject.means, subject.model)


class Record(NamedTuple):
    """Nodes at every position (padding included) and the logits after each prompt, nats; on the model's device."""

    values: Float[Tensor, "node prompt pos"]
    logits: Float[Tensor, "prompt vocab"]


@torch.no_grad()
def record(
    subject: Subject,
    tokens: Int[Tensor, "prompt pos"],
    last: Int[Tensor, " prompt"],
    nodes: Sequence[Node],
    circuit: Circuit | None = None,
    *,
    model: Transformer | None = None,
) -> Record:
    """One pass that keeps what `nodes` do, in their order; a circuit's logits are not calibrated.

    `model` stands in for the subject's where it computes the same faster.
    """
    inner = inside(subject, circuit)
    rows: dict[str, list[int]] = {}
    for row, node in enumerate(nodes):
        rows.setdefault(node.site, []).append(row)
    values = torch.zeros(len(nodes), *tokens.shape, device=subject.device)

    def tap(site: str, x: Tensor) -> Tensor:
        x = inner(site, x)
        if site in rows:
            values[rows[site]] = x[..., [nodes[row].index for row in rows[site]]].float().permute(2, 0, 1)
        return x

    return Record(values, (model or swift(subject.model))(tokens, tap=tap, at=last).float())


def node_activations(
    subject: Subject, nodes: Sequence[Node], prompts: Sequence[Sequence[int]], circuit: Circuit | None = None
) -> dict[Node, list[list[float]]]:
    """Values of `nodes` at every token of every prompt; inside a circuit those of nodes it does not keep are means."""
    tokens, last = padded(prompts, subject.device)
    values = record(subject, tokens, last, nodes, circuit).values.cpu()
    return {
        node: [values[row, i, : len(prompt)].tolist() for i, prompt in enumerate(prompts)]
        for row, node in enumerate(nodes)
    }


def next_token_logits(
    subject: Subject, prompt: Sequence[int], circuit: Circuit | None = None
) -> Float[Tensor, " vocab"]:
    """Logits after a prompt, nats, on the CPU; a circuit's are not calibrated."""
    tokens, last = padded([prompt], subject.device)
    return record(subject, tokens, last, (), circuit).logits[0].cpu()


def last_logits(
    subject: Subject, tokens: Int[Tensor, "prompt pos"], last: Int[Tensor, " prompt"]
) -> Float[Tensor, "prompt vocab"]:
    """The full model's logits after each prompt of a padded batch, on the CPU."""
    return record(subject, tokens, last, ()).logits.cpu()


def embedding_writers(subject: Subject, channel: int, n: int) -> list[tuple[int, float]]:
    """The `n` tokens whose embedding writes a residual channel most: (token, weight), largest magnitude first."""
    return _largest(subject.model.wte.weight[:, channel], n)


def logits_moved(subject: Subject, channel: int, n: int) -> list[tuple[int, float]]:
    """The `n` logits that a residual channel moves most: (token, unembedding weight), largest magnitude first."""
    return _largest(subject.model.lm_head.weight[:, channel], n)


def _largest(weights: Float[Tensor, " token"], n: int) -> list[tuple[int, float]]:
    order = torch.argsort(weights.abs(), descending=True, stable=True)[:n].tolist()
    return [(token, float(weights[token])) for token in order if weights[token] != 0]
