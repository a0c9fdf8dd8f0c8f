"""The order in which a pruning run would give nodes up, and the loss at sizes along it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.attribution import estimated_effects
from model.batch import PairBatch
from model.calibrate import plain_losses
from model.circuit import Circuit, Keep, kept_nodes
from model.compiled import quick_circuit
from model.graph import count_edges
from model.sites import Node
from model.subject import Subject

N_SIZES = 24
N_PAIRS = 128


@dataclass(frozen=True)
class Size:
    """The first `n_nodes` of the order as a circuit: its edges and its loss, nats."""

    n_nodes: int
    n_edges: int
    loss_nats: float


@dataclass(frozen=True)
class Frontier:
    """`order` is most wanted first; the circuit itself is its first nodes. `sizes` are on `n_pairs` train pairs."""

    order: tuple[Node, ...]
    sizes: tuple[Size, ...]
    n_pairs: int


def frontier(
    subject: Subject,
    keep: Keep,
    dropped: Sequence[Keep],
    ranking: Iterable[Node],
    batch: PairBatch,
    losses: Callable[[Tensor], Tensor] = plain_losses,
) -> Frontier:
    """The frontier of a run that ended with `keep`.

    `dropped` are the masks on the way to it, largest first; `ranking` the nodes before any was dropped, most wanted
    first. Within the circuit nodes are ordered by the estimated effect of each. `losses` is what the run went by.
    """
    batch = batch.select(torch.arange(min(N_PAIRS, batch.n_pairs), device=batch.tokens.device))
    circuit = Circuit.of(subject.fingerprint, "", kept_nodes(keep))
    effects = estimated_effects(subject, circuit, batch) if circuit.nodes else {}
    order = dict.fromkeys(sorted(circuit.nodes, key=lambda node: -effects[node]))
    for larger in reversed(dropped):
        order |= dict.fromkeys(kept_nodes(larger))
    order |= dict.fromkeys(ranking)
    nodes = tuple(order)
    sizes = tuple(_size(subject, nodes[:n], batch, losses) for n in sizes_along(len(circuit.nodes), len(nodes)))
    return Frontier(nodes, sizes, batch.n_pairs)


def sizes_along(n_circuit: int, n_all: int, n_sizes: int = N_SIZES) -> list[int]:
    """Sizes from nothing to everything, even on a logarithmic scale, the circuit's own among them."""
    even = [round(max(n_all, 1) ** (i / max(1, n_sizes - 1))) for i in range(n_sizes)]
    return sorted({0, n_circuit, n_all, *(size for size in even if size <= n_all)})


@torch.no_grad()
def _size(subject: Subject, nodes: Sequence[Node], batch: PairBatch, losses: Callable[[Tensor], Tensor]) -> Size:
    keep = Circuit.of(subject.fingerprint, "", nodes).keep(subject.config, subject.device)
    loss = float(losses(quick_circuit(subject.model, subject.means, keep).logit_difference(batch)))
    return Size(len(nodes), count_edges(subject.model, keep), loss)
