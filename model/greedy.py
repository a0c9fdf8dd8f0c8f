"""The greedy pass after pruning: drop the nodes, then the edges, whose removal the target loss can bear.

1. Order the parts by the effect of cutting each alone: measured on a few pairs, or for very many parts estimated by
   one backward pass.
2. Go through them from the least effective, dropping several at once; where the loss does not bear it, half as many,
   down to each on its own, or in a circuit of very many parts down to one in N_TRIES of them. A try is measured on a
   few pairs first, then on all.
3. Drop what is left without a path from tokens to logits; go through what remains until nothing more can go.

All of it runs on the compiled circuit, where a try is a row of gates.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from model.batch import PairBatch
from model.calibrate import plain_losses
from model.circuit import Circuit, Keep, kept_nodes
from model.compiled import CompiledCircuit, compile_circuit
from model.graph import connected
from model.subject import Subject

#: Pairs that a try is measured on first, and parts up to which each one's effect is measured on them.
N_PROBE_PAIRS = 24
N_MEASURED = 1000
#: Tries that share a forward pass.
AT_ONCE = 8
#: About how many tries a pass may end up with: with more parts than that, it drops some together or not at all.
N_TRIES = 400

What = Literal["nodes", "edges"]
OnDrop = Callable[[float, Circuit], None]
#: From logit differences [*variant, prompt] to the loss of each variant, nats.
Losses = Callable[[Tensor], Tensor]


def drop_needless(
    subject: Subject,
    keep: Keep,
    batch: PairBatch,
    target: float,
    *,
    losses: Losses = plain_losses,
    on_drop: Callable[[float, Keep], None] = lambda loss, keep: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Keep:
    """A smaller mask whose loss on `batch` is still at most `target` (nats); `keep` itself must meet it.

    `losses` says which loss: as the logits are, or as they are once calibrated.
    """

    def passed_on(loss: float, circuit: Circuit) -> None:
        on_drop(loss, circuit.keep(subject.config, subject.device))

    circuit = Circuit.of(subject.fingerprint, "", kept_nodes(keep))
    smaller = _drop(subject, circuit, batch, target, ["nodes"], losses, passed_on, should_stop)
    return smaller.keep(subject.config, subject.device)


def cut_needless(
    subject: Subject,
    circuit: Circuit,
    batch: PairBatch,
    target: float,
    *,
    losses: Losses = plain_losses,
    on_drop: OnDrop = lambda loss, circuit: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Circuit:
    """The same for edges: a circuit with fewer of them, less the nodes that this leaves without a path or a use."""
    return _drop(subject, circuit, batch, target, ["edges", "nodes"], losses, on_drop, should_stop)


def _drop(
    subject: Subject,
    circuit: Circuit,
    batch: PairBatch,
    target: float,
    passes: Sequence[What],
    losses: Losses,
    on_drop: OnDrop,
    should_stop: Callable[[], bool],
) -> Circuit:
    changed = True
    while changed:
        before = circuit
        for what in passes:
            while not should_stop():
                smaller = _Pass(subject, circuit, batch, target, what, losses).run(on_drop, should_stop)
                if smaller == circuit:
                    break
                circuit = smaller
        changed = circuit != before and len(passes) > 1
    return circuit


class _Pass:
    """One walk through the nodes or the edges of a circuit."""

    def __init__(
        self, subject: Subject, circuit: Circuit, batch: PairBatch, target: float, what: What, of: Losses
    ) -> None:
        self.of = of
        self.subject, self.circuit, self.batch, self.target, self.what = subject, circuit, batch, target, what
        self.compiled = _compiled(subject, circuit)
        self.probe = batch.select(torch.arange(min(N_PROBE_PAIRS, batch.n_pairs), device=subject.device))
        self.n_parts = len(self.compiled.nodes if what == "nodes" else self.compiled.edges)
        self.gates = torch.ones(self.n_parts, device=subject.device)

    def difference(self, gates: Float[Tensor, "*variant part"], batch: PairBatch) -> Float[Tensor, "*variant prompt"]:
        if self.what == "nodes":
            return self.compiled.logit_difference(batch, gates)
        return self.compiled.logit_difference(batch, edge_gates=gates)

    @torch.no_grad()
    def losses(self, gates: Float[Tensor, "variant part"], batch: PairBatch) -> Float[Tensor, " variant"]:
        return torch.cat([self.of(self.difference(part, batch)) for part in gates.split(AT_ONCE)])

    def loss(self, gates: Float[Tensor, " part"], batch: PairBatch) -> float:
        return float(self.losses(gates[None], batch)[0])

    def effects(self) -> Float[Tensor, " part"]:
        """How much the loss on the probe rises without each part: measured, or the first-order estimate."""
        if self.n_parts <= N_MEASURED:
            cuts = 1 - torch.eye(self.n_parts, device=self.gates.device)
            return self.losses(cuts, self.probe)
        gates = self.gates.clone().requires_grad_()
        (slope,) = torch.autograd.grad(self.of(self.difference(gates, self.probe)), gates)
        return -slope

    def run(self, on_drop: OnDrop, should_stop: Callable[[], bool]) -> Circuit:
        """The circuit less what could go; the circuit itself where nothing could."""
        if not self.n_parts:
            return self.circuit
        order = torch.argsort(self.effects(), stable=True)
        now, rough_now = (self.loss(self.gates, batch) for batch in (self.batch, self.probe))
        least = max(1, self.n_parts // N_TRIES)
        at_once, start = max(least, self.n_parts // 4), 0
        while start < self.n_parts and not should_stop():
            # tries: the next parts together, or where they are as few as may be, each of the next few such groups
            n_next = at_once if at_once > least else least * AT_ONCE
            tries = list(order[start : start + n_next].split(at_once))
            rough = self.losses(torch.stack([self._without(parts) for parts in tries]), self.probe)
            dropped, rough_before = False, rough_now
            for parts, rough_loss in zip(tries, rough.tolist(), strict=True):
                rise = rough_loss - rough_before
                if now + rise - 0.25 * abs(rise) > self.target + 1e-3:
                    continue
                loss = self.loss(self._without(parts), self.batch)
                if loss <= self.target:
                    self.gates, now, rough_now = self._without(parts), loss, rough_now + rise
                    dropped = True
                    on_drop(loss, self._left())
            if at_once == least:
                start += sum(map(len, tries))
                at_once *= 2 if dropped else 1
            elif dropped:
                start += at_once
                at_once *= 2
            else:
                at_once = max(least, at_once // 2)
        return self._with_paths(on_drop)

    def _without(self, parts: Tensor) -> Float[Tensor, " part"]:
        return self.gates.index_fill(0, parts, 0.0)

    def _left(self) -> Circuit:
        gone = (self.gates == 0).nonzero().flatten().tolist()
        if self.what == "nodes":
            return self.circuit.without([self.compiled.nodes[i] for i in gone])
        return self.circuit.with_cut([self.compiled.edges[i] for i in gone])

    def _with_paths(self, on_drop: OnDrop) -> Circuit:
        """What is left, less the nodes without a path, unless the loss then misses the target."""
        left, subject = self._left(), self.subject
        keep = connected(subject.model, left.keep(subject.config, subject.device), left.cut_edges)
        fewer = Circuit.of(left.model_fingerprint, left.task, kept_nodes(keep), left.cut_edges)
        if fewer == left:
            return left
        with torch.no_grad():
            loss = float(self.of(_compiled(subject, fewer).logit_difference(self.batch)))
        if loss > self.target:
            return left
        on_drop(loss, fewer)
        return fewer


def _compiled(subject: Subject, circuit: Circuit) -> CompiledCircuit:
    keep = circuit.keep(subject.config, subject.device)
    return compile_circuit(subject.model, subject.means, keep, cut_edges=circuit.cut_edges)
