"""Nodes over a task, over text and as functions: by hand on the hand model, and against one another."""

import pytest
import torch

from hand_model import WHOLE, hand_batch, hand_circuit, hand_subject, nodes
from model.activations import node_activations
from model.batch import PairBatch
from model.circuit import Circuit
from model.corpus_sample import counts, examples, histogram_edges, sample_values, summary, windows_of
from model.errors import InputError
from model.profile import reduced, task_profile
from model.response import activated, pre_activations, response_curve
from model.sites import Node
from model.trace import aligned, traces
from small_subject import small_subject


def test_three_ways_to_one_value_a_prompt():
    values = torch.tensor([[1.0, -5.0, 3.0, 99.0], [2.0, 4.0, 0.0, 0.0]])  # what stands after `last` is padding
    last = torch.tensor([2, 1])
    assert reduced(values, last).tolist() == [[3.0, pytest.approx(-1 / 3), -5.0], [4.0, 3.0, 4.0]]


def test_the_first_neuron_fires_for_class_one_alone():
    batch = hand_batch()
    neuron = nodes("0.mlp.post_act:0")
    full = task_profile(hand_subject(), batch, neuron)
    assert full.shape == (1, 2, 1, 3)
    assert full[0, 0, 0].tolist() == pytest.approx([1, 1, 1], abs=1e-4)
    assert full[0, 1, 0].tolist() == [0, 0, 0]
    without = task_profile(hand_subject(), batch, neuron, hand_circuit())
    assert without[0, :, 0, 0].tolist() == [0.5, 0.5], "outside a circuit a node is at its mean"


def test_parts_of_a_batch_are_put_together_in_order():
    subject = small_subject(sink=True)
    tokens = torch.randint(1, 300, (10, 6), generator=torch.Generator().manual_seed(4))
    batch = PairBatch(tokens, torch.tensor([5, 3, 4, 5, 2, 5, 5, 1, 4, 3]), torch.tensor([[1, 2]] * 10))
    wanted = [Node("1.attn.k", 3), Node("0.mlp.post_act", 7)]
    whole = task_profile(subject, batch, wanted)
    assert torch.allclose(task_profile(subject, batch, wanted, pairs_at_once=2), whole, atol=1e-6)
    prompts = [row[: n + 1] for row, n in zip(tokens.tolist(), batch.last.tolist(), strict=True)]
    one_by_one = node_activations(subject, wanted, prompts)
    for row, node in enumerate(wanted):
        assert [values[-1] for values in one_by_one[node]] == pytest.approx(
            whole[row, :, :, 0].flatten().tolist(), abs=1e-5
        )


def test_a_neuron_as_a_function():
    subject = hand_subject()
    assert activated(subject, torch.tensor([-2.0, 0.0, 3.0])).tolist() == [0, 0, 3]
    pre, post = response_curve(subject, 1.0, 3.0, n_points=2)
    assert pre == pytest.approx([-0.1, 0, 3.1]) and post == pytest.approx([0, 0, 3.1])
    neuron = nodes("0.mlp.post_act:1")[0]
    batch = hand_batch()

    def goes_in(circuit: Circuit | None = None) -> list[float]:
        return pre_activations(subject, batch.tokens, batch.last, [neuron], circuit)[0].tolist()

    assert goes_in() == pytest.approx([-1, 1], abs=1e-4)
    assert goes_in(hand_circuit()) == [0, 0]
    assert goes_in(hand_circuit(*WHOLE)) == pytest.approx([-1, 1], abs=1e-4)
    with pytest.raises(InputError, match="0.attn.q:0 is no neuron"):
        pre_activations(subject, batch.tokens, batch.last, nodes("0.attn.q:0"))


def test_a_response_curve_gives_what_the_neuron_gives():
    subject = small_subject()
    neurons = [Node("1.mlp.post_act", 4), Node("0.mlp.post_act", 2)]
    pre = pre_activations(
        subject, torch.tensor([[5, 9, 0], [7, 8, 3]]), torch.tensor([1, 2]), neurons, prompts_at_once=1
    )
    after = node_activations(subject, neurons, [[5, 9], [7, 8, 3]])
    for row, neuron in zip(pre, neurons, strict=True):
        assert activated(subject, row).tolist() == pytest.approx(sum(after[neuron], []), abs=1e-5)


# -- text ------------------------------------------------------------------------------------


def test_documents_become_windows_with_a_separator_before_each():
    subject = small_subject()
    windows = windows_of(["ab", "abc"], subject.tokenizer, 3)
    stream = [0, *subject.tokenizer.encode("ab"), 0, *subject.tokenizer.encode("abc")]
    assert windows.tolist() == [stream[:3], stream[3:6]]


def test_a_pass_over_text_gives_what_prompts_give():
    subject = small_subject(sink=True)
    windows = torch.randint(1, 300, (5, 8), generator=torch.Generator().manual_seed(5))
    wanted = [Node("0.attn.v", 2), Node("1.mlp.act_in", 6)]
    found = sample_values(subject, windows, wanted, windows_at_once=2)
    expected = node_activations(subject, wanted, windows.tolist())
    for row, node in enumerate(wanted):
        assert torch.allclose(found[row].float(), torch.tensor(expected[node]), rtol=2e-3, atol=1e-3)


def test_a_summary_and_a_histogram_by_hand():
    values = torch.tensor([[0.0, 0.0, 1.0], [4.0, 0.0, -2.0]])
    assert summary(values).zero_share == 0.5 and summary(values).mean == 0.5
    assert (summary(values).low, summary(values).high) == (-2, 4)
    edges = histogram_edges([values, values / 2], n_bins=3)
    assert edges == [-2, 0, 2, 4] and counts(values, edges) == [1, 4, 1]
    assert histogram_edges([torch.zeros(2)], n_bins=1) == [-0.5, 0.5]


def test_examples_run_through_the_whole_of_their_share():
    values = torch.arange(40.0).reshape(4, 10)
    windows = torch.arange(100, 140).reshape(4, 10)
    top = examples(windows, values, 0.5, 2, top=True)
    assert [example.tokens[example.focus] for example in top] == [134, 124], "ranks 5 and 15 of the upper 20"
    assert [example.values[example.focus] for example in top] == [34, 24]
    bottom = examples(windows, values, 0.05, 4, top=False)
    assert [example.tokens[example.focus] for example in bottom] == [100, 101], "two tokens are no four examples"
    assert top[0].tokens == list(range(130, 140)), "a window does not reach into the next"
    equal = examples(windows, torch.zeros(4, 10), 0.5, 4, top=True)
    assert equal == examples(windows, torch.zeros(4, 10), 0.5, 4, top=True)
    assert len({example.tokens[0] for example in equal}) > 1, "equal values come from all over the text"


# -- prompts ---------------------------------------------------------------------------------


def test_a_trace_is_what_the_nodes_do_and_what_follows():
    circuit = hand_circuit(*WHOLE)
    found, shorter = traces(hand_subject(), [[2, 1], [2]], circuit.nodes, circuit)
    assert found.values[1].tolist() == pytest.approx([0, 1], abs=1e-4), "neuron 0 fires at token 1"
    assert found.values[2].tolist() == pytest.approx([1, 0], abs=1e-4)
    assert found.logits.tolist() == pytest.approx([0, 2, -2], abs=1e-4)
    assert shorter.logits.tolist() == pytest.approx([0, -2, 2], abs=1e-4) and shorter.values.shape == (4, 1)


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ([1, 2, 3], [1, 9, 3], [(0, 0), (1, 1), (2, 2)]),
        ([1, 2, 3], [1, 3], [(0, 0), (2, 1)]),
        ([1, 5, 6, 3], [1, 9, 3], [(0, 0), (2, 1), (3, 2)]),
        ([1, 1, 1], [1, 1], [(0, 0), (1, 1)]),
        ([4], [5], [(0, 0)]),
        ([4, 4], [4, 4], [(0, 0), (1, 1)]),
    ],
)
def test_two_prompts_side_by_side(first, second, pairs):
    assert aligned(first, second) == pairs
