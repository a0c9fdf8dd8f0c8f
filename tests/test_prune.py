"""Pruning: the mask's gradient by hand, the bisection, the greedy pass, and a real run on the bundled model."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import TypeAdapter

from app.schemas.circuits import PruneSettings as AskedSettings
from app.schemas.circuits import RecordedSettings
from hand_model import CONFIG, WHOLE, hand_batch, hand_circuit, hand_subject
from model.ablate import compiled
from model.batch import encode_pairs
from model.circuit import count_kept, kept_nodes
from model.gate import inside
from model.greedy import drop_needless
from model.learn import Learner
from model.mask import Heaviside, Mask
from model.measure import measure
from model.prune import PruneSettings, prune, prune_batches, smallest_prefix
from model.subject import load_subject
from model.tasks import TASKS

BUNDLED = sorted((Path(__file__).parent.parent / "bundle" / "models").glob("python-*"))[0]


def test_the_gate_is_a_step_with_the_slope_of_a_sigmoid():
    tau = torch.tensor([-0.5, 0.0, 0.5], requires_grad=True)
    gates = Heaviside.apply(tau, 1.0)
    assert gates.tolist() == [0.0, 0.0, 1.0]
    gates.sum().backward()
    slope = math.exp(-0.5) / (1 + math.exp(-0.5)) ** 2
    assert tau.grad.tolist() == pytest.approx([slope, 0.25, slope])


def test_ties_of_tau_are_broken_by_importance_then_by_order():
    mask = Mask(CONFIG, bias=0.1, scale=0.0, seed=0)
    mask.tau.data[:] = -1.0
    mask.tau.data[[4, 7, 9]] = 1.0
    mask.note_importance(torch.zeros(16).index_fill(0, torch.tensor([9]), -2.0))  # without it the loss would rise
    assert mask.ranking()[:4].tolist() == [9, 4, 7, 0]


def test_bisection_finds_the_fewest_nodes_that_reach_the_target():
    mask = Mask(CONFIG, bias=0.1, scale=0.01, seed=3)
    tried = []

    def loss_of(keep):
        tried.append(count_kept(keep))
        return 1.0 / count_kept(keep)  # 0.15 needs seven nodes

    keep = smallest_prefix(mask, 0.15, loss_of, lambda loss, keep: None)
    assert count_kept(keep) == 7
    assert len(tried) <= 6


def test_bisection_takes_more_nodes_when_the_positive_ones_do_not_reach_the_target():
    mask = Mask(CONFIG, bias=0.1, scale=0.0, seed=0)
    mask.tau.data[2:] = -0.5
    keep = smallest_prefix(mask, 0.15, lambda keep: 1.0 / count_kept(keep), lambda loss, keep: None)
    assert count_kept(keep) == 7


def test_the_greedy_pass_drops_what_does_not_matter_and_no_more():
    subject = hand_subject()
    useless = ("0.attn.q:0", "0.attn.v:1", "0.mlp.act_in:1", "0.mlp.resid_delta:0")
    keep = hand_circuit(*WHOLE, *useless).keep(CONFIG)
    # one neuron at its mean leaves a loss of log(1 + exp(-3.16)) = 0.0415: a target of 0.03 needs both
    assert [str(n) for n in kept_nodes(drop_needless(subject, keep, hand_batch(), 0.03))] == list(WHOLE)
    fewer = drop_needless(subject, keep, hand_batch(), 0.05)
    assert count_kept(fewer) == 3


def test_a_warm_start_deals_the_same_taus_with_the_largest_to_the_nodes_that_act():
    learner = Learner(hand_subject(), PruneSettings(pairs_per_step=1))
    drawn = learner.mask.tau.detach().clone()
    learner.start_warm(hand_batch())
    tau = learner.mask.tau.detach()
    assert not torch.equal(tau, drawn) and torch.equal(tau.sort().values, drawn.sort().values)
    first = learner.mask.keep_of(tau.argsort(descending=True)[: len(WHOLE)])
    assert [str(node) for node in kept_nodes(first)] == list(WHOLE)


def test_a_warm_start_leaves_nodes_that_are_not_in_the_running():
    few = hand_circuit(*WHOLE).keep(CONFIG)
    learner = Learner(hand_subject(), PruneSettings(pairs_per_step=1), candidates=few)
    drawn = learner.mask.tau.detach().clone()
    learner.start_warm(hand_batch())
    tau = learner.mask.tau.detach()
    assert set(tau[~learner.alive].tolist()) == {-1.0}
    assert torch.equal(tau[learner.alive].sort().values, drawn[learner.alive].sort().values)


def test_steps_end_where_the_frontier_stands_still_and_the_report_says_how_many_were_taken():
    settings = PruneSettings(n_steps=300, warm_start=False, pairs_per_step=2, target_loss_nats=0.3, k_coef=1e-3)
    train = hand_batch()
    runs = {
        patience: prune_batches(
            hand_subject(), "t", train, train, replace(settings, patience=patience), with_frontier=False
        )
        for patience in (20, 0)
    }
    learned = {patience: [s.step for s in run.curve if s.phase == "learning"] for patience, run in runs.items()}
    assert learned[0] == list(range(1, 301)) and 20 < len(learned[20]) < 200 and len(learned[20]) % 10 == 0
    assert {(s.step, s.n_steps) for s in runs[20].curve if s.phase != "learning"} == {(len(learned[20]),) * 2}
    assert set(map(str, runs[20].circuit.nodes)) <= set(WHOLE) and runs[20].reached_target
    assert runs[20].circuit.nodes == runs[0].circuit.nodes


@pytest.fixture(scope="module")
def subject():
    return load_subject(BUNDLED)


def test_a_short_run_on_the_bundled_model_makes_a_small_circuit_that_does_the_task(subject):
    task, steps = TASKS["if_equals"], []
    settings = PruneSettings(
        n_steps=25, lr=0.1, n_train_pairs=128, n_fresh_pairs=24, pairs_per_step=8, greedy=False, cut_edges=False,
        warm_start=False,
    )  # fmt: skip
    result = prune(subject, task, settings, on_step=steps.append)
    assert result.reached_target
    assert [s.step for s in steps if s.phase == "learning"] == list(range(1, 26))
    assert {s.phase for s in steps} >= {"learning", "bisecting", "calibrating"}
    assert len(result.circuit.nodes) == steps[-1].n_nodes < 5000
    held_out = encode_pairs(task.pairs("heldout", 32), subject.tokenizer, subject.config.block_size)
    outcome = measure(compiled(subject, result.circuit), held_out)
    assert outcome.loss_nats < 0.5 < math.log(2)
    assert result.fresh_loss_nats == result.calibrated_loss_nats <= result.plain_loss_nats
    # the calibration scales and shifts what the masked model says, and nothing else
    plain = measure(subject.model, held_out, inside(result.circuit, subject.means, subject.model)).logit_diff
    assert result.circuit.calibration is not None
    torch.testing.assert_close(result.circuit.calibration(plain), outcome.logit_diff, atol=1e-3, rtol=1e-3)


def test_without_calibration_the_target_is_one_for_logits_as_they_are(subject):
    settings = PruneSettings(
        n_steps=25, lr=0.1, n_train_pairs=128, n_fresh_pairs=24, pairs_per_step=8, calibrated=False
    )
    result = prune(subject, TASKS["else_elif"], settings)
    assert result.circuit.calibration is None
    assert result.fresh_loss_nats == result.plain_loss_nats <= settings.target_loss_nats


def test_a_run_that_is_told_to_stop_ends_at_the_next_step(subject):
    steps = []
    settings = PruneSettings(n_steps=500, n_train_pairs=64, n_fresh_pairs=8, pairs_per_step=4, greedy=False)
    result = prune(subject, TASKS["else_elif"], settings, on_step=steps.append, should_stop=lambda: len(steps) >= 3)
    assert result.stopped
    assert sum(s.phase == "learning" for s in steps) == 3


def test_a_record_from_before_warm_starts_does_not_claim_one():
    older = {"n_steps": 40, "lr": 0.05}
    assert TypeAdapter(RecordedSettings).validate_python(older).warm_start is False
    assert TypeAdapter(RecordedSettings).validate_python(older).patience == 0
    asked = AskedSettings.model_validate(older)
    assert asked.warm_start and asked.patience == PruneSettings().patience, "what is asked for now has one"
    assert TypeAdapter(RecordedSettings).validate_python(asked.model_dump()) == asked
