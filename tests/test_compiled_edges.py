"""Edges cut and weakened in a compiled circuit, as on the dense model."""

import math

import pytest
import torch

from hand_model import CONFIG as HAND
from hand_model import WHOLE, hand_batch, hand_circuit, hand_means, hand_model, nodes
from model.circuit import Circuit, Edge, kept_nodes
from model.compiled import MaskedCircuit, compile_circuit
from model.gate import inside
from model.graph import edges_of
from model.measure import logit_difference, measure
from small_circuit import OPTIONS, close, random_batch, random_keep, random_means, random_model

READS = [Edge(*nodes("0.mlp.act_in:0", f"0.mlp.post_act:{n}")) for n in (0, 1)]


WRITES = [Edge(*nodes(f"0.mlp.post_act:{n}", "0.mlp.resid_delta:1")) for n in (0, 1)]
# before the norm c0 = +-1, and c1 = c gives a logit difference of 2 c sqrt(2.5 / ((1 + c^2) / 2))


def difference_of(c1: float) -> float:
    return 2 * c1 * math.sqrt(2.5 / ((1 + c1 * c1) / 2))


@pytest.mark.parametrize(
    ("cut", "first", "second"),
    [
        ([], 2, 2),  # the neurons are (1, 0) after token 1 and (0, 1) after token 2; c1 = 2 n0 - 2 n1
        ([WRITES[1]], 1, 1),  # neuron 1 counts as its mean 0.5: c1 = 2 n0 - 1
        ([WRITES[0]], 1, 1),
        ([READS[1]], 2, 0),  # neuron 1 reads 0 and is relu(0) = 0, not its mean: c1 = 2 n0
        ([READS[0], READS[1]], 0, 0),
        ([READS[0], WRITES[1]], -1, 1),  # c1 = 0 - 1 whatever the token
        ([WRITES[0], WRITES[1]], 0, 0),
        ([READS[0], READS[1], WRITES[1]], -1, 1),
    ],
)
def test_edges_cut_by_hand(cut, first, second):
    expected = [difference_of(first), difference_of(second)]
    circuit = hand_circuit(*WHOLE).with_cut(cut)
    model, means, batch, keep = hand_model(), hand_means(), hand_batch(), circuit.keep(HAND)
    compiled = compile_circuit(model, means, keep, cut_edges=circuit.cut_edges)
    assert len(compiled.edges) == len(edges_of(model, circuit)) == 4 - len(cut)
    assert compiled.logit_difference(batch).tolist() == pytest.approx(expected, abs=1e-4)
    assert measure(model, batch, inside(circuit, means, model)).logit_diff.tolist() == pytest.approx(expected, abs=1e-4)
    whole = compile_circuit(model, means, keep)
    gates = torch.tensor([0.0 if edge in cut else 1.0 for edge in whole.edges])
    assert whole.logit_difference(batch, edge_gates=gates).tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("options", OPTIONS[::3])
def test_cut_edges_are_those_of_the_dense_model_and_variants_answer_as_one_by_one(options):
    model = random_model(**options)
    means, batch = random_means(model.config), random_batch(model.config)
    for seed in range(2):
        keep = random_keep(model.config, 0.6, seed)
        whole = compile_circuit(model, means, keep)
        chosen = torch.rand(3, len(whole.edges), generator=torch.Generator().manual_seed(seed)) < 0.3
        at_once = whole.logit_difference(batch, edge_gates=1 - chosen.float())
        for variant, differences in zip(chosen, at_once, strict=True):
            cut = [edge for edge, is_cut in zip(whole.edges, variant.tolist(), strict=True) if is_cut]
            circuit = Circuit.of("f", "t", kept_nodes(keep), cut)
            expected = logit_difference(model, batch, inside(circuit, means, model))
            close(differences, expected)
            compiled = compile_circuit(model, means, keep, cut_edges=cut)
            close(compiled.logit_difference(batch), expected)
            assert compiled.edges == tuple(edge for edge in whole.edges if edge not in set(cut))


def test_gates_of_edges_weaken_them_as_on_the_dense_model():
    model = random_model(sink=True, add_positions=False)
    means, batch = random_means(model.config), random_batch(model.config)
    keep = random_keep(model.config, 0.5, seed=3)
    compiled, dense = compile_circuit(model, means, keep), MaskedCircuit(model, means, keep)
    generator = torch.Generator().manual_seed(0)
    gates, edge_gates = (torch.rand(len(parts), generator=generator) for parts in (compiled.nodes, compiled.edges))
    answers = [c.logit_difference(batch, gates, edge_gates=edge_gates) for c in (compiled, dense)]
    close(*answers)


def test_the_slope_of_an_edges_gate_is_that_of_a_small_step():
    model = random_model(sink=True, add_positions=False, activation_type="gelu")
    means, batch = random_means(model.config), random_batch(model.config)
    compiled = compile_circuit(model, means, random_keep(model.config, 0.5, seed=3))
    gates = torch.rand(len(compiled.edges), generator=torch.Generator().manual_seed(0)).requires_grad_()
    (slopes,) = torch.autograd.grad(compiled.logit_difference(batch, edge_gates=gates).sum(), gates)
    steps = 5e-3 * torch.eye(len(gates))
    with torch.no_grad():
        up, down = (compiled.logit_difference(batch, edge_gates=gates + step).sum(dim=1) for step in (steps, -steps))
    close((up - down) / 1e-2, slopes, tolerance=2e-2)


def test_an_id_changes_with_the_edges_that_are_cut_and_only_with_those():
    whole = hand_circuit(*WHOLE)
    assert whole.with_cut([]).id == whole.id
    assert whole.with_cut(WRITES).id == whole.with_cut(reversed(WRITES)).id != whole.with_cut(READS).id != whole.id
    assert whole.with_cut([*WRITES, *READS]).without(nodes("0.mlp.post_act:0")).cut_edges == (READS[1], WRITES[1])
