"""What a card lets one believe: the rules one by one, and a planted and a nonsense circuit measured and summed up."""

from dataclasses import replace

import pytest
import torch

from app import convert_card
from app.card_verdict import verdict_of
from app.convert import measure as as_measure
from app.convert_card import Held
from app.schemas import CircuitDetail, PruneSettings
from app.schemas.card import CardPart, CardVerdict
from app.schemas.circuits import Comparison, Provenance
from hand_model import WHOLE, hand_batch, hand_circuit, hand_subject
from model.ablate import compiled, empty_circuit
from model.batch import PairBatch
from model.card.verdict import Alone, Figures, Reached, verdict
from model.circuit import Circuit
from model.measure import measure

GOOD = Figures(
    n_nodes=12, n_pairs=256, target_nats=0.15, loss_nats=0.14, accuracy=0.99, solved=True, full_nats=0.002,
    full_accuracy=1.0, full_solved=True, solved_without=False, rise_low_nats=0.5,
    alone=Alone(0.9, 0.65, False, scale=7.5), random_share=0.0,
    solved_by_mode={"mean": True, "zero": True, "resample": True},
    shuffled_weights=Reached(200, False), shuffled_labels=Reached(25, True), changed_share=0.1,
    solved_elsewhere=[(True, True), (True, True), (False, False)],
)  # fmt: skip


def test_a_circuit_that_passes_every_control_is_believed() -> None:
    found = verdict(GOOD)
    assert found.level == "believed" and {f.status for f in found.findings} == {"holds"}
    assert found.sentence == (
        "Believe that these 12 nodes are enough for the task on prompts like its own (0.140 nats on 256 held-out "
        "pairs), and that the model needs them for it; every control here speaks for it."
    )


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        ({"solved_without": True}, "necessary", "because the full model does the task without them."),
        ({"rise_low_nats": -0.1}, "necessary", "the full model is no worse without them"),
        (
            {"alone": Alone(0.9, 0.05, True, scale=None)},
            "not_from_calibration",
            "the empty circuit under its best scale and shift does the task at 0.050 nats, from the last token alone",
        ),
        (
            {"alone": Alone(0.9, 0.65, False, scale=1467.68)},
            "not_from_calibration",
            "its logits must be multiplied by 1.47e+03 before they decide anything",
        ),
        ({"random_share": 0.05}, "better_than_random", "because 5% of random circuits of its size do as well"),
        (
            {"solved_by_mode": {"mean": True, "zero": False, "resample": True}},
            "same_under_every_ablation",
            "the circuit does the task only with the rest at its mean and resampled",
        ),
        (
            {"shuffled_weights": Reached(24, True)},
            "not_from_shuffled_weights",
            "the same pruning meets the target with shuffled weights and 24 nodes",
        ),
        ({"shuffled_labels": Reached(3, True)}, "not_from_shuffled_labels", "shuffled labels and 3 nodes"),
        (
            {"shuffled_labels": Reached(3, True, quick_steps=120)},
            "not_from_shuffled_labels",
            "a quick run of the same pruning (120 steps) meets the target with shuffled labels and 3 nodes",
        ),
        ({"changed_share": 0.25}, "nodes_keep_their_meaning", "25% of its nodes do something else in it"),
        (
            {"solved_elsewhere": [(True, True), (True, False), (False, True)]},
            "holds_elsewhere",
            "the circuit does 1 of the 2 kinds of other prompts that the full model does",
        ),
    ],
)
def test_each_rule_can_throw_doubt_alone(change: dict[str, object], rule: str, words: str) -> None:
    found = verdict(replace(GOOD, **change))  # type: ignore[arg-type]
    assert found.level == "doubted" and [f.rule for f in found.findings if f.status == "fails"] == [rule]
    assert "do not believe that they are how the model does it, because" in found.sentence and words in found.sentence


def test_a_nonsense_circuit_is_not_believed() -> None:
    found = verdict(replace(GOOD, loss_nats=0.69, accuracy=0.5, solved=False))
    assert found.level == "not_believed" and found.sentence == (
        "Believe nothing of this circuit: its held-out loss is 0.690 nats with 50% of prompts right, so it does not "
        "do the task."
    )


def test_a_circuit_for_what_the_model_does_not_do_is_not_believed() -> None:
    """A nonsense task: pruning and calibration make a circuit of it that meets the target; the model knows nothing."""
    found = verdict(replace(GOOD, full_nats=1.896, full_accuracy=0.5, full_solved=False, rise_low_nats=-0.3))
    assert found.level == "not_believed" and found.sentence == (
        "Believe nothing of this circuit: the full model does not do the task (1.896 nats, 50% of prompts right), so "
        "there is nothing of it that a circuit could show."
    )


def test_controls_that_are_missing_are_counted_not_assumed() -> None:
    bare = Figures(
        n_nodes=1, n_pairs=64, target_nats=0.15, loss_nats=0.2, accuracy=0.95, solved=True, full_nats=0.01,
        full_accuracy=1.0, full_solved=True,
    )  # fmt: skip
    found = verdict(bare)
    assert found.level == "unproven" and [f.status for f in found.findings] == ["holds"] * 2 + ["open"] * 8
    assert found.sentence.endswith("how the model does it is unproven, for 8 of 10 controls are still missing.")
    assert "misses its target" in found.findings[1].words


# -- measured on the hand model --------------------------------------------------------------


def summed_up(circuit: Circuit, batch: PairBatch) -> CardVerdict:
    """The verdict of the controls that need no text: each measured on the hand model, none put in by hand."""
    subject = hand_subject()
    full, empty = measure(subject.model, batch), measure(compiled(subject, empty_circuit(subject, "hand")), batch)
    own = measure(compiled(subject, circuit), batch)
    measures = Comparison.model_construct(full_model=as_measure(full), circuit=as_measure(own))
    record = CircuitDetail.model_construct(
        id=circuit.id, n_nodes=len(circuit.nodes), target_loss_nats=0.15, measures=measures,
        provenance=Provenance.model_construct(settings=PruneSettings()),
    )  # fmt: skip
    windows = torch.zeros(0, 1, dtype=torch.long)
    held = Held(subject, record, circuit, [], batch, full, empty, [], windows, "no text")
    controls = (
        convert_card.necessity, convert_card.calibration, convert_card.random_circuits, convert_card.ablation_modes,
    )  # fmt: skip
    return verdict_of(record, [CardPart.model_construct(result=control(held, lambda: False)) for control in controls])


def test_a_planted_circuit_is_endorsed_as_far_as_it_was_measured() -> None:
    found = summed_up(hand_circuit(*WHOLE), hand_batch())
    status = {finding.rule: finding.status for finding in found.findings}
    for rule in ("model_does_task", "sufficient", "necessary", "not_from_calibration", "same_under_every_ablation"):
        assert status[rule] == "holds", rule
    assert found.sentence.startswith("Believe that these 4 nodes are enough for the task on prompts like its own")
    assert "and that the model needs them for it" in found.sentence


def test_a_nonsense_circuit_of_the_same_size_is_flagged() -> None:
    """As many nodes at each site as the planted one, none of its channels read or written: it answers as a coin."""
    nonsense = hand_circuit("0.mlp.act_in:1", "0.mlp.post_act:0", "0.mlp.post_act:1", "0.mlp.resid_delta:0")
    found = summed_up(nonsense, hand_batch())
    assert found.level == "not_believed"
    assert found.sentence == (
        "Believe nothing of this circuit: its held-out loss is 0.693 nats with 0% of prompts right, so it does not do "
        "the task."
    )
    failed = {finding.rule for finding in found.findings if finding.status == "fails"}
    assert {"sufficient", "better_than_random"} <= failed


def test_a_circuit_of_a_nonsense_task_is_flagged() -> None:
    """The answers the wrong way round: the model does not do that, whatever a circuit does."""
    asked = hand_batch()
    turned = replace(asked, candidates=asked.candidates.flip(1))
    found = summed_up(hand_circuit(*WHOLE), turned)
    assert found.level == "not_believed"
    assert "the full model does not do the task (4.018 nats, 0% of prompts right)" in found.sentence
