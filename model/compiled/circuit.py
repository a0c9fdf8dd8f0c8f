"""Compiled circuits: a circuit as small matrices, whose forward pass costs what the circuit costs, not the model.

1. Every cut node is a constant, its corpus mean: folded into the biases of what reads it.
2. Kept nodes are held as deviations from their means, channels first, so that a gate is one factor.
3. Blocks without a kept delta write a constant and are skipped; after the last block that looks back at other
   positions, only the position that is asked for is computed.
4. Variants of gates share all that comes before the first gate in which they differ.

What it answers equals the dense model's with everything outside the circuit at its mean (paper A.5).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from model.batch import PairBatch
from model.calibrate import Calibration
from model.circuit import Edge, Keep, kept_nodes
from model.compiled.attention import CompiledAttention
from model.compiled.mlp import CompiledMLP
from model.compiled.nodes import Gates, Kept
from model.compiled.readout import Question, Readout
from model.compiled.stream import Reader, State, Static, Stream
from model.compiled.topk import WORTH_A_THREAD
from model.compiled.trace import Trace
from model.compiled.weights import Wiring
from model.errors import InputError
from model.means import Means
from model.sites import FINAL, Node, site_order
from model.sparse.alone import alone
from model.transformer import Transformer

#: Batches of which a circuit remembers what follows from their tokens alone.
N_REMEMBERED = 6


class _Prompts:
    """A batch with what follows from its tokens alone."""

    def __init__(self, circuit: "CompiledCircuit", tokens: Tensor, at: Tensor | None) -> None:
        positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
        self.every = Static(circuit.stream, tokens, positions) if circuit.looks_back or at is None else None
        self.last: Static | None = None
        if at is not None:
            self.last = Static(circuit.stream, tokens.gather(1, at[:, None]), at[:, None])


class CompiledCircuit:
    """`nodes` in forward order; gates are given in this order. Float32; differentiable in the gates."""

    def __init__(
        self,
        model: Transformer,
        means: Means,
        keep: Keep,
        cut_edges: Iterable[Edge] = (),
        calibration: Calibration | None = None,
    ) -> None:
        self._enumerate(model, means, keep, cut_edges)
        self.calibration = calibration
        self.stream = Stream(model, means, keep)
        self.blocks = list(self._compiled(means))
        self.looks_back = any(block.looks_back for block in self.blocks)
        self.readout = Readout(self.stream, means, self._kept.get(FINAL))
        self._remembered: list[tuple[PairBatch, _Prompts, Question]] = []

    def _enumerate(self, model: Transformer, means: Means, keep: Keep, cut_edges: Iterable[Edge]) -> None:
        """Nodes and edges by their numbers."""
        self.model, self.config = model, model.config
        self.nodes: tuple[Node, ...] = tuple(kept_nodes(keep))
        self._kept = dict(_numbered(keep, means))
        self.wiring = Wiring(model, keep, cut_edges)

    def _compiled(self, means: Means) -> Iterator[CompiledAttention | CompiledMLP]:
        """The blocks that write anything."""
        for layer, block in enumerate(self.model.blocks):
            for stage, part in ((2 * layer, "attn"), (2 * layer + 1, "mlp")):
                site, kept = f"{layer}.{part}", self._kept
                if not len(kept[f"{site}.resid_delta"]):
                    continue
                norm = block.ln_1 if part == "attn" else block.ln_2
                of_positions = None
                if self.config.d_pos_emb:
                    of_positions = block.ln_p1 if part == "attn" else block.ln_p2
                kept_by = self.config.kept_by_abs_topk(f"{part}_in", self.config.d_block_in)
                reader = Reader(self.stream, stage, kept[f"{site}.act_in"], norm, of_positions, kept_by)
                deltas = kept[f"{site}.resid_delta"]
                if part == "attn":
                    qkv = (kept[f"{site}.q"], kept[f"{site}.k"], kept[f"{site}.v"])
                    yield CompiledAttention(self.stream, self.wiring, reader, block.attn, qkv, deltas, means, layer)
                else:
                    neurons = kept[f"{site}.post_act"]
                    yield CompiledMLP(self.stream, self.wiring, reader, block.mlp, neurons, deltas, means, layer)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The nonzero weights between kept nodes that are not cut, in forward order."""
        return self.wiring.edges()

    def logit_difference(
        self,
        batch: PairBatch,
        gates: Float[Tensor, "*variant node"] | None = None,
        values: Float[Tensor, "node ..."] | None = None,
        *,
        edge_gates: Float[Tensor, "*variant edge"] | None = None,
        edge_offsets: Float[Tensor, " edge"] | None = None,
        since: tuple[Trace, int] | None = None,
        trace: Trace | None = None,
    ) -> Float[Tensor, "*variant prompt"]:
        """Right minus wrong candidate's logit at each prompt's last token, calibrated where the circuit is.

        `gates` has one number for each of `nodes`, or [variant, node] for many circuits at once: a node is
        `x * gate + mean * (1 - gate)`, as in `soft_gate`. `values` takes the mean's place there: one a node, or
        [node, prompt, pos]. `edge_gates`, one for each of `edges`, do the same to what an edge's target sees of its
        source; through a closed edge it sees the source's mean plus its entry of `edge_offsets`.

        With `since`, a run on the same batch and a stage up to which this one is like it, it goes on from there;
        `trace` is told how this run goes. Neither is for gradients.
        """
        n_variants = {len(given) for given in (gates, edge_gates) if given is not None and given.ndim == 2}
        n_places = batch.tokens.numel() * max(n_variants, default=1)
        with alone(n_places < WORTH_A_THREAD and not torch.is_grad_enabled()):
            prompts, question = self._asked(batch)
            state, applied = self._run(prompts, gates, values, edge_gates, edge_offsets, since, trace)
            difference = self.readout.difference(state, question, applied)
        difference = difference.expand(*n_variants, -1) if n_variants else difference[0]
        return difference if self.calibration is None else self.calibration(difference)

    def _asked(self, batch: PairBatch) -> tuple[_Prompts, Question]:
        """What follows from a batch alone; remembered for the last few, as a caller may go back and forth."""
        for held, prompts, question in self._remembered:
            if held is batch:
                return prompts, question
        tokens, rows = batch.tokens, torch.arange(len(batch.tokens), device=batch.tokens.device)
        question = Question(self.readout, tokens[rows, batch.last], batch.last, batch.candidates)
        prompts = _Prompts(self, tokens, batch.last)
        self._remembered = [(batch, prompts, question), *self._remembered][:N_REMEMBERED]
        return prompts, question

    def logits(
        self,
        tokens: Int[Tensor, "prompt pos"],
        at: Int[Tensor, " prompt"] | None = None,
        gates: Float[Tensor, "*variant node"] | None = None,
    ) -> Float[Tensor, "*variants_prompts_pos vocab"]:
        """All logits, in nats, at one position of each prompt, or at all."""
        if tokens.shape[1] > self.config.block_size:
            raise InputError(
                f"the prompt has {tokens.shape[1]} tokens; this model reads at most {self.config.block_size}"
            )
        state, applied = self._run(_Prompts(self, tokens, at), gates)
        logits = self.readout.logits(state, applied)
        if at is not None:
            logits = logits[:, :, 0]
        return logits[0] if gates is None or gates.ndim == 1 else logits.expand(len(gates), *logits.shape[1:])

    def _run(
        self,
        prompts: _Prompts,
        gates: Tensor | None,
        values: Tensor | None = None,
        edge_gates: Tensor | None = None,
        edge_offsets: Tensor | None = None,
        since: tuple[Trace, int] | None = None,
        trace: Trace | None = None,
    ) -> tuple[State, Gates]:
        for given, n, what in ((gates, len(self.nodes), "nodes"), (edge_gates, self.wiring.n_edges, "edges")):
            if given is not None and given.shape[-1] != n:
                raise InputError(f"there are {given.shape[-1]} gates; this circuit has {n} {what}")
        nodes, edges = (None if given is None else torch.atleast_2d(given.float()) for given in (gates, edge_gates))
        applied = Gates(nodes, values, edges, edge_offsets)
        back = [block.looks_back for block in self.blocks]
        first, known = (0, None) if since is None else since[0].before(self._block_at(since[1]))
        start = prompts.every if any(back[first:]) or prompts.last is None else prompts.last
        assert start is not None
        if start is prompts.last:
            applied = applied.narrowed(start.positions)
        state = State(start, known)
        for number, block in enumerate(self.blocks[first:], start=first):
            if trace is not None:
                trace.note(number, state.shared())
            if isinstance(block, CompiledAttention):
                here = prompts.last is not None and state.static is prompts.every and not any(back[number + 1 :])
                state = block.run(state, applied, prompts.last if here else None)
                if here and prompts.last is not None:
                    applied = applied.narrowed(prompts.last.positions)
            else:
                state = block.run(state, applied)
        if trace is not None:
            trace.note(len(self.blocks), state.shared())
        return state, applied

    def _block_at(self, stage: int) -> int:
        """The number of the first block at a stage or after it."""
        return sum(block.reader.stage < stage for block in self.blocks)


@dataclass(frozen=True)
class Gated:
    """A compiled circuit with fixed gates: what `measure` can be given."""

    circuit: CompiledCircuit
    gates: Float[Tensor, " node"] | None = None
    values: Float[Tensor, " node"] | None = None
    edge_gates: Float[Tensor, " edge"] | None = None

    def logit_difference(self, batch: PairBatch) -> Float[Tensor, " prompt"]:
        return self.circuit.logit_difference(batch, self.gates, self.values, edge_gates=self.edge_gates)


def _numbered(keep: Keep, means: Means) -> Iterator[tuple[str, Kept]]:
    """The kept nodes of each site, numbered through the circuit."""
    start = 0
    for site in sorted(keep, key=site_order):
        indices = keep[site].nonzero().flatten()
        numbers = torch.arange(start, start + len(indices), device=indices.device)
        start += len(indices)
        yield site, Kept(indices, numbers, means[site].float()[indices])
