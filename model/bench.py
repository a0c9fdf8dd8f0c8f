"""Where interventions are measured: one circuit, or one full model, on one batch of pairs; exactly."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.ablate import compiled
from model.batch import PairBatch
from model.borrow import Recordings, borrowed
from model.circuit import Circuit, Edge
from model.compiled import CompiledCircuit, MaskedCircuit, Trace
from model.gate import sever
from model.intervention import Part, edge_settings, node_settings
from model.means import Means
from model.measure import Outcome, logit_difference, most_pairs, two_way
from model.prefix import Prefix, stage_of
from model.sites import Node
from model.subject import Subject
from model.swift import swift
from model.transformer import Start, Tap, Transformer

ROWS_AT_ONCE, GPU_ROWS_AT_ONCE = 512, 4096
#: A circuit of fewer values, nodes times tokens, is run from its beginning: there is little to save.
WORTH_TRACING = 2**20
#: A stage after every block.
FAR = 2**30


class Chunk(NamedTuple):
    """Pairs that are run together: the numbers of their prompts in the whole batch, and themselves."""

    prompts: Int[Tensor, " prompt"]
    batch: PairBatch


class Group(NamedTuple):
    """Subsets that share a pass of a circuit: from what run and stage it goes on, and what is told how it goes."""

    subsets: Sequence[Sequence[int]]
    since: tuple[Trace, int] | None = None
    trace: Trace | None = None


class Bench:
    """`within` a circuit everything outside it is at its mean; `seed` is the one by which resampling draws."""

    def __init__(self, subject: Subject, batch: PairBatch, within: Circuit | None, seed: int = 0) -> None:
        self.subject, self.batch, self.within, self.seed = subject, batch, within, seed
        self._prefixes: dict[int, Prefix] = {}
        self._traces: dict[int, Trace] = {}
        self._asked_before = False

    def outcome(self, parts: Sequence[Part]) -> Outcome:
        """All pairs with all of `parts` done at once."""
        return self.outcomes(parts, [range(len(parts))])[0]

    @cached_property
    def untouched(self) -> Outcome:
        """All pairs with nothing done."""
        return self.outcome([])

    @torch.no_grad()
    def outcomes(self, parts: Sequence[Part], subsets: Sequence[Sequence[int]]) -> list[Outcome]:
        """All pairs with some of `parts`, by their numbers, done at once: one outcome for each subset.

        In a circuit many subsets share a pass; no two parts may set one node differently. Where the first subset has
        all parts, the others go on from it or from the untouched run, whichever they are like for longer.
        """
        nodes = node_settings(parts)
        values = borrowed(self.recordings, nodes, self.seed)
        found = torch.empty(len(subsets), len(self.batch.tokens), device=self.subject.device)
        for number, chunk in enumerate(self._chunks):
            width = chunk.batch.tokens.shape[1]
            here = {node: x[chunk.prompts, :width] for node, x in values.items()}
            if self.within is not None:
                run = self._in_circuit(number, parts, subsets, here)
            else:
                run = self._in_model(number, parts, subsets, here)
            found[:, chunk.prompts] = torch.stack(list(run))
        self._asked_before = True
        return [Outcome(row) for row in found.cpu()]

    @cached_property
    def _chunks(self) -> list[Chunk]:
        """Pairs of like length together, as many as are best run at a time."""
        runs = self._swift if self.within is None else self.within
        return [Chunk(*part) for part in self.batch.by_length(lambda width: most_pairs(runs, width))]

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

    def _stages(self, parts: Sequence[Part]) -> list[int]:
        """The first block that each part changes."""
        n_layer = self.subject.config.n_layer
        return [min(stage_of(node, n_layer) for node in changed([part])) for part in parts]

    def _in_circuit(
        self,
        number: int,
        parts: Sequence[Part],
        subsets: Sequence[Sequence[int]],
        borrowed: dict[Node, Tensor],
    ) -> Iterator[Tensor]:
        circuit, means, device = self._circuit, self.subject.means, self.subject.device
        batch = self._chunks[number].batch
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
        for some, since, trace in self._groups(number, parts, subsets):
            gates = torch.ones(len(some), len(circuit.nodes), device=device) if nodes else None
            edge_gates = torch.ones(len(some), len(circuit.edges), device=device) if edges else None
            for row, subset in enumerate(some):
                for part in (parts[i] for i in subset):
                    if gates is not None and part.nodes:
                        gates[row, [self._numbers[node] for node in part.nodes]] = 0.0
                    if edge_gates is not None and part.edges:
                        edge_gates[row, [self._edge_numbers[edge] for edge in part.edges]] = 0.0
            difference = circuit.logit_difference(
                batch, gates, values if nodes else None, edge_gates=edge_gates, edge_offsets=offsets,
                since=since, trace=trace,
            )  # fmt: skip
            yield from torch.atleast_2d(difference).expand(len(some), -1)

    def _groups(self, number: int, parts: Sequence[Part], subsets: Sequence[Sequence[int]]) -> Iterator[Group]:
        """Subsets that share a pass of a circuit, where it begins, and what is to be told how it goes."""
        circuit, batch = self._circuit, self._chunks[number].batch
        at_once, few = max(1, ROWS_AT_ONCE // len(batch.tokens)), len(circuit.nodes) * batch.tokens.numel()
        seldom = len(subsets) == 1 and not self._asked_before
        if few < WORTH_TRACING or seldom or isinstance(circuit, MaskedCircuit):
            yield from (Group(subsets[i : i + at_once]) for i in range(0, len(subsets), at_once))
            return
        if number not in self._traces:
            self._traces[number] = Trace(len(circuit.blocks))
            circuit.logit_difference(batch, trace=self._traces[number])
        untouched, stages = self._traces[number], self._stages(parts)
        joint = Trace(len(circuit.blocks)) if _begins_with_all(parts, subsets) else None
        begin = 0
        if joint is not None:
            yield Group(subsets[:1], (untouched, min(stages)), joint)
            begin = 1
        since = []
        for subset in subsets:
            none, every = _first(stages, subset), _first(stages, _left_out(parts, subset))
            since.append((joint, every) if joint is not None and every > none else (untouched, none))
        while begin < len(subsets):
            known, end = since[begin][0], begin + 1
            while end < min(len(subsets), begin + at_once) and since[end][0] is known:
                end += 1
            yield Group(subsets[begin:end], (known, min(stage for _, stage in since[begin:end])))
            begin = end

    def _in_model(
        self,
        number: int,
        parts: Sequence[Part],
        subsets: Sequence[Sequence[int]],
        borrowed: dict[Node, Tensor],
    ) -> Iterator[Tensor]:
        prefix, batch = self._prefix(number, len(subsets)), self._chunks[number].batch
        at_once = 1 if edge_settings(parts) else cuts_at_once(self._swift, len(batch.tokens))
        joint: Prefix | None = None
        stages, in_turn = self._stages(parts), at_once == 1 and not edge_settings(parts)
        for begin in range(0, len(subsets), at_once):
            each = [[parts[i] for i in subset] for subset in subsets[begin : begin + at_once]]
            first = min(_first(stages, subset) for subset in subsets[begin : begin + at_once])
            start = None if prefix is None else prefix.before(first)
            if len(each) > 1:
                tap = intervene_each(self.subject, each, borrowed, len(batch.tokens))
                repeated = None if start is None else Start(start.stage, start.x.repeat(len(each), 1, 1))
                difference = logit_difference(self._swift, batch.repeated(len(each)), tap, repeated)
                yield from difference.view(len(each), -1)
                continue
            tap = intervene(self.subject, each[0], borrowed)
            if not begin and in_turn and _begins_with_all(parts, subsets) and isinstance(tap, Held):
                joint = Prefix(self._swift, batch.tokens, tap=tap, at=batch.last, start=start)
                yield two_way(joint.logits, batch)
                continue
            if joint is not None:
                later = joint.before(_first(stages, _left_out(parts, subsets[begin])))
                start = later if start is None or (later is not None and later.stage > start.stage) else start
            yield logit_difference(self._swift, batch, tap, start)

    def _prefix(self, number: int, n_passes: int) -> Prefix | None:
        """What comes before any cut on a chunk: remembered for good where more than one pass asks for it."""
        if number not in self._prefixes and (n_passes > 1 or self._asked_before):
            tokens = self._chunks[number].batch.tokens
            share = tokens.numel() / sum(chunk.batch.tokens.numel() for chunk in self._chunks)
            self._prefixes[number] = Prefix(self._swift, tokens, share)
        return self._prefixes.get(number)


def _begins_with_all(parts: Sequence[Part], subsets: Sequence[Sequence[int]]) -> bool:
    return len(subsets) > 1 and len(set(subsets[0])) == len(parts)


def _first(stages: Sequence[int], subset: Iterable[int]) -> int:
    """The stage up to which doing some parts changes nothing."""
    return min((stages[i] for i in subset), default=FAR)


def _left_out(parts: Sequence[Part], subset: Sequence[int]) -> set[int]:
    return set(range(len(parts))).difference(subset)


def cuts_at_once(model: Transformer, n_prompts: int) -> int:
    """How many cuts of a full model share a pass: as many as fill a GPU; on a CPU each starts at its own block."""
    return max(1, GPU_ROWS_AT_ONCE // n_prompts) if model.device.type == "cuda" else 1


def changed(parts: Sequence[Part]) -> Iterator[Node]:
    """The nodes whose values, or what leaves them, are no longer the model's own."""
    yield from node_settings(parts)
    for edge in edge_settings(parts):
        yield edge.source


def constant(node: Node, mode: str, amount: float, means: Means) -> float:
    """What a node is set to that does not borrow."""
    return float(means[node.site][node.index]) if mode == "mean" else amount if mode == "value" else 0.0


class Held:
    """The tap that sets nodes to values: numbers, or one for each prompt and position."""

    def __init__(self, by_site: Mapping[str, Sequence[tuple[int, Tensor]]]) -> None:
        self.by_site = by_site
        self._places = {site: torch.tensor([i for i, _ in held]) for site, held in by_site.items()}
        self.sites = frozenset(by_site)

    def __call__(self, site: str, x: Tensor) -> Tensor:
        held = self.by_site.get(site)
        if held is None:
            return x
        values = torch.stack([value.to(x.dtype).expand(x.shape[:-1]) for _, value in held], -1)
        return x.clone().index_copy_(-1, self._places[site].to(x.device), values)  # a clone keeps the layout of kernels

    def narrowed(self, at: Int[Tensor, " prompt"]) -> "Held":
        def of(value: Tensor) -> Tensor:
            return value.gather(1, at[:, None]) if value.ndim else value

        return Held({site: [(index, of(value)) for index, value in held] for site, held in self.by_site.items()})


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
    tap = Held(by_site)
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


def intervene_each(
    subject: Subject,
    each: Sequence[Sequence[Part]],
    borrowed: dict[Node, Float[Tensor, "prompt pos"]],
    n_prompts: int,
) -> Tap:
    """The same for several interventions on nodes in one pass: the first `n_prompts` rows get the first, and so on."""
    by_site: dict[str, list[tuple[Node, Tensor, Tensor]]] = {}
    settings = [node_settings(some) for some in each]
    for node, (mode, amount) in {node: setting for some in settings for node, setting in some.items()}.items():
        value = borrowed.get(node, torch.tensor(constant(node, mode, amount, subject.means), device=subject.device))
        acts = torch.tensor([node in some for some in settings], device=subject.device)
        by_site.setdefault(node.site, []).append((node, value, acts[:, None, None]))

    def tap(site: str, x: Tensor) -> Tensor:
        if site not in by_site:
            return x
        rows = x.unflatten(0, (-1, n_prompts)).clone()
        for node, value, acts in by_site[site]:
            rows[..., node.index] = torch.where(acts, value.to(x.dtype), rows[..., node.index])
        return rows.flatten(0, 1)

    return tap
