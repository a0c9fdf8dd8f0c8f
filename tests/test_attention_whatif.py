"""Sparsemax, 1.5-entmax and softmax by hand, and what they do to one head of a model."""

import math

import pytest
import torch

from model.batch import PairBatch
from model.calibrate import Calibration
from model.circuit import Circuit, Edge
from model.errors import UnknownName
from model.measure import logit_difference
from model.sharpness import NORMALISERS, entmax15, head_view, renormalised, sparsemax, what_if
from model.sites import Node
from small_subject import small_subject

INF = math.inf


def test_sparsemax_takes_the_same_from_all_that_it_keeps():
    assert sparsemax(torch.tensor([1.0, 0.5, -1.0])).tolist() == [0.75, 0.25, 0.0]
    assert sparsemax(torch.tensor([5.0, 5.0, 3.9])).tolist() == [0.5, 0.5, 0.0]
    assert sparsemax(torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, -INF]])).tolist() == [[0.5, 0.5], [0, 1], [1, 0]]


def test_entmax_lies_between_softmax_and_sparsemax():
    assert entmax15(torch.tensor([0.0, 0.0, -INF])).tolist() == pytest.approx([0.5, 0.5, 0])
    assert entmax15(torch.tensor([2.0, 0.0])).tolist() == pytest.approx([1, 0])
    # (1/2 - t)^2 + t^2 = 1 gives t = (1 - sqrt 7) / 4, so the first weight is ((1 + sqrt 7) / 4)^2.
    assert entmax15(torch.tensor([1.0, 0.0])).tolist() == pytest.approx(
        [((1 + 7**0.5) / 4) ** 2, ((7**0.5 - 1) / 4) ** 2]
    )


def test_all_of_them_sum_to_one_and_shifts_do_not_matter():
    scores = 4 * torch.randn(50, 9, generator=torch.Generator().manual_seed(0))
    scores[:, 6:] = -INF
    for name, normaliser in NORMALISERS.items():
        weights = normaliser(scores)
        assert torch.allclose(weights.sum(dim=-1), torch.ones(50), atol=1e-5), name
        assert (weights[:, 6:] == 0).all() and (weights >= 0).all(), name
        assert torch.allclose(normaliser(scores + 70), weights, atol=1e-4), name


@pytest.mark.parametrize("sink", [True, False])
def test_softmax_put_in_place_of_softmax_changes_nothing_and_the_others_only_their_head(sink: bool):
    subject = small_subject(sink=sink)
    tokens = torch.randint(1, 300, (6, 9), generator=torch.Generator().manual_seed(2))
    batch = PairBatch(tokens, torch.full((6,), 8), torch.tensor([[1, 2]] * 6))
    circuit = Circuit.of(subject.fingerprint, "t", [Node("1.attn.v", i) for i in range(4)] + [Node("1.attn.q", 5)])
    plain = logit_difference(subject.model, batch)
    for head in (0, 1):
        same = what_if(subject, batch, 1, head, "softmax").logit_diff
        assert torch.allclose(same, plain, atol=1e-5)
        assert not torch.allclose(what_if(subject, batch, 1, head, "sparsemax").logit_diff, plain, atol=1e-3)
        inside = what_if(subject, batch, 1, head, "softmax", circuit).logit_diff
        sharper = what_if(subject, batch, 1, head, "entmax15", circuit).logit_diff
        assert torch.allclose(inside, sharper, atol=1e-6), "nothing that this circuit keeps writes to the stream"
    calibrated = circuit.calibrated(Calibration(3.0, 0.5))
    under = what_if(subject, batch, 1, 0, "entmax15", calibrated).logit_diff
    assert torch.allclose(under, 3 * sharper + torch.tensor([1.0] * 3 + [-1.0] * 3), atol=1e-5)
    with pytest.raises(UnknownName, match="no head 1.2; this model has 0.0 to 1.1"):
        what_if(subject, batch, 1, 2, "softmax")


def test_sparsemax_in_a_head_by_hand():
    """One head whose values are the tokens' own: its output is the weighted mean that the weights say."""
    subject = small_subject(sink=True)
    model = subject.model
    seen = {}

    def tap(site, x):
        seen[site] = x
        return x

    tokens = torch.tensor([[5, 9, 7]])
    model(tokens, tap=tap)
    attention = model.blocks[0].attn
    q, k, v = (seen[f"0.attn.{part}"][0, :, :4] for part in "qkv")
    scores = torch.cat([attention.attn_imp.sink_logit[:1], k @ q[2] / 2])  # d_head is 4
    expected = sparsemax(scores)[1:] @ v
    after = {}

    def then(site, x):
        after[site] = x
        return x

    outer = renormalised(subject, 0, 0, sparsemax)
    model(tokens, tap=lambda site, x: then(site, outer(site, x)))
    assert torch.allclose(after["0.attn.y"][0, 2, :4], expected, atol=1e-5)
    assert torch.equal(after["0.attn.y"][..., 4:], seen["0.attn.y"][..., 4:])


def test_a_head_seen_from_near_sums_up():
    subject = small_subject(sink=True)
    prompt = [5, 9, 7, 11]
    view = head_view(subject, prompt, 1, 1)
    assert view.sink is not None and view.sink_logit is not None
    assert torch.allclose(view.pattern.sum(dim=1) + view.sink, torch.ones(4), atol=1e-6)
    scores = torch.cat([torch.tensor([view.sink_logit]), view.parts.sum(dim=0)])
    weights = torch.softmax(scores, dim=0)
    assert torch.allclose(weights, torch.cat([view.sink[3:], view.pattern[3]]), atol=1e-6)
    assert view.pattern[0, 1:].eq(0).all()


def test_an_edge_from_a_value_stays_cut_under_other_weights():
    """With every edge of its one kept value cut, a head moves only means, however sharply it looks."""
    subject = small_subject(sink=True)
    tokens = torch.randint(1, 300, (4, 9), generator=torch.Generator().manual_seed(2))
    batch = PairBatch(tokens, torch.full((4,), 8), torch.tensor([[1, 2]] * 4))
    value, other = Node("1.attn.v", 1), Node("1.attn.v", 2)
    writers = [Node("1.attn.resid_delta", i) for i in range(8)]
    kept = [value, *writers, *(Node("1.attn.act_in", i) for i in range(8))]
    kept += [Node(f"1.attn.{part}", i) for part in "qk" for i in range(4)]
    cut = Circuit.of(subject.fingerprint, "t", kept, [Edge(value, writer) for writer in writers])
    without = Circuit.of(subject.fingerprint, "t", [node for node in kept if node != value])
    swapped = Circuit.of(subject.fingerprint, "t", [*kept, other], [Edge(other, writer) for writer in writers])
    for name in NORMALISERS:
        expected = what_if(subject, batch, 1, 0, name, without).logit_diff
        assert torch.allclose(what_if(subject, batch, 1, 0, name, cut).logit_diff, expected, atol=1e-5)
        uncut = what_if(subject, batch, 1, 0, name, Circuit.of(subject.fingerprint, "t", kept)).logit_diff
        assert torch.allclose(what_if(subject, batch, 1, 0, name, swapped).logit_diff, uncut, atol=1e-5)
        assert not torch.allclose(uncut, expected, atol=1e-3)
