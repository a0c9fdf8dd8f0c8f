"""Benchmarks 1, 2, 3 and 6: circuits and the full model, 8 layers of up to 2048 channels, random weights."""

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

    def differences(self) -> tuple[float, float]:
        """Largest difference from the dense model: of the compiled circuit, of the sparse forward pass."""
        few = self.some(1)
        masked = logit_difference(self.model, few, hold(self.keep, self.means))
        of_circuit = (self.compiled.logit_difference(few) - masked).abs().max()
        whole = (measure(swift(self.model), few).logit_diff - logit_difference(self.model, few)).abs().max()
        return float(of_circuit), float(whole)

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


@torch.no_grad()
def rows(machine: Machine) -> tuple[list[Row], dict[int, float]]:
    """The table's lines, and seconds by width of the circuit's pass."""
    by_width = {}
    for width in WIDTHS:
        large = Large(width)
        by_width[width] = large.compiled_s()
    model, n_tokens = large.model, 2 * N_PAIRS * N_POS
    compiled, masked, dense, sparse = by_width[WIDTHS[-1]], large.masked_s(), large.dense_s(), large.sparse_s()
    off_circuit, off_model = large.differences()
    together, alone = large.sweep()
    masked_each = masked * large.n_nodes * N_SWEEP_PAIRS / N_PAIRS
    n_nonzero = sum(int(p.count_nonzero()) for name, p in model.named_parameters() if ".h." in name)
    widths = sum(site_width(model.config, site) for site in maskable_sites(model.config))
    floor_circuit = machine.floor_s(8 * large.n_nodes * n_tokens, 2 * large.n_edges * n_tokens)
    floor_model = machine.floor_s(8 * widths * n_tokens + 8 * n_nonzero, 2 * n_nonzero * n_tokens)
    flat = max(by_width.values()) / min(by_width.values())
    words = f"{large.n_nodes} nodes, {large.n_edges} edges"
    return [
        Row(f"1. circuit of {words}, compiled, against the masked dense model", human(compiled), human(masked),
            masked / compiled, "1000x", masked / compiled >= 1000,
            f"{human(floor_circuit)} ({compiled / floor_circuit:.0f}x); off by {off_circuit:.0e}"),
        Row("2. full model, sparse against dense", human(sparse), human(dense), dense / sparse, "15x",
            dense / sparse >= 15, f"{human(floor_model)} ({sparse / floor_model:.1f}x); off by {off_model:.0e}"),
        Row(f"3. such a circuit at widths {WIDTHS[0]} to {WIDTHS[-1]}: the slowest against the fastest",
            human(max(by_width.values())), human(min(by_width.values())), flat, "flat (below 2)", flat < 2),
        Row(f"6. sweep over all nodes of 1, {N_SWEEP_PAIRS} pairs, against one compiled pass each "
            f"(masked: {human(masked_each)})", human(together), human(alone), alone / together, "", None),
    ], by_width  # fmt: skip
