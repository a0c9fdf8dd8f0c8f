"""Benchmarks 1, 2, 3 and 6: circuits and the full model, 8 layers of up to 2048 channels, random weights."""

from functools import cache

import torch

from bench.clock import Machine, Row, human, seconds
from bench.wide import N_PAIRS, N_POS, random_batch, random_circuit, wide_model
from model.batch import PairBatch
from model.circuit import Keep, kept_nodes
from model.compiled import CompiledCircuit, compile_circuit
from model.gate import hold
from model.graph import count_edges
from model.means import Means, corpus_means
from model.measure import logit_difference, measure
from model.sites import maskable_sites, site_width
from model.sparse.transformer import SparseTransformer
from model.swift import swift
from model.transformer import Transformer

N_NODES = 320  # asked for; about 300 are left that lie on a path
WIDTHS = (256, 512, 1024, 2048)
N_DENSE_PAIRS, N_SPARSE_PAIRS, N_SWEEP_PAIRS = 2, 8, 8
ROWS_AT_ONCE = 512


class Large:
    """The model of one width with a circuit and a batch."""

    def __init__(self, width: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.model: Transformer = wide_model(generator, width)
        tokens = torch.randint(300, (2, N_POS), generator=generator)
        self.means: Means = corpus_means(self.model, tokens)
        self.keep: Keep = random_circuit(self.model, N_NODES, generator)
        self.n_nodes = len(list(kept_nodes(self.keep)))
        self.n_edges = count_edges(self.model, self.keep)
        self.batch: PairBatch = random_batch(self.model.config, 300, generator)
        self.compiled: CompiledCircuit = compile_circuit(self.model, self.means, self.keep)

    def some(self, n_pairs: int) -> PairBatch:
        return self.batch.select(torch.arange(n_pairs))

    def compiled_s(self) -> float:
        return seconds(lambda: self.compiled.logit_difference(self.batch), 9)

    def masked_s(self) -> float:
        """The masked dense model, timed on some of the pairs."""
        some, tap = self.some(N_DENSE_PAIRS), hold(self.keep, self.means)
        return seconds(lambda: logit_difference(self.model, some, tap), 3, ahead=False) * N_PAIRS / N_DENSE_PAIRS

    def dense_s(self) -> float:
        some = self.some(N_DENSE_PAIRS)
        return seconds(lambda: logit_difference(self.model, some), 3, ahead=False) * N_PAIRS / N_DENSE_PAIRS

    def sparse_s(self) -> float:
        fast, some = swift(self.model), self.some(N_SPARSE_PAIRS)
        assert isinstance(fast, SparseTransformer)
        return seconds(lambda: measure(fast, some), 3) * N_PAIRS / N_SPARSE_PAIRS

    def off_circuit(self) -> float:
        """The compiled circuit's largest difference from the masked dense model, nats."""
        few = self.some(1)
        masked = logit_difference(self.model, few, hold(self.keep, self.means))
        return float((self.compiled.logit_difference(few) - masked).abs().max())

    def off_model(self) -> float:
        """The same of the sparse forward pass and the dense one."""
        few = self.some(1)
        return float((measure(swift(self.model), few).logit_diff - logit_difference(self.model, few)).abs().max())

    def sweep(self) -> tuple[float, float]:
        """Seconds to cut every node in turn: many cuts a pass, and one pass each (timed on 12 of them)."""
        n = len(self.compiled.nodes)
        batch = self.some(N_SWEEP_PAIRS)

        def together() -> None:
            for part in (1 - torch.eye(n)).split(ROWS_AT_ONCE // len(batch.tokens)):
                self.compiled.logit_difference(batch, part)

        def alone() -> None:
            for row in (1 - torch.eye(n))[:: n // 12]:
                self.compiled.logit_difference(batch, row)

        n_alone = len(range(0, n, n // 12))
        return seconds(together, 3, ahead=False), seconds(alone, 3) * n / n_alone


@cache
def at_width(width: int) -> Large:
    """Made once; the widest is the model of the other benchmarks."""
    return Large(width)


@cache
def by_width() -> dict[int, float]:
    """Seconds of a circuit's pass at each width."""
    with torch.no_grad():
        return {width: at_width(width).compiled_s() for width in WIDTHS}


@torch.no_grad()
def circuit_rows(machine: Machine) -> list[Row]:
    large, n_tokens = at_width(WIDTHS[-1]), 2 * N_PAIRS * N_POS
    compiled, masked = large.compiled_s(), large.masked_s()
    floor = machine.floor_s(8 * large.n_nodes * n_tokens, 2 * large.n_edges * n_tokens)
    what = f"1. circuit of {large.n_nodes} nodes, {large.n_edges} edges, compiled, against the masked dense model"
    note = f"{human(floor)} ({compiled / floor:.0f}x); off by {large.off_circuit():.0e}"
    return [Row(what, human(compiled), human(masked), masked / compiled, "1000x", masked / compiled >= 1000, note)]


@torch.no_grad()
def forward_rows(machine: Machine) -> list[Row]:
    large, n_tokens = at_width(WIDTHS[-1]), 2 * N_PAIRS * N_POS
    sparse, dense = large.sparse_s(), large.dense_s()
    n_nonzero = sum(int(p.count_nonzero()) for name, p in large.model.named_parameters() if ".h." in name)
    widths = sum(site_width(large.model.config, site) for site in maskable_sites(large.model.config))
    floor = machine.floor_s(8 * widths * n_tokens + 8 * n_nonzero, 2 * n_nonzero * n_tokens)
    note = f"{human(floor)} ({sparse / floor:.1f}x); off by {large.off_model():.0e}"
    return [
        Row("2. full model, sparse against dense", human(sparse), human(dense), dense / sparse, "15x",
            dense / sparse >= 15, note),
    ]  # fmt: skip


def width_rows(machine: Machine) -> list[Row]:
    found = by_width()
    slowest, fastest = max(found.values()), min(found.values())
    large = at_width(WIDTHS[-1])
    floor = machine.floor_s(16 * large.n_nodes * N_PAIRS * N_POS, 4 * large.n_edges * N_PAIRS * N_POS)
    return [
        Row(f"3. such a circuit at widths {WIDTHS[0]} to {WIDTHS[-1]}: the slowest against the fastest",
            human(slowest), human(fastest), slowest / fastest, "flat (below 2)", slowest / fastest < 2,
            f"{human(floor)} ({slowest / floor:.0f}x)"),
    ]  # fmt: skip


@torch.no_grad()
def sweep_rows(machine: Machine) -> list[Row]:
    large = at_width(WIDTHS[-1])
    together, alone = large.sweep()
    masked_each = large.masked_s() * large.n_nodes * N_SWEEP_PAIRS / N_PAIRS
    n_tokens = 2 * N_SWEEP_PAIRS * N_POS * large.n_nodes / 2  # half of what a cut changes comes before it, on average
    floor = machine.floor_s(8 * large.n_nodes * n_tokens, 2 * large.n_edges * n_tokens)
    return [
        Row(f"6. sweep over all nodes of 1, {N_SWEEP_PAIRS} pairs, against one compiled pass each "
            f"(masked: {human(masked_each)})", human(together), human(alone), alone / together, "", None,
            f"{human(floor)} ({together / floor:.0f}x)"),
    ]  # fmt: skip
