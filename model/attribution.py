"""Estimated effects of many ablations at once: one backward pass instead of one forward pass each."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from model.batch import PairBatch
from model.circuit import Circuit
from model.compiled import compile_circuit
from model.means import Means
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
    keep = circuit.keep(subject.config, subject.device)
    compiled = compile_circuit(
        subject.model, subject.means, keep, cut_edges=circuit.cut_edges, calibration=circuit.calibration
    )
    gates = torch.ones(len(compiled.nodes), device=subject.device, requires_grad=True)
    (slopes,) = torch.autograd.grad(softplus(-compiled.logit_difference(batch, gates)).mean(), gates)
    return dict(zip(compiled.nodes, (-slopes).tolist(), strict=True))
