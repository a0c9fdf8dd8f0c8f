"""The greedy pass after pruning: drop the nodes whose removal the target loss can bear.

Each round ranks the kept nodes by their effect (measured, batched; estimated while there are many), tries to drop
the least effective ones at once, as many as the target allows by bisection, and goes on until no single node can go.
"""

from collections.abc import Callable

import torch

from model.ablate import node_effects
from model.attribution import estimated_effects
from model.batch import PairBatch
from model.circuit import Circuit, Keep, count_kept, kept_nodes
from model.gate import hold
from model.graph import connected
from model.measure import measure
from model.sites import Node
from model.subject import Subject

#: Circuits of more nodes than this are ranked by estimated effects.
SWEEP_AT_MOST = 200


def drop_needless(
    subject: Subject,
    keep: Keep,
    batch: PairBatch,
    target: float,
    *,
    on_drop: Callable[[float, Keep], None] = lambda loss, keep: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Keep:
    """A smaller mask whose loss on `batch` is still at most `target` (nats); `keep` itself must meet it."""
    probe = batch.select(torch.arange(min(32, batch.n_pairs), device=batch.tokens.device))

    def loss_of(mask: Keep) -> float:
        return measure(subject.model, batch, hold(mask, subject.means)).loss_nats

    while count_kept(keep) and not should_stop():
        circuit = Circuit.of(subject.fingerprint, "", kept_nodes(keep))
        if len(circuit.nodes) > SWEEP_AT_MOST:
            effects = estimated_effects(subject, circuit, probe)
        else:
            effects = node_effects(subject, circuit, probe, should_stop=should_stop)
        order = sorted(effects, key=lambda node: effects[node])
        fewer = _drop_prefix(subject, keep, order, target, loss_of)
        if fewer is None:
            fewer = _drop_one(keep, order, target, loss_of)
        if fewer is None:
            break
        keep = fewer
        on_drop(loss_of(keep), keep)
    return keep


def _without(keep: Keep, nodes: list[Node]) -> Keep:
    fewer = {site: mask.clone() for site, mask in keep.items()}
    for node in nodes:
        fewer[node.site][node.index] = False
    return fewer


def _drop_prefix(
    subject: Subject, keep: Keep, order: list[Node], target: float, loss_of: Callable[[Keep], float]
) -> Keep | None:
    """Drop as many of the least effective nodes as the target allows, with what is left without a path."""
    low, high, best = 0, len(order), None
    while high - low > 1:
        middle = (low + high) // 2
        fewer = connected(subject.model, _without(keep, order[:middle]))
        if loss_of(fewer) <= target:
            low, best = middle, fewer
        else:
            high = middle
    return best


def _drop_one(
    keep: Keep, order: list[Node], target: float, loss_of: Callable[[Keep], float], tries: int = 12
) -> Keep | None:
    """Drop the first single node, of the least effective, that the target can bear."""
    for node in order[:tries]:
        fewer = _without(keep, [node])
        if loss_of(fewer) <= target:
            return fewer
    return None
