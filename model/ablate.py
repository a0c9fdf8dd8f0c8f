"""Ablations: nodes cut from a circuit or from the full model, and what that does to the task."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from model.batch import PairBatch
from model.calibrate import calibrate
from model.circuit import Circuit, Edge
from model.compiled import CompiledCircuit, Gated, compile_circuit
from model.gate import Mode, cut
from model.measure import Interval, Outcome, interval, measure
from model.sites import Node
from model.subject import Subject

Part = TypeVar("Part", Node, Edge)


@dataclass(frozen=True)
class Ablation:
    """The same pairs before and after a cut; `change` is after minus before, nats, over pairs."""

    before: Outcome
    after: Outcome

    @property
    def change(self) -> Interval:
        return interval(self.before.per_pair(self.after.losses - self.before.losses))

    def most_changed(self, n: int) -> list[int]:
        """Numbers of the pairs whose loss moved most, largest first."""
        moved = self.before.per_pair(self.after.losses - self.before.losses).abs()
        return torch.argsort(moved, descending=True, stable=True)[:n].tolist()


def ablate(
    subject: Subject,
    batch: PairBatch,
    nodes: Sequence[Node],
    *,
    mode: Mode = "mean",
    within: Circuit | None = None,
    before: Outcome | None = None,
) -> Ablation:
    """Cut `nodes` in the full model, or `within` a circuit; the same pairs before, unless that is known, and after."""
    if within is None:
        gate = cut(nodes, subject.means, subject.config, mode=mode)
        return Ablation(before or measure(subject.model, batch), measure(subject.model, batch, gate))
    return Ablation(
        before or measure(compiled(subject, within), batch), measure_cut(subject, within, nodes, batch, mode=mode)
    )


def compiled(subject: Subject, circuit: Circuit) -> CompiledCircuit:
    """The circuit on its subject, everything outside it at its corpus mean, its cut edges cut."""
    keep = circuit.keep(subject.config, subject.device)
    return compile_circuit(
        subject.model, subject.means, keep, cut_edges=circuit.cut_edges, calibration=circuit.calibration
    )


@torch.no_grad()
def fitted(subject: Subject, circuit: Circuit, batch: PairBatch) -> Circuit:
    """The circuit with the calibration that suits it best on `batch`, which should be train pairs."""
    plain = compiled(subject, circuit.calibrated(None))
    return circuit.calibrated(calibrate(plain.logit_difference(batch).cpu()))


def measure_cut(
    subject: Subject, circuit: Circuit, nodes: Sequence[Node], batch: PairBatch, *, mode: Mode = "mean"
) -> Outcome:
    """The circuit with some of its nodes at their mean or at zero. Nodes that it does not keep stay at their mean."""
    if mode == "mean":
        return measure(compiled(subject, circuit.without(nodes)), batch)
    whole, gone = compiled(subject, circuit), set(nodes)
    gates = torch.tensor([float(node not in gone) for node in whole.nodes], device=subject.device)
    return measure(Gated(whole, gates, torch.zeros_like(gates)), batch)


def empty_circuit(subject: Subject, task: str) -> Circuit:
    """The circuit that keeps nothing: every node at its mean."""
    return Circuit(subject.fingerprint, task, ())


@torch.no_grad()
def node_effects(
    subject: Subject,
    circuit: Circuit,
    batch: PairBatch,
    *,
    rows_at_once: int = 256,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[Node, float]:
    """How much the circuit's loss rises (nats) when each of its nodes alone is set to its mean.

    Several cuts share a forward pass, and the part of it that comes before the first of them. Stopped early, it
    answers for the nodes it reached.
    """
    whole = compiled(subject, circuit)

    def losses(cuts: Tensor) -> Tensor:
        return softplus(-whole.logit_difference(batch, cuts)).mean(dim=1)

    return dict(_effects(whole.nodes, losses, batch, rows_at_once, should_stop))


@torch.no_grad()
def edge_effects(
    subject: Subject,
    circuit: Circuit,
    batch: PairBatch,
    *,
    rows_at_once: int = 256,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[Edge, float]:
    """How much the circuit's loss rises (nats) when each of its edges alone is cut; otherwise as `node_effects`."""
    whole = compiled(subject, circuit)

    def losses(cuts: Tensor) -> Tensor:
        return softplus(-whole.logit_difference(batch, edge_gates=cuts)).mean(dim=1)

    return dict(_effects(whole.edges, losses, batch, rows_at_once, should_stop))


def _effects(
    parts: Sequence[Part],
    losses: Callable[[Tensor], Tensor],
    batch: PairBatch,
    rows_at_once: int,
    should_stop: Callable[[], bool],
) -> Iterator[tuple[Part, float]]:
    """Each part with what the loss rises without it."""
    device = batch.tokens.device
    base = float(losses(torch.ones(1, len(parts), device=device))[0])
    for cut_now in torch.arange(len(parts), device=device).split(max(1, rows_at_once // len(batch.tokens))):
        if should_stop():
            return
        cuts = torch.ones(len(cut_now), len(parts), device=device).scatter(1, cut_now[:, None], 0.0)
        yield from zip(
            (parts[i] for i in cut_now.tolist()), (loss - base for loss in losses(cuts).tolist()), strict=True
        )
