"""The ledger of a logit difference: by hand, and that it sums to what is measured for every option of the family."""

import math

import pytest

from hand_model import WHOLE, hand_circuit, hand_subject
from model.activations import next_token_logits
from model.circuit import Circuit
from model.ledger import Ledger, ledger
from model.sites import Node
from small_subject import small_subject

OPTIONS = {
    "as in the paper": {"sink": True, "enable_bigram_table": True},
    "LayerNorm": {"rms_norm": False},
    "positions added": {"add_positions": True},
    "positions concatenated": {"add_positions": True, "d_pos_emb": 4},
    "AbsTopK on the stream": {"afrac": 0.5, "afrac_loctypes": ("resid_post_attn", "resid_post_mlp", "mlp_out")},
    "tied unembedding": {"tied_unembed": True, "activation_type": "relu"},
}


def shares(found: Ledger) -> dict[str, float]:
    return {f"{entry.kind} {entry.source}".strip(): entry.logit_diff for entry in found.entries}


def test_the_ledger_of_the_hand_model():
    """After token 1 the stream ends as (1, 2), so the norm multiplies by 1 / sqrt(2.5), which its weight undoes: the
    difference takes 2 a unit of channel 1 and nothing of channel 0. The one kept writer wrote 2 there."""
    circuit = hand_circuit(*WHOLE)
    found = ledger(hand_subject(), [1], (1, 2), circuit.nodes, circuit)
    assert found.norm_scale == pytest.approx(1 / math.sqrt(2.5), abs=1e-6)
    assert shares(found) == pytest.approx(
        {"embedding": 0, "rest 0.attn": 0, "node 0.mlp.resid_delta:1": 4, "rest 0.mlp": 0, "logit_bias": 0}, abs=1e-5
    )
    assert found.total == pytest.approx(found.measured, abs=1e-5) == pytest.approx(4, abs=1e-4)


def test_without_the_second_neuron_its_mean_takes_part_of_the_writers_share():
    """Neuron 1 at its mean 0.5 leaves channel 1 at 1: the stream ends as (1, 1), whose root mean square is 1."""
    circuit = hand_circuit("0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.resid_delta:1")
    found = ledger(hand_subject(), [1], (1, 2), circuit.nodes, circuit)
    assert shares(found)["node 0.mlp.resid_delta:1"] == pytest.approx(2 * math.sqrt(2.5), abs=1e-4)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_the_ledger_sums_to_the_measured_difference(options):
    subject = small_subject(**options)
    kept = [Node("0.attn.resid_delta", 2), Node("1.attn.v", 3), Node("1.mlp.resid_delta", 5)]
    circuit = Circuit.of(subject.fingerprint, "t", kept)
    for within in (None, circuit):
        prompt = [7, 44, 250, 13, 9]
        found = ledger(subject, prompt, (17, 201), circuit.nodes, within)
        logits = next_token_logits(subject, prompt, within)
        assert found.measured == pytest.approx(float(logits[17] - logits[201]), abs=1e-6)
        assert found.total == pytest.approx(found.measured, abs=2e-5)
        parts = shares(found)
        assert len(parts) == len(found.entries), "no entry comes twice"
        assert {"node 0.attn.resid_delta:2", "node 1.mlp.resid_delta:5", "rest 0.mlp", "logit_bias"} <= set(parts)
        assert max(abs(value) for value in parts.values()) > 0.1, "something is written"
        if "afrac" in options:
            assert abs(parts["clipped 0.attn"]) + abs(parts["clipped 1.mlp"]) > 1e-3


def test_in_a_circuit_the_rest_is_the_same_after_every_prompt_but_for_the_norm():
    subject = small_subject()
    circuit = Circuit.of(subject.fingerprint, "t", [Node("1.mlp.resid_delta", 5)])
    one, other = (ledger(subject, prompt, (17, 201), circuit.nodes, circuit) for prompt in ([7, 44], [9, 8, 3]))
    for block in ("rest 0.attn", "rest 1.mlp"):
        ratio = shares(one)[block] / one.norm_scale
        assert ratio == pytest.approx(shares(other)[block] / other.norm_scale, abs=1e-6)
