"""Losses, cuts and effects on the hand model, each worked out on paper."""

import math

import pytest
import torch

from hand_model import CONFIG, WHOLE, hand_batch, hand_circuit, hand_means, hand_model, hand_subject, nodes
from model.ablate import ablate, edge_effects, empty_circuit, node_effects
from model.attribution import estimated_effects
from model.calibrate import calibrate
from model.gate import cut, inside, keep_only
from model.measure import Outcome, interval, measure

FULL_LOSS = math.log(1 + math.exp(-4))  # logits +2 and -2: a difference of 4 nats
HALF = 2 * math.sqrt(2.5)  # one neuron at its mean leaves c1 = 1, so logits +-sqrt(2.5)


def _diffs(tap=None):
    return measure(hand_model(), hand_batch(), tap).logit_diff.tolist()


def test_the_full_model_tells_the_tokens_apart_by_four_nats():
    outcome = measure(hand_model(), hand_batch())
    assert outcome.logit_diff.tolist() == pytest.approx([4, 4], abs=1e-4)
    assert outcome.loss_nats == pytest.approx(FULL_LOSS, abs=1e-5)
    assert outcome.accuracy().value == 1


def test_the_empty_circuit_knows_nothing():
    tap = keep_only(empty_circuit(hand_subject(), "hand"), hand_means(), CONFIG)
    assert _diffs(tap) == pytest.approx([0, 0], abs=1e-6)


def test_cutting_the_second_neuron_to_zero_costs_class_two_everything():
    assert _diffs(cut(nodes("0.mlp.post_act:1"), hand_means(), CONFIG, mode="zero")) == pytest.approx([4, 0], abs=1e-4)


def test_cutting_the_second_neuron_to_its_mean_costs_both_classes_alike():
    diffs = _diffs(cut(nodes("0.mlp.post_act:1"), hand_means(), CONFIG, mode="mean"))
    assert diffs == pytest.approx([HALF, HALF], abs=1e-4)


def test_a_circuit_holds_all_else_at_its_mean():
    circuit = hand_circuit("0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.resid_delta:1")
    assert _diffs(keep_only(circuit, hand_means(), CONFIG)) == pytest.approx([HALF, HALF], abs=1e-4)
    assert _diffs(keep_only(hand_circuit(*WHOLE), hand_means(), CONFIG)) == pytest.approx([4, 4], abs=1e-4)


def test_an_ablation_within_a_circuit_leaves_the_rest_of_the_model_at_its_mean():
    three = hand_circuit("0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.resid_delta:1")
    change = ablate(hand_subject(), hand_batch(), nodes("0.mlp.post_act:0"), within=three)
    assert change.before.logit_diff.tolist() == pytest.approx([HALF, HALF], abs=1e-4)
    assert change.after.logit_diff.tolist() == pytest.approx([0, 0], abs=1e-5)
    assert change.change.value == pytest.approx(math.log(2) - math.log(1 + math.exp(-HALF)), abs=1e-4)
    assert change.most_changed(3) == [0]


def test_cutting_does_not_change_the_means_it_was_given():
    means = hand_means()
    cut(nodes("0.mlp.post_act:0"), means, CONFIG, mode="zero")
    assert means["0.mlp.post_act"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("rows_at_once", [2, 5, 256])
def test_a_sweep_measures_what_single_cuts_measure(rows_at_once):
    subject, circuit, batch = hand_subject(), hand_circuit(*WHOLE), hand_batch()
    effects = node_effects(subject, circuit, batch, rows_at_once=rows_at_once)
    assert list(effects) == list(circuit.nodes)
    for node, effect in effects.items():
        assert effect == pytest.approx(ablate(subject, batch, [node], within=circuit).change.value, abs=1e-6)
    reading = nodes("0.mlp.act_in:0")[0]
    assert effects[reading] == pytest.approx(math.log(2) - FULL_LOSS, abs=1e-4)


@pytest.mark.parametrize("rows_at_once", [2, 5, 256])
def test_a_sweep_over_edges_measures_what_single_cuts_measure(rows_at_once):
    subject, circuit, batch = hand_subject(), hand_circuit(*WHOLE), hand_batch()
    effects = edge_effects(subject, circuit, batch, rows_at_once=rows_at_once)
    for edge, effect in effects.items():
        tap = inside(circuit.with_cut([edge]), hand_means(), hand_model())
        assert effect == pytest.approx(measure(hand_model(), batch, tap).loss_nats - FULL_LOSS, abs=1e-5)
    # without what it reads neuron 1 is relu(0): after token 2 the logits are level, after token 1 nothing changes
    reading = next(edge for edge in effects if str(edge) == "0.mlp.act_in:0->0.mlp.post_act:1")
    assert effects[reading] == pytest.approx((math.log(2) - FULL_LOSS) / 2, abs=1e-4)


def test_the_empty_circuit_has_no_effects():
    assert node_effects(hand_subject(), empty_circuit(hand_subject(), "hand"), hand_batch()) == {}


def test_an_estimate_is_the_slope_of_the_loss_at_the_circuit():
    subject, circuit, batch = hand_subject(), hand_circuit(*WHOLE), hand_batch()
    estimate = estimated_effects(subject, circuit, batch)[nodes("0.mlp.resid_delta:1")[0]]
    # with gate g the logits are +-2g * sqrt(2.5 / ((1 + 4 g^2) / 2)); at g = 1 their difference 4 has slope 0.8
    slope = 0.8 / (1 + math.exp(4))
    assert estimate == pytest.approx(slope, rel=1e-3)


def test_the_interval_of_equal_pairs_has_no_width_and_is_the_same_each_time():
    same = interval(torch.full((20,), 0.3))
    assert (same.value, same.low, same.high) == pytest.approx((0.3, 0.3, 0.3))
    values = torch.arange(40.0)
    assert interval(values) == interval(values)
    assert interval(values).low < 19.5 < interval(values).high
    # the standard error of the mean is 11.69 / sqrt(40) = 1.85, so the interval is about +-3.6
    assert interval(values).high - interval(values).low == pytest.approx(7.2, abs=0.5)


def test_calibration_mends_a_shift_between_the_candidates():
    # the first candidate is favoured by 3 nats whatever the prompt says: diffs 4 and -2 instead of 1 and 1
    skewed = Outcome(torch.tensor([4.0, 4.5, -2.0, -2.5]))
    fit = calibrate(skewed.logit_diff)
    assert Outcome(fit(skewed.logit_diff)).loss_nats < 0.05 < skewed.loss_nats
    assert fit.shift < 0  # the first candidate loses what it had too much
