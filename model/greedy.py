"""The greedy pass after pruning: drop the nodes whose removal the target loss can bear.

1. Rank the kept nodes by the estimated effect of cutting each (one backward pass).
2. Try to drop the least effective quarter at once, with what is then left without a path; on failure half as many,
   down to single nodes, each tried in turn. A try is measured on a few pairs in bf16 first, then on all.
3. After a success try twice as many next; stop when `patience` single nodes in a row could not go.
"""

from collections.abc import Callable

import torch

from model.attribution import estimated_effects
from model.batch import PairBatch
from model.circuit import Circuit, Keep, count_kept, kept_nodes
from model.gate import hold
from model.graph import connected
from model.measure import measure
from model.sites import Node
from model.subject import Subject


def drop_needless(
    subject: Subject,
    keep: Keep,
    batch: PairBatch,
    target: float,
    *,
    patience: int = 10,
    on_drop: Callable[[float, Keep], None] = lambda loss, keep: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Keep:
    """A smaller mask whose loss on `batch` is still at most `target` (nats); `keep` itself must meet it."""
    device = batch.tokens.device
    probe = batch.select(torch.arange(min(24, batch.n_pairs), device=device))

    def loss_of(mask: Keep) -> float:
        return measure(subject.model, batch, hold(mask, subject.means)).loss_nats

    def rough_loss_of(mask: Keep) -> float:
        with torch.autocast(device.type, torch.bfloat16):
            return measure(subject.model, probe, hold(mask, subject.means)).loss_nats

    slack = max(0.0, rough_loss_of(keep) - target) + 0.02
    at_once = max(1, count_kept(keep) // 4)
    while not should_stop():
        order = _least_effective_first(subject, keep, probe)
        kept_before = count_kept(keep)
        for start in range(0, min(len(order), patience) if at_once == 1 else 1):
            if should_stop():
                break
            fewer = connected(subject.model, _without(keep, order[start : start + at_once]))
            if rough_loss_of(fewer) > target + slack:
                continue
            loss = loss_of(fewer)
            if loss <= target:
                keep = fewer
                on_drop(loss, keep)
                break
        dropped = kept_before - count_kept(keep)
        if not dropped and at_once == 1:
            break
        at_once = max(1, min(2 * at_once, count_kept(keep) // 4) if dropped else at_once // 2)
    return keep


def _least_effective_first(subject: Subject, keep: Keep, probe: PairBatch) -> list[Node]:
    circuit = Circuit.of(subject.fingerprint, "", kept_nodes(keep))
    effects = estimated_effects(subject, circuit, probe)
    return sorted(effects, key=lambda node: effects[node])


def _without(keep: Keep, nodes: list[Node]) -> Keep:
    fewer = {site: mask.clone() for site, mask in keep.items()}
    for node in nodes:
        fewer[node.site][node.index] = False
    return fewer
