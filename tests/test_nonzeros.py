"""Weights that lie as nonzeros: nothing shows that a dense matrix is made only when someone looks at it."""

import copy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.adjacency import Adjacency
from model.checkpoint import fingerprint, load_model, save_model
from model.circuit import Circuit, Edge, kept_nodes
from model.compiled import compile_circuit
from model.gate import inside
from model.graph import connected, count_edges, edges_of, graph_of, neighbours, weight_of, wires_of
from model.measure import logit_difference, measure
from model.nonzeros import nonzeros_of
from model.parts import part_of, weight_at
from model.sites import maskable_sites, site_width
from model.sparse.transformer import SparseTransformer
from model.subject import load_subject
from model.swift import swift
from model.weights import count_by_kind
from model.wired import trace
from small_circuit import random_batch, random_keep, random_means

REFERENCE = Path(__file__).parent / "data" / "reference"
TOKENS = torch.arange(10)[None]


@pytest.fixture(params=["sparse_nosink", "sparse_sink", "concat_positions"])
def both(request, tmp_path):
    """A model as the release stores it, which is dense, and the same from a folder of our form."""
    dense = load_model(REFERENCE / request.param)
    save_model(dense, tmp_path)
    return dense, load_model(tmp_path)


def linears(model):
    return [part for block in model.blocks for part in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc,
                                                         block.mlp.c_proj)]  # fmt: skip


def n_made(model):
    return sum(vars(part)["_parameters"].is_made for part in linears(model))


def everything(model):
    return {site: torch.ones(site_width(model.config, site), dtype=torch.bool) for site in maskable_sites(model.config)}


def test_running_hashing_and_drawing_a_sparse_model_makes_nothing_dense(both):
    dense, model = both
    fast = swift(model)
    assert isinstance(fast, SparseTransformer)
    assert torch.allclose(fast(TOKENS), dense(TOKENS), atol=1e-4)
    assert fingerprint(model) == fingerprint(dense)
    for ours, theirs in zip(wires_of(model, everything(model)), wires_of(dense, everything(dense)), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours[2:], theirs[2:], strict=True))
    assert n_made(model) == 0
    assert torch.equal(model(TOKENS), dense(TOKENS))
    assert n_made(model) == len(linears(model))
    assert swift(model) is fast, "nothing has changed"


def everything_shown(model, circuit):
    keep = circuit.keep(model.config, model.device)
    return (
        graph_of(model, circuit, [1, 2]), [neighbours(model, node) for node in circuit.nodes], count_edges(model, keep),
        count_by_kind(model), trace(model, 0, 3, "forward", 2, 4), [weight_of(model, e) for e in circuit.cut_edges],
        [mask.tolist() for mask in connected(model, keep, circuit.cut_edges).values()],
        [part.tolist() for part in vars(Adjacency.of(model)).values()],
    )  # fmt: skip


def test_compiling_measuring_and_drawing_a_circuit_makes_nothing_dense(both):
    dense, model = both
    means, keep = random_means(model.config), random_keep(model.config, 0.5, seed=0)
    edges = [Edge(edge.source, edge.target) for edge in edges_of(dense, Circuit.of("f", "t", kept_nodes(keep)))]
    circuit = Circuit.of("f", "t", kept_nodes(keep), edges[::7])
    compiled = compile_circuit(model, means, keep, cut_edges=circuit.cut_edges)
    batch = random_batch(model.config)
    answer = measure(compiled, batch).logit_diff
    tapped = measure(swift(model), batch, inside(circuit, means, model)).logit_diff
    assert everything_shown(model, circuit) == everything_shown(dense, circuit)
    assert n_made(model) == 0
    masked = logit_difference(dense, batch, inside(circuit, means, dense))
    assert torch.allclose(answer, masked, atol=1e-4) and torch.allclose(tapped, masked, atol=1e-4)


@pytest.mark.parametrize("look", [
    lambda model: model.state_dict(),
    lambda model: dict(model.named_parameters()),
    lambda model: dict(copy.deepcopy(model).named_parameters()),
    lambda model: dict(model.double().float().named_parameters()),
])  # fmt: skip
def test_whoever_lists_the_weights_finds_all_of_them(both, look):
    dense, model = both
    expected, found = look(dense), look(model)
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_weight_that_is_written_to_is_what_counts(both):
    _, model = both
    before, fast = fingerprint(model), swift(model)
    model.blocks[0].mlp.c_fc.weight.mul_(2)
    assert nonzeros_of(model.blocks[0].mlp.c_fc) is None
    assert fingerprint(model) != before and swift(model) is not fast
    assert torch.allclose(swift(model)(TOKENS), model(TOKENS), atol=1e-4)
    model.blocks[0].mlp.c_fc.weight = torch.nn.Parameter(torch.zeros_like(model.blocks[0].mlp.c_fc.weight))
    assert nonzeros_of(model.blocks[0].mlp.c_fc) is None and not model.blocks[0].mlp.c_fc.weight.any()


def test_a_part_of_a_matrix_is_that_of_the_dense_one(both):
    dense, model = both
    rows, columns = torch.tensor([5, 0, 3]), torch.tensor([7, 2, 1, 0])
    for a, b in zip(linears(model), linears(dense), strict=True):
        first, end, mean = 1, b.out_features - 1, torch.linspace(-1, 1, b.in_features)
        for ours, theirs in (
            (part_of(a), part_of(b)),
            (part_of(a, first, end), part_of(b, first, end)),
            (part_of(a, first, end).rows(rows), part_of(b, first, end).rows(rows)),
        ):
            assert ours.shape == theirs.shape and ours.count() == theirs.count()
            assert all(map(torch.equal, ours.entries(), theirs.entries()))
            assert torch.equal(ours.columns(columns).dense(), theirs.columns(columns).dense())
            assert torch.equal(ours.is_read(), theirs.is_read()) and torch.equal(
                ours.has_entries(), theirs.has_entries()
            )
            assert torch.allclose(ours.at_mean(mean), theirs.at_mean(mean), atol=1e-6)
            assert torch.allclose(ours.by_head(mean, 2), theirs.by_head(mean, 2), atol=1e-6)
        assert torch.equal(part_of(a, first).rows(rows).dense(), b.weight[first:][rows])
        assert torch.equal(part_of(a).columns(columns).rows(rows).dense(), b.weight[rows][:, columns])
        last = b.out_features - 1, b.in_features - 1
        for row, column in ((0, 0), last, *b.weight.nonzero()[:5].tolist(), *(b.weight == 0).nonzero()[:5].tolist()):
            assert weight_at(a, row, column) == b.weight[row, column]
    assert n_made(model) == 0


def test_entries_in_any_order_and_zeros_among_them_are_read(tmp_path):
    model = load_model(REFERENCE / "sparse_sink")
    save_model(model, tmp_path)
    path = tmp_path / "weights.safetensors"
    stored = {name: value.clone() for name, value in load_file(path).items()}
    for name in [name.removesuffix("#index") for name in stored if name.endswith("#index")]:
        for part in ("index", "value"):
            stored[f"{name}#{part}"] = stored[f"{name}#{part}"].flip(0)
    name = "transformer.h.0.mlp.c_fc.weight"
    free = int((model.blocks[0].mlp.c_fc.weight.flatten() == 0).nonzero()[0])
    stored[f"{name}#index"] = torch.cat([stored[f"{name}#index"], torch.tensor([free], dtype=torch.int32)])
    stored[f"{name}#value"] = torch.cat([stored[f"{name}#value"], torch.zeros(1)])
    save_file(stored, path)
    assert fingerprint(load_model(tmp_path)) == fingerprint(model)
    assert torch.equal(load_model(tmp_path)(TOKENS), model(TOKENS))


def test_a_models_size_is_that_of_its_dense_weights():
    subject = load_subject(Path(__file__).parents[1] / "bundle" / "models" / "python-2x128-s0")
    before = subject.n_bytes
    n_made_before = n_made(subject.model)
    again = load_subject(Path(__file__).parents[1] / "bundle" / "models" / "python-2x128-s0")
    list(again.model.parameters())
    assert again.n_bytes == before and n_made_before == 0
