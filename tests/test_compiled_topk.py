"""AbsTopK inside a compiled circuit keeps what it keeps in the whole model."""

import numpy as np
import pytest
import torch

from model.attribution import soft_gate
from model.circuit import Circuit, kept_nodes
from model.compiled import MaskedCircuit, compile_circuit
from model.gate import hold, inside
from model.measure import logit_difference
from model.sparse.activate import NONE, RELU
from model.sparse.count import contest
from small_circuit import close, gates_of, random_batch, random_keep, random_means, random_model

EVERYWHERE = ("attn_in", "attn_q", "attn_k", "attn_v", "attn_out", "mlp_in", "mlp_neuron", "mlp_out")


@pytest.mark.parametrize("locations", [*((name,) for name in EVERYWHERE), EVERYWHERE], ids=",".join)
@pytest.mark.parametrize(
    "options",
    [
        {"sink": True, "add_positions": False},
        {"sink": False, "add_positions": True, "activation_type": "relu"},
        {"sink": True, "add_positions": False, "rms_norm": False, "d_pos_emb": 6, "bias": False},
    ],
    ids=["sink", "positions", "layernorm, concatenated"],
)
def test_abs_topk_keeps_what_it_keeps_in_the_whole_model(options, locations):
    model = random_model(**options, afrac=0.4, afrac_loctypes=locations)
    means, batch = random_means(model.config), random_batch(model.config)
    for seed, fraction in enumerate((0.0, 0.4, 0.8)):
        keep = random_keep(model.config, fraction, seed)
        compiled, tap = compile_circuit(model, means, keep), hold(keep, means)
        close(compiled.logit_difference(batch), logit_difference(model, batch, tap))
        close(compiled.logits(batch.tokens), model(batch.tokens, tap=tap))
        gates = torch.rand(3, len(compiled.nodes), generator=torch.Generator().manual_seed(seed))
        expected = [logit_difference(model, batch, soft_gate(gates_of(keep, row), means)) for row in gates]
        close(compiled.logit_difference(batch, gates), torch.stack(expected))
        cut = compiled.edges[::3]
        closed = torch.ones(len(compiled.edges)).index_fill(0, torch.arange(0, len(compiled.edges), 3), 0.0)
        tap = inside(Circuit.of("f", "t", kept_nodes(keep), cut), means, model)
        close(compiled.logit_difference(batch, edge_gates=closed), logit_difference(model, batch, tap))


@pytest.mark.parametrize("location", ["resid_post_attn", "resid_post_mlp"])
def test_abs_topk_on_the_residual_stream_falls_back_to_the_masked_model(location):
    model = random_model(sink=True, add_positions=False, afrac=0.5, afrac_loctypes=(location,))
    means, batch = random_means(model.config), random_batch(model.config)
    keep = random_keep(model.config, 0.5, seed=1)
    compiled = compile_circuit(model, means, keep)
    assert isinstance(compiled, MaskedCircuit)
    close(compiled.logit_difference(batch), logit_difference(model, batch, hold(keep, means)))
    close(compiled.logits(batch.tokens), model(batch.tokens, tap=hold(keep, means)))
    edge_gates = torch.rand(2, len(compiled.edges), generator=torch.Generator().manual_seed(0)).round()
    cut = [edge for edge, gate in zip(compiled.edges, edge_gates[1].tolist(), strict=True) if not gate]
    severed = compile_circuit(model, means, keep, cut_edges=cut)
    close(compiled.logit_difference(batch, edge_gates=edge_gates)[1], severed.logit_difference(batch))
    gates = torch.ones(len(compiled.nodes)).index_fill(0, torch.arange(0, len(compiled.nodes), 2), 0.0)
    left = {site: mask > 0 for site, mask in gates_of(keep, gates).items()}
    close(compiled.logit_difference(batch, gates), logit_difference(model, batch, hold(left, means)))


@pytest.mark.parametrize("n_places", [1, 63, 64, 200])
@pytest.mark.parametrize("case", ["one list", "lists in order", "lists anyhow", "listed"])
def test_a_contest_counts_what_is_larger(case, n_places):
    for seed in range(20):
        draw = np.random.default_rng([seed, n_places])
        n_node, n_rival, n_source, width = (int(n) for n in draw.integers((1, 0, 1, 0), (5, 9, 4, 12)))
        n_lists = 1 if case == "one list" else n_places
        lists = draw.permutation(n_lists) if case == "lists anyhow" else np.arange(n_places) % n_lists
        # whole numbers, so that many are equal
        weight = draw.integers(-2, 3, (n_rival, n_source)) * (draw.random((n_rival, n_source)) < 0.5)
        values, before = draw.integers(-3, 4, (2, n_source, n_places))
        base = draw.integers(-2, 3, (n_rival, n_lists if case.startswith("lists") else 1))
        settled = draw.integers(0, 6, (n_lists, width))
        x = draw.integers(-5, 6, (n_node, n_places))
        which = NONE if case == "listed" else int(draw.choice([NONE, RELU]))

        def rivals(of, weight=weight, base=base, lists=lists, which=which):
            given = weight @ of + base[:, lists if base.shape[1] > 1 else lists * 0]
            return np.abs(np.maximum(given, 0) if which == RELU else given)

        if case == "listed":  # x is in the table; rivals are there as they were
            base[:] = 0
            settled = np.concatenate([settled[lists], rivals(before).T, np.abs(x).T], axis=1)
            others = np.concatenate([settled[:, :width].T, rivals(values), np.abs(x)])
        else:
            others = np.concatenate([settled[lists].T, rivals(values), np.abs(x)])
        kept_by = int(draw.integers(1, len(others) + 2))
        larger = (others[None] > np.abs(x)[:, None]).sum(axis=1)
        target, source = weight.nonzero()
        starts = np.concatenate([[0], np.bincount(target, minlength=n_rival).cumsum()])
        inside = np.full(x.shape, np.nan, np.float32)
        floats = [np.ascontiguousarray(part, np.float32) for part in (x, np.sort(settled), weight[target, source], base,
                                                                      values, before)]  # fmt: skip
        contest(
            floats[0], kept_by, floats[1], lists.astype(np.int64), starts.astype(np.int64), source.astype(np.int32),
            floats[2], floats[3], which, floats[4], floats[5], case == "listed", inside, 0, n_places,
        )  # fmt: skip
        assert np.array_equal(inside[x != 0] > 0, (larger < kept_by)[x != 0])
        assert set(np.unique(inside)) <= {0.0, 1.0}
