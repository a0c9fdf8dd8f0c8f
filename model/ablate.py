"""Ablations: nodes cut from a circuit or from the full model, and what that does to the task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.batch import PairBatch
from model.circuit import Circuit
from model.gate import Mode, cut, hold, keep_only
from model.measure import Interval, Outcome, interval, logit_difference, measure
from model.sites import Node
from model.subject import Subject


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
) -> Ablation:
    """Cut `nodes` in the full model, or `within` a circuit; measure the same pairs before and after."""
    before = keep_only(within, subject.means, subject.config) if within else None
    after = cut(nodes, subject.means, subject.config, mode=mode, within=within)
    return Ablation(measure(subject.model, batch, before), measure(subject.model, batch, after))


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

    Several cuts share a forward pass: prompts are repeated, each copy with a mask of its own. Stopped early, it
    answers for the nodes it reached.
    """
    keep = circuit.keep(subject.config, subject.device)
    base = measure(subject.model, batch, hold(keep, subject.means)).loss_nats
    n_prompts = len(batch.tokens)
    cuts_at_once = max(1, rows_at_once // n_prompts)
    effects: dict[Node, float] = {}
    for start in range(0, len(circuit.nodes), cuts_at_once):
        if should_stop():
            break
        nodes = circuit.nodes[start : start + cuts_at_once]
        losses = _losses_of_cuts(subject, batch, keep, nodes)
        effects |= {node: loss - base for node, loss in zip(nodes, losses, strict=True)}
    return effects


def _losses_of_cuts(subject: Subject, batch: PairBatch, keep: dict[str, Tensor], nodes: Sequence[Node]) -> list[float]:
    n_prompts = len(batch.tokens)
    masks: dict[str, Tensor] = dict(keep)
    for number, node in enumerate(nodes):
        if masks[node.site] is keep[node.site]:
            masks[node.site] = keep[node.site].repeat(len(nodes) * n_prompts, 1, 1)
        masks[node.site][number * n_prompts : (number + 1) * n_prompts, :, node.index] = False
    repeated = PairBatch(
        batch.tokens.repeat(len(nodes), 1),
        batch.last.repeat(len(nodes)),
        batch.candidates.repeat(len(nodes), 1),
    )
    diffs = logit_difference(subject.model, repeated, hold(masks, subject.means)).reshape(len(nodes), n_prompts)
    return [Outcome(diff.cpu()).loss_nats for diff in diffs]
