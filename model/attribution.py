"""Estimated effects of many ablations at once: one backward pass instead of one forward pass each."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from model.batch import PairBatch
from model.circuit import Circuit, Keep
from model.means import Means
from model.measure import logit_difference
from model.sites import Node
from model.subject import Subject
from model.transformer import Tap


def soft_gate(gates: dict[str, Tensor], means: Means) -> Tap:
    """`x * gate + mean * (1 - gate)` at every site that has a gate; differentiable in the gates."""

    def tap(site: str, x: Tensor) -> Tensor:
        gate = gates.get(site)
        return x if gate is None else torch.addcmul(means[site] * (1 - gate), x, gate)

    return tap


def estimated_effects(subject: Subject, circuit: Circuit, batch: PairBatch) -> dict[Node, float]:
    """First-order estimate of how much the loss rises (nats) when each node of a circuit is set to its mean."""
    keep: Keep = circuit.keep(subject.config, subject.device)
    gates = {site: mask.float().requires_grad_() for site, mask in keep.items()}
    diff = logit_difference(subject.model, batch, soft_gate(gates, subject.means))
    grads = torch.autograd.grad(softplus(-diff).mean(), list(gates.values()))
    by_site = dict(zip(gates, (grad.cpu() for grad in grads), strict=True))
    return {node: -float(by_site[node.site][node.index]) for node in circuit.nodes}
