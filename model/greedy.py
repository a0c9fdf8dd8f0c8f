"""The greedy pass after pruning: drop the nodes, then the edges, whose removal the target loss can bear.

1. While there are many parts, drop whole groups: one backward pass estimates the effect of each, a bisection finds how
   many of the least effective can go together. Again, until hardly any go so.
2. Order what is left by the effect of cutting each part alone: measured on a few pairs, or for very many parts
   estimated. Go through it from the least effective, dropping several at once; where the loss does not bear it, half
   as many, down to each on its own, or in a circuit of very many parts down to one in N_TRIES of them. A try is
   measured on a few pairs first, then on all.
3. Drop what is left without a path from tokens to logits; go through what remains until nothing more can go, or until
   the passes have cost MOST_WORK. A circuit of some hundred nodes is done long before that; of one of thousands it
   bears the groups, and what is left is not the least that would do. Work is counted, not timed, so that the same run
   ends at the same circuit on any machine.

All of it runs on the compiled circuit, where a try is a row of gates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

#: Pairs that a try is measured on first.
N_PROBE_PAIRS = 24
#: Tries that share a forward pass.
AT_ONCE = 8
#: Parts from which on they are dropped in groups, and singly found ones are tried together before each alone.
N_GROUPED = 100
#: Pairs on which effects are estimated, and pairs of like length that run together.
N_ESTIMATED = N_TOGETHER = 128
#: What dropping nodes, or cutting edges, may cost: nodes times tokens that are run, about half a minute on one core.
MOST_WORK = 2.5e9
#: What measuring the effect of each part may cost of it.
MEASURED_WORK = MOST_WORK / 4
#: What a call costs beside that.
CALL_WORK = 2e5
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
    work = _Work()

    def stopped() -> bool:
        return work.is_spent or should_stop()

    changed = True
    while changed:
        before = circuit
        for what in passes:
            grouped = True
            while not stopped():
                walk = _Pass(subject, circuit, batch, target, what, losses, work)
                grouped = grouped and walk.n_parts > N_GROUPED
                smaller = walk.run_grouped(on_drop) if grouped else walk.run(on_drop, stopped)
                if smaller == circuit and not grouped:
                    break
                grouped = grouped and walk.n_dropped * 32 > walk.n_parts
                circuit = smaller
        changed = circuit != before and len(passes) > 1
    return circuit


@dataclass
class _Work:
    """What has been run so far: nodes times tokens."""

    done: float = 0.0

    @property
    def is_spent(self) -> bool:
        return self.done >= MOST_WORK


class _Pass:
    """One walk through the nodes or the edges of a circuit."""

    def __init__(
        self,
        subject: Subject,
        circuit: Circuit,
        batch: PairBatch,
        target: float,
        what: What,
        of: Losses,
        work: _Work,
    ) -> None:
        self.of, self.work = of, work
        self.subject, self.circuit, self.batch, self.target, self.what = subject, circuit, batch, target, what
        self.compiled = _compiled(subject, circuit)
        self.probe, self.many = (_first(batch, n) for n in (N_PROBE_PAIRS, N_ESTIMATED))
        self.parts = batch.by_length(lambda width: N_TOGETHER)
        self.n_parts = len(self.compiled.nodes if what == "nodes" else self.compiled.edges)
        self.gates = torch.ones(self.n_parts, device=subject.device)
        self.now = self.rough_now = 0.0

    @property
    def n_dropped(self) -> int:
        return int((self.gates == 0).sum())

    def difference(self, gates: Float[Tensor, "*variant part"], batch: PairBatch) -> Float[Tensor, "*variant prompt"]:
        if batch is self.batch and len(self.parts) > 1:
            found = gates.new_empty(*gates.shape[:-1], len(batch.tokens))
            for prompts, part in self.parts:
                found[..., prompts] = self.difference(gates, part)
            return found
        n_runs = (len(gates) if gates.ndim > 1 else 1) * (3 if gates.requires_grad else 1)
        self.work.done += n_runs * batch.tokens.numel() * len(self.compiled.nodes) + CALL_WORK
        if self.what == "nodes":
            return self.compiled.logit_difference(batch, gates)
        return self.compiled.logit_difference(batch, edge_gates=gates)

    @torch.no_grad()
    def losses(self, gates: Float[Tensor, "variant part"], batch: PairBatch) -> Float[Tensor, " variant"]:
        return torch.cat([self.of(self.difference(part, batch)) for part in gates.split(AT_ONCE)])

    def loss(self, gates: Float[Tensor, " part"], batch: PairBatch) -> float:
        return float(self.losses(gates[None], batch)[0])

    def effects(self) -> Float[Tensor, " part"]:
        """How much the loss on the probe rises without each part: measured, or where that is much the estimate."""
        if self.n_parts * self.probe.tokens.numel() * len(self.compiled.nodes) <= MEASURED_WORK:
            cuts = 1 - torch.eye(self.n_parts, device=self.gates.device)
            return self.losses(cuts, self.probe)
        return self.estimates()

    def estimates(self) -> Float[Tensor, " part"]:
        """The same to first order, by one backward pass."""
        gates = self.gates.clone().requires_grad_()
        (slope,) = torch.autograd.grad(self.of(self.difference(gates, self.many)), gates)
        return -slope

    def run_grouped(self, on_drop: OnDrop) -> Circuit:
        """The circuit less as many of its least effective parts as can go together, by estimate."""
        effects = self.estimates()
        order = torch.argsort(effects, stable=True)
        slack = self.target - self.loss(self.gates, self.batch)
        enough, too_many = 0, self.n_parts
        n = max(self.n_parts // 16, int((effects[order].cumsum(0) <= slack).sum()))
        while too_many - enough > max(1, self.n_parts // 32):
            n = max(enough + 1, min(n, too_many - 1))
            gates = torch.ones_like(self.gates).index_fill(0, order[:n], 0.0)
            loss = self.loss(gates, self.batch)
            if loss <= self.target:
                self.gates, enough = gates, n
                on_drop(loss, self._left())
                n = min(n + n // 2, (n + too_many) // 2)
            else:
                too_many, n = n, (enough + n) // 2
        return self._with_paths(on_drop)

    def run(self, on_drop: OnDrop, should_stop: Callable[[], bool]) -> Circuit:
        """The circuit less what could go; the circuit itself where nothing could."""
        if not self.n_parts:
            return self.circuit
        order = torch.argsort(self.effects(), stable=True)
        self.now, self.rough_now = (self.loss(self.gates, batch) for batch in (self.batch, self.probe))
        least = max(1, self.n_parts // N_TRIES)
        at_once, start = max(least, self.n_parts // 4), 0
        while start < self.n_parts and not should_stop():
            # tries: the next parts together, or where they are as few as may be, each of the next few such groups
            n_next = at_once if at_once > least else least * AT_ONCE
            tries = list(order[start : start + n_next].split(at_once))
            rough = self.losses(torch.stack([self._without(parts) for parts in tries]), self.probe)
            dropped = self._try_each(tries, (rough - self.rough_now).tolist(), on_drop)
            if at_once == least:
                start += sum(map(len, tries))
                at_once *= 2 if dropped else 1
            elif dropped:
                start += at_once
                at_once *= 2
            else:
                at_once = max(least, at_once // 2)
        return self._with_paths(on_drop)

    def _try_each(self, tries: Sequence[Tensor], rises: Sequence[float], on_drop: OnDrop) -> bool:
        """Drop what the loss bears; in a circuit of many parts first all that look as if it did. Whether any went."""
        hopeful = [(parts, rise) for parts, rise in zip(tries, rises, strict=True) if self._may_bear(rise)]
        if self.n_parts > N_GROUPED and len(hopeful) > 1:
            together, sum_of_rises = torch.cat([parts for parts, _ in hopeful]), sum(rise for _, rise in hopeful)
            if self._try(together, sum_of_rises, on_drop):
                return True
        return any([self._try(parts, rise, on_drop) for parts, rise in hopeful])

    def _may_bear(self, rise: float) -> bool:
        """Whether it is worth measuring on all pairs what raised the loss on the probe so much."""
        return self.now + rise - 0.25 * abs(rise) <= self.target + 1e-3

    def _try(self, parts: Tensor, rise: float, on_drop: OnDrop) -> bool:
        if not self._may_bear(rise):
            return False
        gates = self._without(parts)
        loss = self.loss(gates, self.batch)
        if loss > self.target:
            return False
        self.gates, self.now, self.rough_now = gates, loss, self.rough_now + rise
        on_drop(loss, self._left())
        return True

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


def _first(batch: PairBatch, n_pairs: int) -> PairBatch:
    return batch.select(torch.arange(min(n_pairs, batch.n_pairs), device=batch.tokens.device))


def _compiled(subject: Subject, circuit: Circuit) -> CompiledCircuit:
    keep = circuit.keep(subject.config, subject.device)
    return compile_circuit(subject.model, subject.means, keep, cut_edges=circuit.cut_edges)
