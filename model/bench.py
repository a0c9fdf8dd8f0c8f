"""Where interventions are measured: one circuit, or one full model, on one batch of pairs; exactly."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from model.ablate import compiled
from model.batch import PairBatch
from model.borrow import Recordings, borrowed
from model.circuit import Circuit, Edge
from model.compiled import CompiledCircuit
from model.gate import sever
from model.intervention import Part, edge_settings, node_settings
from model.means import Means
from model.measure import Outcome, logit_difference
from model.prefix import Prefix, stage_of
from model.sites import Node
from model.subject import Subject
from model.swift import swift
from model.transformer import Tap, Transformer

PAIRS_AT_ONCE = 64
ROWS_AT_ONCE = 512


class Bench:
    """`within` a circuit everything outside it is at its mean; `seed` is the one by which resampling draws."""

    def __init__(self, subject: Subject, batch: PairBatch, within: Circuit | None, seed: int = 0) -> None:
        self.subject, self.batch, self.within, self.seed = subject, batch, within, seed

    def outcome(self, parts: Sequence[Part]) -> Outcome:
        """All pairs with all of `parts` done at once."""
        return self.outcomes(parts, [range(len(parts))])[0]

    @torch.no_grad()
    def outcomes(self, parts: Sequence[Part], subsets: Sequence[Sequence[int]]) -> list[Outcome]:
        """All pairs with some of `parts`, by their numbers, done at once: one outcome for each subset.

        In a circuit many subsets share a pass; no two parts may set one node differently.
        """
        nodes = node_settings(parts)
        values = borrowed(self.recordings, nodes, self.seed)
        numbers = torch.arange(self.batch.n_pairs, device=self.subject.device)
        chunks = []
        for pairs in numbers.split(PAIRS_AT_ONCE):
            batch = self.batch if len(pairs) == self.batch.n_pairs else self.batch.select(pairs)
            rows = torch.cat([pairs, pairs + self.batch.n_pairs])
            width = batch.tokens.shape[1]
            here = {node: x[rows, :width] for node, x in values.items()}
            run = self._in_circuit if self.within is not None else self._in_model
            chunks.append(torch.stack(list(run(batch, parts, subsets, here))).unflatten(1, (2, -1)))
        together = torch.cat(chunks, dim=2).flatten(1).cpu()
        return [Outcome(row) for row in together]

    @cached_property
    def recordings(self) -> Recordings:
        return Recordings(self.subject, self.batch, self.within, self._swift)

    @cached_property
    def _swift(self) -> Transformer:
        return swift(self.subject.model)

    @cached_property
    def _circuit(self) -> CompiledCircuit:
        assert self.within is not None
        return compiled(self.subject, self.within)

    @cached_property
    def _numbers(self) -> dict[Node, int]:
        return {node: number for number, node in enumerate(self._circuit.nodes)}

    @cached_property
    def _edge_numbers(self) -> dict[Edge, int]:
        return {edge: number for number, edge in enumerate(self._circuit.edges)}

    def _in_circuit(
        self,
        batch: PairBatch,
        parts: Sequence[Part],
        subsets: Sequence[Sequence[int]],
        borrowed: dict[Node, Tensor],
    ) -> Iterator[Tensor]:
        circuit, means, device = self._circuit, self.subject.means, self.subject.device
        nodes, edges = node_settings(parts), edge_settings(parts)
        values = torch.zeros(len(circuit.nodes), *(batch.tokens.shape if borrowed else ()), device=device)
        for node, setting in nodes.items():
            value = borrowed.get(node)
            values[self._numbers[node]] = (
                constant(node, setting.mode, setting.amount, means) if value is None else value
            )
        offsets = None
        if any(setting.mode == "zero" for setting in edges.values()):
            offsets = torch.zeros(len(circuit.edges), device=device)
            for edge, setting in edges.items():
                if setting.mode == "zero":
                    offsets[self._edge_numbers[edge]] = -means[edge.source.site][edge.source.index]
        at_once = max(1, ROWS_AT_ONCE // len(batch.tokens))
        for start in range(0, len(subsets), at_once):
            some = subsets[start : start + at_once]
            gates = torch.ones(len(some), len(circuit.nodes), device=device) if nodes else None
            edge_gates = torch.ones(len(some), len(circuit.edges), device=device) if edges else None
            for row, subset in enumerate(some):
                for part in (parts[i] for i in subset):
                    if gates is not None and part.nodes:
                        gates[row, [self._numbers[node] for node in part.nodes]] = 0.0
                    if edge_gates is not None and part.edges:
                        edge_gates[row, [self._edge_numbers[edge] for edge in part.edges]] = 0.0
            difference = circuit.logit_difference(
                batch, gates, values if nodes else None, edge_gates=edge_gates, edge_offsets=offsets
            )
            yield from torch.atleast_2d(difference).expand(len(some), -1)

    def _in_model(
        self,
        batch: PairBatch,
        parts: Sequence[Part],
        subsets: Sequence[Sequence[int]],
        borrowed: dict[Node, Tensor],
    ) -> Iterator[Tensor]:
        prefix = Prefix(self._swift, batch.tokens) if len(subsets) > 1 else None
        for subset in subsets:
            some = [parts[i] for i in subset]
            first = min((stage_of(node, self.subject.config.n_layer) for node in changed(some)), default=None)
            start = None if prefix is None or first is None else prefix.before(first)
            yield logit_difference(self._swift, batch, intervene(self.subject, some, borrowed), start)


def changed(parts: Sequence[Part]) -> Iterator[Node]:
    """The nodes whose values, or what leaves them, are no longer the model's own."""
    yield from node_settings(parts)
    for edge in edge_settings(parts):
        yield edge.source


def constant(node: Node, mode: str, amount: float, means: Means) -> float:
    """What a node is set to that does not borrow."""
    return float(means[node.site][node.index]) if mode == "mean" else amount if mode == "value" else 0.0


def intervene(
    subject: Subject, parts: Sequence[Part], borrowed: dict[Node, Float[Tensor, "prompt pos"]] | None = None
) -> Tap:
    """The tap that does all of `parts` in the full model; nodes that borrow take their values from `borrowed`."""
    by_site: dict[str, list[tuple[int, Tensor]]] = {}
    for node, (mode, amount) in node_settings(parts).items():
        if borrowed is not None and node in borrowed:
            value = borrowed[node]
        else:
            value = torch.tensor(constant(node, mode, amount, subject.means), device=subject.device)
        by_site.setdefault(node.site, []).append((node.index, value))
    places = {site: torch.tensor([i for i, _ in held], device=subject.device) for site, held in by_site.items()}

    def tap(site: str, x: Tensor) -> Tensor:
        held = by_site.get(site)
        if held is None:
            return x
        return x.index_copy(-1, places[site], torch.stack([v.to(x.dtype).expand(x.shape[:-1]) for _, v in held], -1))

    edges = edge_settings(parts)
    if not edges:
        return tap
    offsets = torch.tensor(
        [
            -constant(edge.source, "mean", 0.0, subject.means) if setting.mode == "zero" else 0.0
            for edge, setting in edges.items()
        ],
        device=subject.device,
    )
    return sever(edges, subject.means, subject.model, tap, offsets=offsets)
