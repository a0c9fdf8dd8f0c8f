"""Overlap and chance, worked out on paper: Jaccard, hypergeometric terms, and random circuits on the hand model."""

import pytest

from hand_model import CONFIG, hand_model
from model.overlap import Chance, edge_chance, jaccard, node_chance, shared_by_chance


def test_jaccard_is_shared_over_union():
    assert jaccard(2, 3, 4) == 2 / 5  # {1, 2, 3} and {2, 3, 4, 5}
    assert jaccard(0, 3, 4) == 0 and jaccard(3, 3, 3) == 1 and jaccard(0, 0, 4) == 0
    assert jaccard(0, 0, 0) is None


def test_shared_by_chance_is_hypergeometric():
    """2 of 4 against 2 of 4: of the 6 sets 1 shares none, 4 share one, 1 shares both."""
    assert shared_by_chance(4, 2, 2) == [1 / 6, 4 / 6, 1 / 6]
    assert shared_by_chance(4, 4, 2) == [0, 0, 1]
    assert shared_by_chance(4, 0, 3) == [1]


def test_expected_jaccard_of_one_site():
    """One of two neurons each: half the time the same, Jaccard 1, else 0."""
    one = {"0.mlp.post_act": 1}
    assert node_chance(CONFIG, one, one) == Chance(0.5, 0.0, 1.0)


def test_expected_jaccard_adds_up_the_sites():
    """One of two at each of two sites: 0, 1 or 2 shared with 1/4, 1/2, 1/4; Jaccards 0, 1/3, 1: the mean is 5/12."""
    counts = {"0.mlp.post_act": 1, "0.mlp.act_in": 1}
    found = node_chance(CONFIG, counts, counts)
    assert found.mean == pytest.approx(5 / 12) and (found.low, found.high) == (0.0, 1.0)


def test_whole_sites_overlap_wholly_and_empty_ones_not_at_all():
    whole = {"0.mlp.post_act": 2}
    assert node_chance(CONFIG, whole, whole) == Chance(1.0, 1.0, 1.0)
    assert node_chance(CONFIG, whole, {}) == Chance(0.0, 0.0, 0.0)
    assert node_chance(CONFIG, {}, {}) is None


def test_edges_by_chance_come_of_weights_that_are_there():
    """act_in:0 is the only channel the neurons read: keeping both channels and one neuron each gives each one edge,
    the same with probability 1/2. Without the neurons there is no edge at all."""
    counts = {"0.mlp.act_in": 2, "0.mlp.post_act": 1}
    found = edge_chance(hand_model(), counts, counts, n_draws=400, seed=0)
    assert found.mean == pytest.approx(0.5, abs=3 * 0.025)
    assert (found.low, found.high) == (0.0, 1.0)
    assert found == edge_chance(hand_model(), counts, counts, n_draws=400, seed=0)
    assert edge_chance(hand_model(), {"0.mlp.act_in": 2}, {"0.mlp.act_in": 2}, n_draws=3, seed=0) is None
