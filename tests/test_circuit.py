"""Circuits and their graphs: ids from content, edges and links by hand, and what has no path goes."""

import math
from pathlib import Path

import pytest
import torch

from hand_model import CONFIG, WHOLE, hand_circuit, hand_model, nodes
from model.calibrate import Calibration, calibrate, calibrated_losses, plain_losses
from model.checkpoint import load_model
from model.circuit import Circuit, kept_nodes, nothing_kept
from model.errors import InputError
from model.graph import connected, count_edges, edges_of, graph_of, neighbours
from model.sites import Node, maskable_sites, n_nodes, parse_node

REFERENCE = Path(__file__).parent / "data" / "reference"


def test_the_same_nodes_in_any_order_are_the_same_circuit():
    assert hand_circuit(*WHOLE).id == hand_circuit(*reversed(WHOLE), WHOLE[0]).id
    assert hand_circuit(*WHOLE).id != hand_circuit(*WHOLE[:3]).id
    assert Circuit.of("another model", "hand", nodes(*WHOLE)).id != hand_circuit(*WHOLE).id


def test_an_id_does_not_change_from_one_version_to_the_next():
    assert Circuit.of("f" * 64, "quotes", [Node("3.mlp.post_act", 117)]).id == "64740dcf78be5cd3"


def test_nodes_are_sorted_in_forward_order():
    mixed = hand_circuit("0.mlp.act_in:1", "0.attn.v:0", "0.mlp.act_in:0", "0.attn.q:1")
    assert [str(n) for n in mixed.nodes] == ["0.attn.q:1", "0.attn.v:0", "0.mlp.act_in:0", "0.mlp.act_in:1"]


def test_a_mask_and_its_circuit_hold_the_same_nodes():
    circuit = hand_circuit(*WHOLE)
    assert tuple(kept_nodes(circuit.keep(CONFIG))) == circuit.nodes
    assert len(list(maskable_sites(CONFIG))) == 8
    assert n_nodes(CONFIG) == 16


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("neuron five", "'neuron five' is not a node"),
        ("0.mlp.post_act:2", "0.mlp.post_act has the nodes 0 to 1"),
        ("7.mlp.post_act:0", "no site '7.mlp.post_act'; a 1-layer model has"),
        ("0.mlp.nose:0", "no site '0.mlp.nose'"),
    ],
)
def test_what_is_not_a_node_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_node(text, CONFIG)


def test_edges_are_the_nonzero_weights_between_kept_nodes():
    edges = edges_of(hand_model(), hand_circuit(*WHOLE))
    assert [(str(e.source), str(e.target), e.weight) for e in edges] == [
        ("0.mlp.act_in:0", "0.mlp.post_act:0", 1.0),
        ("0.mlp.act_in:0", "0.mlp.post_act:1", -1.0),
        ("0.mlp.post_act:0", "0.mlp.resid_delta:1", 2.0),
        ("0.mlp.post_act:1", "0.mlp.resid_delta:1", -2.0),
    ]


def test_the_smallest_mlp_circuit_is_three_nodes_and_two_edges():
    circuit = hand_circuit("0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.resid_delta:1")
    assert count_edges(hand_model(), circuit.keep(CONFIG)) == len(edges_of(hand_model(), circuit)) == 2


def test_links_join_embedding_readers_writers_and_logits():
    links = graph_of(hand_model(), hand_circuit(*WHOLE), [1, 2]).links
    assert [tuple(link) for link in links] == [
        ("residual", "embed:0", "0.mlp.act_in:0", 1.0),
        ("unembed", "0.mlp.resid_delta:1", "logit:1", 1.0),
        ("unembed", "0.mlp.resid_delta:1", "logit:2", -1.0),
    ]


def test_a_later_reader_is_linked_to_every_earlier_writer_and_q_to_its_k():
    model = load_model(REFERENCE / "sparse_sink")
    texts = ["0.attn.resid_delta:5", "0.mlp.resid_delta:5", "1.attn.act_in:5", "1.attn.q:9", "1.attn.k:9", "1.attn.k:8"]
    circuit = Circuit.of("f", "t", [parse_node(text, model.config) for text in texts])
    links = {tuple(link)[:3] for link in graph_of(model, circuit, []).links}
    assert ("residual", "0.attn.resid_delta:5", "1.attn.act_in:5") in links
    assert ("residual", "0.mlp.resid_delta:5", "1.attn.act_in:5") in links
    assert {link for link in links if link[0] == "qk"} == {("qk", "1.attn.q:9", "1.attn.k:9")}


def test_nodes_without_a_path_from_tokens_to_logits_go():
    astray = ("0.mlp.act_in:1", "0.mlp.resid_delta:0", "0.attn.q:0", "0.attn.v:1", "0.attn.resid_delta:1")
    left = connected(hand_model(), hand_circuit(*WHOLE, *astray).keep(CONFIG))
    assert [str(node) for node in kept_nodes(left)] == list(WHOLE)
    assert not list(kept_nodes(connected(hand_model(), nothing_kept(CONFIG))))


def test_the_weights_at_a_node_are_those_of_the_matrices():
    incoming, outgoing = neighbours(hand_model(), nodes("0.mlp.post_act:1")[0])
    assert [(str(n), w) for n, w in incoming] == [("0.mlp.act_in:0", -1.0)]
    assert [(str(n), w) for n, w in outgoing] == [("0.mlp.resid_delta:1", -2.0)]


def test_a_calibration_is_part_of_the_circuit():
    plain = hand_circuit(*WHOLE)
    scaled = plain.calibrated(Calibration(2.0, -0.5))
    assert scaled.id != plain.id == scaled.calibrated(None).id
    assert scaled.without(scaled.nodes[:1]).calibration == scaled.calibration == scaled.with_cut([]).calibration
    # class 1 first: right minus wrong is scaled; the shift helps the one class by what it costs the other
    assert Calibration(2.0, -0.5)(torch.tensor([1.0, 3.0, 1.0, 3.0])).tolist() == [1.0, 5.0, 3.0, 7.0]


def test_the_best_calibration_is_found_and_tells_nothing_apart_by_itself():
    difference = torch.tensor([[1.0, 0.5, -0.4, 0.2, 0.1, 0.3], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    losses = calibrated_losses(difference)
    assert losses[1] == pytest.approx(math.log(2), abs=1e-4)
    for scale in (0.5, 1.0, 2.0, 4.0, 8.0):
        for shift in (-1.0, -0.5, 0.0, 0.5, 1.0):
            assert losses[0] <= plain_losses(Calibration(scale, shift)(difference))[0] + 1e-3


def test_a_scale_is_bounded_and_the_shift_is_the_best_for_the_bound():
    hair = torch.tensor([0.002, 0.002, 0.001, 0.001])  # class 1 leads by 0.002, class 2 by 0.001
    found = calibrate(hair)
    assert found.scale == 32.0
    # at scale 32 the classes lie at 0.064 and -0.032: the best shift puts zero half-way between them
    assert 2 * found.shift == pytest.approx(-0.016, abs=1e-4)
    assert float(calibrated_losses(hair)) == pytest.approx(math.log(1 + math.exp(-0.048)), abs=1e-4)
