"""What nodes do on prompts, and what follows a prompt: in the full model or inside a circuit."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from model.batch import padded
from model.circuit import Circuit
from model.gate import keep_only
from model.sites import Node
from model.subject import Subject
from model.transformer import Tap


def _tap_of(subject: Subject, circuit: Circuit | None) -> Tap | None:
    return None if circuit is None else keep_only(circuit, subject.means, subject.config)


@torch.no_grad()
def node_activations(
    subject: Subject, nodes: Sequence[Node], prompts: Sequence[Sequence[int]], circuit: Circuit | None = None
) -> dict[Node, list[list[float]]]:
    """Values of `nodes` at every token of every prompt; inside a circuit those of nodes it does not keep are means."""
    tokens, last = padded(prompts, subject.device)
    inner = _tap_of(subject, circuit)
    seen: dict[str, Tensor] = {}
    wanted = {node.site for node in nodes}

    def tap(site: str, x: Tensor) -> Tensor:
        x = inner(site, x) if inner else x
        if site in wanted:
            seen[site] = x
        return x

    subject.model(tokens, tap=tap, at=last)
    return {
        node: [seen[node.site][row, : len(prompt), node.index].tolist() for row, prompt in enumerate(prompts)]
        for node in nodes
    }


@torch.no_grad()
def next_token_logits(
    subject: Subject, prompt: Sequence[int], circuit: Circuit | None = None
) -> Float[Tensor, " vocab"]:
    """Logits after a prompt, nats, on the CPU; a circuit's are not calibrated."""
    tokens, last = padded([prompt], subject.device)
    tap = _tap_of(subject, circuit)
    logits = subject.model(tokens, at=last) if tap is None else subject.model(tokens, at=last, tap=tap)
    return logits[0].float().cpu()


def embedding_writers(subject: Subject, channel: int, n: int) -> list[tuple[int, float]]:
    """The `n` tokens whose embedding writes a residual channel most: (token, weight), largest magnitude first."""
    return _largest(subject.model.wte.weight[:, channel], n)


def logits_moved(subject: Subject, channel: int, n: int) -> list[tuple[int, float]]:
    """The `n` logits that a residual channel moves most: (token, unembedding weight), largest magnitude first."""
    return _largest(subject.model.lm_head.weight[:, channel], n)


def _largest(weights: Float[Tensor, " token"], n: int) -> list[tuple[int, float]]:
    order = torch.argsort(weights.abs(), descending=True, stable=True)[:n].tolist()
    return [(token, float(weights[token])) for token in order if weights[token] != 0]
