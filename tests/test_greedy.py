"""The greedy pass: what it drops from the hand model by reckoning, and that nothing that could go is left."""

import math

import pytest
import torch

from hand_model import CONFIG, WHOLE, hand_batch, hand_circuit, hand_subject
from model.ablate import compiled, edge_effects, node_effects
from model.batch import PairBatch
from model.circuit import Circuit, count_kept, kept_nodes
from model.greedy import cut_needless, drop_needless
from model.measure import measure
from model.subject import Subject
from model.tokenizer import Tokenizer
from small_circuit import random_batch, random_keep, random_means, random_model


def test_edges_go_that_the_target_can_bear_and_then_the_nodes_that_nothing_reads():
    # one neuron's write at its mean leaves c1 = +-1 and a loss of log(1 + exp(-3.16)) = 0.0415
    subject, whole = hand_subject(), hand_circuit(*WHOLE)
    assert cut_needless(subject, whole, hand_batch(), 0.03) == whole
    fewer = cut_needless(subject, whole, hand_batch(), 0.05)
    assert len(fewer.nodes) == 3
    assert fewer.cut_edges == ()
    assert measure(compiled(subject, fewer), hand_batch()).loss_nats == pytest.approx(
        math.log(1 + math.exp(-2 * math.sqrt(2.5))), abs=1e-5
    )


@pytest.mark.parametrize("seed", [0, 2])
def test_what_is_left_meets_the_target_and_no_single_node_or_edge_could_still_go(seed):
    model = random_model(seed, sink=True, add_positions=False, enable_bigram_table=False)
    stranger = Tokenizer.train(["a b c"], 300)
    subject = Subject("random", model, stranger, random_means(model.config), "f", {}, {})
    batch, keep = random_batch(model.config, 40), random_keep(model.config, 0.6, seed)
    right = measure(compiled(subject, _circuit(keep)), batch).logit_diff > 0  # the task is what the circuit says now
    candidates = torch.where(right[:, None], batch.candidates, batch.candidates.flip(1))
    batch = PairBatch(batch.tokens, batch.last, candidates)
    target = measure(compiled(subject, _circuit(keep)), batch).loss_nats + 0.02
    reports = []
    fewer = drop_needless(subject, keep, batch, target, on_drop=lambda loss, keep: reports.append((loss, keep)))
    assert count_kept(fewer) < count_kept(keep)
    assert [count_kept(keep) for _, keep in reports] == sorted((count_kept(keep) for _, keep in reports), reverse=True)
    cut = cut_needless(subject, _circuit(keep), batch, target)
    assert len(compiled(subject, cut).edges) < len(compiled(subject, _circuit(keep)).edges)
    for circuit in (_circuit(fewer), cut):
        loss = measure(compiled(subject, circuit), batch).loss_nats
        assert loss <= target
        assert min(node_effects(subject, circuit, batch).values()) + loss > target
    assert min(edge_effects(subject, cut, batch).values()) + loss > target


def _circuit(keep):
    return Circuit.of("f", "", kept_nodes(keep))


def test_a_pass_that_is_told_to_stop_drops_nothing_more():
    keep = hand_circuit(*WHOLE).keep(CONFIG)
    left = drop_needless(hand_subject(), keep, hand_batch(), 10.0, should_stop=lambda: True)
    assert all(torch.equal(left[site], keep[site]) for site in keep)
