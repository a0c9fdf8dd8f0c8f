"""The greedy pass: what it drops from the hand model by reckoning, and that nothing that could go is left."""

import math
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hand_model import CONFIG, WHOLE, hand_batch, hand_circuit, hand_subject
from model import greedy
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
    subject, batch, keep = _random_task(seed)
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


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 40), slack=st.floats(0.0, 0.3), n_grouped=st.integers(0, 200), n_tries=st.integers(1, 40),
    n_probe=st.integers(1, 24), work=st.sampled_from([1e6, 1e7]), cuts_edges=st.booleans(),
)  # fmt: skip
def test_whatever_is_dropped_in_groups_or_by_strides_every_step_meets_the_target(
    seed, slack, n_grouped, n_tries, n_probe, work, cuts_edges
):
    subject, batch, keep = _random_task(seed, 0.15)
    circuit, steps = _circuit(keep), []
    target = measure(compiled(subject, circuit), batch).loss_nats + slack
    sizes = {"N_GROUPED": n_grouped, "N_TRIES": n_tries, "N_PROBE_PAIRS": n_probe, "N_TOGETHER": 7, "MOST_WORK": work}
    with patch.multiple(greedy, **sizes):
        if cuts_edges:
            left = cut_needless(subject, circuit, batch, target, on_drop=lambda *step: steps.append(step))
        else:
            kept = drop_needless(
                subject, keep, batch, target, on_drop=lambda loss, keep: steps.append((loss, _circuit(keep)))
            )
            left = _circuit(kept)
    assert left == (steps[-1][1] if steps else circuit)
    before = circuit
    for loss, fewer in steps:
        assert loss <= target and set(fewer.nodes) <= set(before.nodes)
        assert len(fewer.nodes) < len(before.nodes) or len(fewer.cut_edges) > len(before.cut_edges)
        before = fewer
    for loss, fewer in steps[-3:]:
        assert loss == pytest.approx(measure(compiled(subject, fewer), batch).loss_nats, abs=1e-4)


def _random_task(seed, fraction=0.6):
    """A random subject, circuit and batch; the task is what the circuit says now."""
    model = random_model(seed, sink=True, add_positions=False, enable_bigram_table=False)
    stranger = Tokenizer.train(["a b c"], 300)
    subject = Subject("random", model, stranger, random_means(model.config), "f", {}, {})
    batch, keep = random_batch(model.config, 40), random_keep(model.config, fraction, seed)
    right = measure(compiled(subject, _circuit(keep)), batch).logit_diff > 0
    candidates = torch.where(right[:, None], batch.candidates, batch.candidates.flip(1))
    return subject, PairBatch(batch.tokens, batch.last, candidates), keep


def _circuit(keep):
    return Circuit.of("f", "", kept_nodes(keep))


def test_a_pass_that_is_told_to_stop_drops_nothing_more():
    keep = hand_circuit(*WHOLE).keep(CONFIG)
    left = drop_needless(hand_subject(), keep, hand_batch(), 10.0, should_stop=lambda: True)
    assert all(torch.equal(left[site], keep[site]) for site in keep)
