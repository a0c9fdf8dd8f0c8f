"""Learning a mask on ever fewer candidates: edges counted by hand, the way back, the order of giving up, the search."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hand_model import CONFIG, WHOLE, hand_batch, hand_circuit, hand_model, hand_subject
from model.ablate import compiled
from model.adjacency import Adjacency
from model.circuit import count_kept, kept_nodes
from model.compiled import compile_circuit
from model.frontier import frontier, sizes_along
from model.graph import count_edges
from model.learn import Learner, learn_mask, shortlist
from model.measure import measure
from model.prune import PruneStep, prune_batches, split_pairs
from model.prune_settings import PruneSettings
from model.search import RANGES, search
from model.subject import load_subject
from model.tasks import TASKS

BUNDLED = sorted((Path(__file__).parent.parent / "bundle" / "models").glob("python-*"))[0]
QUICK = PruneSettings(n_steps=40, lr=0.05, n_train_pairs=128, n_fresh_pairs=32, pairs_per_step=8)


@pytest.fixture(scope="module")
def subject():
    return load_subject(BUNDLED)


def flat(keep, sites):
    return torch.cat([keep[site] for site in sites])


def test_edges_of_the_hand_model_are_two_in_and_two_out():
    subject = hand_subject()
    learner = Learner(subject, PruneSettings())
    edges = Adjacency.of(hand_model())
    assert len(edges.source) == 4  # two neurons, each with one weight in and one out
    whole = flat(hand_circuit(*WHOLE).keep(CONFIG), learner.mask.sites)
    assert edges.count(whole) == 4
    one_neuron = flat(hand_circuit(WHOLE[0], WHOLE[1], WHOLE[3]).keep(CONFIG), learner.mask.sites)
    assert edges.count(one_neuron) == 2
    assert edges.within(one_neuron).count(whole) == 2
    assert edges.degree(one_neuron)[one_neuron].tolist() == [1, 2, 1]  # the channel, the neuron, what it writes


def test_edges_of_a_mask_are_counted_as_its_graph_counts_them(subject):
    learner = Learner(subject, PruneSettings())
    kept = torch.rand(len(learner.alive), generator=torch.Generator().manual_seed(0)) < 0.3
    keep = learner.mask.keep_of(kept.nonzero().flatten())
    assert learner.edges.count(kept) == count_edges(subject.model, keep) > 100


def test_a_run_that_goes_too_far_falls_back_on_its_best_mask():
    subject = hand_subject()
    learner = Learner(subject, PruneSettings(target_loss_nats=0.15))
    learner.recent_loss = 0.1
    learner._remember(0)
    best = learner.mask.tau.detach().clone()
    learner.mask.tau.data.fill_(-1.0)
    assert (learner.settle(lambda keep: True).tau == -1).all(), "what meets the target is left as it is"
    assert torch.equal(learner.settle(lambda keep: count_kept(keep) > 0).tau.detach(), best)
    assert torch.equal(learner.settle(lambda keep: False).tau.detach(), best), "where nothing does, the fewest edges"


def test_more_of_the_last_mask_is_taken_before_one_of_long_ago():
    subject = hand_subject()
    learner = Learner(subject, PruneSettings())
    wide = torch.full_like(learner.mask.tau.data, 0.5)
    learner.best = {1.0: (9, wide)}
    last = torch.full_like(wide, -0.5)
    last[:2] = 0.5
    last[2:4] = -0.1  # wanted next
    learner.mask.tau.data.copy_(last)
    sites = learner.mask.sites
    mask = learner.settle(lambda keep: bool(flat(keep, sites)[:4].all()))
    assert torch.equal(mask.tau.data, last)
    learner.mask.tau.data.copy_(last)
    assert torch.equal(learner.settle(lambda keep: count_kept(keep) == len(wide)).tau.data, wide)


def test_above_the_target_no_candidate_leaves(subject):
    learner = Learner(subject, PruneSettings())
    learner.mask.tau.data[::2] = -1.0
    n_before = int(learner.alive.sum())
    learner.recent_loss = 0.2
    learner.narrow()
    assert int(learner.alive.sum()) == n_before
    learner.recent_loss = 0.1
    learner.narrow()
    assert int(learner.alive.sum()) <= n_before // 2


def test_a_warm_start_that_loses_the_task_ends_where_a_run_without_it_does():
    subject = load_subject(BUNDLED.parent / "python-3x128")
    settings = PruneSettings(n_steps=60, greedy=False, cut_edges=False, n_train_pairs=256, n_fresh_pairs=64)
    train, fresh = split_pairs(subject, TASKS["with_open"], settings)
    steps: list[PruneStep] = []
    warm, cold = (
        prune_batches(
            subject, "with_open", train, fresh, replace(settings, warm_start=is_warm), with_frontier=False,
            on_step=steps.append,
        )
        for is_warm in (True, False)
    )  # fmt: skip
    learning = [step for step in steps if step.phase == "learning"]
    assert max(step.loss_nats for step in learning[:60]) > 0.6, "it was lost"
    given_up = len(learning) - 120
    assert 10 < given_up < 60
    n_warm = 60 + given_up
    assert [step.step for step in learning] == [*range(1, n_warm + 1), *range(1, 61)]
    assert learning[given_up - 1].n_steps == 60 and learning[given_up].n_steps == n_warm
    assert [step.loss_nats for step in learning[given_up:n_warm]] == [step.loss_nats for step in learning[n_warm:]]
    assert warm.circuit == cold.circuit


def test_candidates_leave_for_good_and_are_compiled(subject):
    train, _ = split_pairs(subject, TASKS["else_elif"], QUICK)
    candidates = shortlist(subject, train, replace(QUICK, n_steps=100))
    n_all = sum(len(mask) for mask in candidates.values())
    assert 0 < count_kept(candidates) < 0.3 * n_all
    seen = []
    mask = learn_mask(
        subject,
        train,
        QUICK,
        candidates=candidates,
        on_step=lambda step, n_steps, loss, nodes, edges: seen.append(nodes),
    )
    assert len(seen) == QUICK.n_steps and max(seen) <= count_kept(candidates)
    allowed = flat(candidates, mask.sites)
    assert (mask.tau[~allowed] == -1).all()


def test_the_order_begins_with_the_circuit_and_ends_with_what_went_first():
    subject = hand_subject()
    circuit = hand_circuit(*WHOLE)
    larger = hand_circuit(*WHOLE, "0.attn.v:0").keep(CONFIG)
    largest = hand_circuit(*WHOLE, "0.attn.v:0", "0.attn.q:1").keep(CONFIG)
    found = frontier(subject, circuit.keep(CONFIG), [largest, larger], [], hand_batch())
    assert {str(node) for node in found.order[:4]} == set(WHOLE)
    assert [str(node) for node in found.order[4:]] == ["0.attn.v:0", "0.attn.q:1"]
    by_size = {size.n_nodes: size for size in found.sizes}
    keep = circuit.keep(CONFIG)
    assert by_size[4].loss_nats == pytest.approx(
        measure(compile_circuit(subject.model, subject.means, keep), hand_batch()).loss_nats
    )
    assert by_size[4].n_edges == 4 and by_size[0].n_edges == 0
    assert by_size[0].loss_nats > by_size[4].loss_nats


def test_sizes_along_an_order_hold_the_circuits_own():
    assert sizes_along(4, 100, n_sizes=3) == [0, 1, 4, 10, 100]
    assert sizes_along(0, 0) == [0]


def test_a_search_keeps_the_fewest_edges_and_all_that_it_tried(subject):
    told = []
    found = search(subject, TASKS["else_elif"], QUICK, n_trials=3, on_trial=lambda n, trial: told.append((n, trial)))
    assert [n for n, _ in told] == [1, 2, 3] and [trial for _, trial in told] == list(found.trials)
    first = found.trials[0].settings
    assert first == {name: getattr(QUICK, name) for name in RANGES}, "the first trial is where the search began"
    for trial in found.trials:
        for name, (low, high, _) in RANGES.items():
            assert low <= trial.settings[name] <= high
    at_target = [trial.n_edges for trial in found.trials if trial.reached_target]
    assert found.best.reached_target and found.best.curve[-1].n_edges == min(at_target)


def test_the_margin_leaves_room_below_the_target(subject):
    train, fresh = split_pairs(subject, TASKS["else_elif"], QUICK)
    result = prune_batches(subject, "else_elif", train, fresh, QUICK)
    assert result.fresh_loss_nats <= QUICK.target_loss_nats - QUICK.margin_nats + 1e-6
    keep = result.circuit.keep(subject.config)
    again = measure(compiled(subject, result.circuit), fresh).loss_nats
    assert again == pytest.approx(result.fresh_loss_nats, abs=1e-5)
    assert list(kept_nodes(keep)) == list(result.circuit.nodes)
