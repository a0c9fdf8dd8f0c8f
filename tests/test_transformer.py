"""The forward pass agrees with the release's own answers, and every activation can be recorded and edited."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from hand_model import CONFIG, hand_model
from model.checkpoint import load_model
from model.config import ModelConfig
from model.errors import InputError
from model.transformer import Attention, abs_topk

REFERENCE = Path(__file__).parent / "data" / "reference"


# in float64 dense_gpt2 lies 2.6e-4 from the release's float32 answers: processors round it differently
@pytest.mark.parametrize(
    ("name", "atol"), [("sparse_nosink", 1e-4), ("sparse_sink", 1e-4), ("concat_positions", 1e-4), ("dense_gpt2", 2e-4)]
)
def test_logits_and_every_activation_agree_with_the_release(name, atol):
    model = load_model(REFERENCE / name)
    expected = np.load(REFERENCE / name / "expected.npz")
    seen = {}

    def record(site, x):
        seen[site] = x
        return x

    seen["logits"] = model(torch.from_numpy(expected["tokens"]).long(), tap=record)
    matrices = {site for site in seen if site.endswith(("c_attn", "c_fc", "c_proj"))}  # what the release does not name
    assert set(seen) - matrices == set(expected.files) - {"tokens"}
    for site in set(seen) - matrices:
        np.testing.assert_allclose(seen[site].numpy(), expected[site], atol=atol, rtol=0, err_msg=site)


def test_logits_at_one_position_are_those_of_the_whole_prompt():
    model = load_model(REFERENCE / "sparse_sink")
    tokens = torch.arange(12).reshape(2, 6)
    whole = model(tokens)
    at = torch.tensor([5, 2])
    assert torch.allclose(model(tokens, at=at), whole[torch.arange(2), at], atol=1e-6)


def test_the_hand_model_answers_as_on_paper():
    logits = hand_model()(torch.tensor([[1], [2]]))[:, 0]
    assert torch.allclose(logits, torch.tensor([[0.0, 2.0, -2.0], [0.0, -2.0, 2.0]]), atol=1e-5)


def test_what_a_tap_returns_takes_the_activation_s_place():
    def halve_the_neurons(site, x):
        return x / 2 if site == "0.mlp.post_act" else x

    # c1 is 1 instead of 2, so the final norm divides by sqrt((1 + 1) / 2) = 1 and scales by sqrt(2.5)
    logits = hand_model()(torch.tensor([[1]]), tap=halve_the_neurons)[0, 0]
    assert logits[1].item() == pytest.approx(math.sqrt(2.5), abs=1e-5)


def test_a_sink_of_logit_zero_takes_the_share_of_one_token():
    config = ModelConfig(**(CONFIG.to_dict() | {"sink": True, "afrac_loctypes": ()}))
    attention = Attention(config)
    zeros = torch.zeros(1, 3, 2)
    pattern = attention.pattern(zeros, zeros)[0, 0]
    assert torch.allclose(pattern.sum(dim=-1), torch.tensor([1 / 2, 2 / 3, 3 / 4]), atol=1e-6)
    assert pattern[0, 1] == 0  # nothing is attended to before it comes


def test_abs_topk_keeps_the_largest_magnitudes():
    x = torch.tensor([[3.0, -4.0, 1.0, 0.5], [0.1, 0.2, -0.3, 0.0]])
    assert abs_topk(x, 2).tolist() == [[3.0, -4.0, 0.0, 0.0], [0.0, pytest.approx(0.2), pytest.approx(-0.3), 0.0]]
    assert abs_topk(x, None) is x


def test_a_prompt_longer_than_the_context_is_refused():
    with pytest.raises(InputError, match="the prompt has 9 tokens; this model reads at most 8"):
        hand_model()(torch.zeros(1, 9, dtype=torch.long))
