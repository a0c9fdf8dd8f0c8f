"""Stress: the pairs are what their axis says, the right answers are right, and long prompts are said to be too long."""

import random
from pathlib import Path

import pytest

from hand_model import WHOLE, hand_batch, hand_circuit, hand_subject, nodes
from model.ablate import compiled
from model.batch import encode_pairs
from model.circuit import Circuit
from model.corpus.dyck.words import CLOSES, still_open
from model.measure import measure
from model.reading import places
from model.sites import Node, maskable_sites
from model.stress.curve import Point, TooLong, curve, key_node, key_of
from model.stress.sweeps import sweeps_of
from model.subject import Subject, load_subject
from model.tasks import ALL_TASKS, TASKS

SWEEPS = [(name, sweep) for name, task in ALL_TASKS.items() for sweep in sweeps_of(task)]


def test_every_task_can_be_stretched_and_those_of_the_paper_in_their_own_way() -> None:
    names = {name: [sweep.name for sweep in sweeps_of(task)] for name, task in ALL_TASKS.items()}
    assert all(own[-1] == "before" for own in names.values())
    assert names["bracket_counting"][:3] == ["length", "comment", "depth"]
    for task in ("set_or_string", "set_or_string_fixedvarname", "class_init", "var_swap", "single_double_quote"):
        assert len(names[task]) >= 2


@pytest.mark.parametrize(("task", "sweep"), SWEEPS, ids=[f"{name}-{sweep.name}" for name, sweep in SWEEPS])
def test_pairs_grow_with_the_value_and_are_the_same_for_the_same_seed(task, sweep) -> None:
    lengths = []
    for value in sweep.values:
        pair = sweep.make(random.Random(3), value)
        assert pair == sweep.make(random.Random(3), value)
        assert pair.prompts[0] != pair.prompts[1] and pair.answers[0] != pair.answers[1]
        lengths.append(sum(len(sweep.make(random.Random(i), value).prompts[0]) for i in range(6)))
    assert lengths[-1] > lengths[0]


def test_answers_are_right_by_a_reader_of_brackets_and_strings() -> None:
    for name in ("bracket_counting", "single_double_quote", "bracket_brace"):
        for sweep in sweeps_of(TASKS[name]):
            for value in sweep.values[:6]:
                pair = sweep.make(random.Random(value), value)
                first, second = (places([prompt])[-1] for prompt in pair.prompts)
                if name == "bracket_counting":
                    assert (first.brackets.count("["), second.brackets.count("[")) == (1, 2)
                elif name == "bracket_brace":
                    assert (first.brackets[-1], second.brackets[-1]) == ("{", "[")
                else:
                    assert (first.quote_open, second.quote_open) == ('"', "'")


def test_dyck_answers_close_the_innermost_bracket() -> None:
    for sweep in sweeps_of(ALL_TASKS["dyck_match"]):
        for value in sweep.values:
            pair = sweep.make(random.Random(value), value)
            assert [CLOSES[still_open(prompt)[-1]] for prompt in pair.prompts] == list(pair.answers)


@pytest.fixture(scope="module")
def subject(tiny_bundle: Path) -> Subject:
    return load_subject(tiny_bundle / "models" / "tiny")


def test_a_curve_ends_with_the_first_value_that_does_not_fit(subject: Subject) -> None:
    sweep = next(s for s in sweeps_of(TASKS["single_double_quote"]) if s.name == "distractors")
    nodes = [Node(site, 0) for site in maskable_sites(subject.config)]
    circuit = Circuit.of(subject.fingerprint, "single_double_quote", nodes)
    key = Node("1.mlp.post_act", 0)
    found = list(curve(subject, circuit, key, sweep, n_pairs=6, seed=1))
    points = [point for point in found if isinstance(point, Point)]
    assert len(points) >= 2 and [p.value for p in points] == list(sweep.values[: len(points)])
    for point in points:
        assert point.n_pairs == point.circuit.n_pairs == point.full_model.n_pairs and point.n_tokens <= 160
        assert point.key is not None and point.key.class_1.low <= point.key.class_1.value <= point.key.class_1.high
    if isinstance(found[-1], TooLong):
        assert found[-1].n_tokens > subject.config.block_size
    assert [str(p) for p in curve(subject, circuit, key, sweep, n_pairs=6, seed=1)] == [str(p) for p in found]


def test_a_point_is_what_measuring_its_pairs_gives(subject: Subject) -> None:
    from model.stress.curve import fitting_pairs

    sweep = sweeps_of(TASKS["single_double_quote"])[0]
    circuit = Circuit.of(subject.fingerprint, "single_double_quote", [Node("0.mlp.post_act", 1)])
    point = next(curve(subject, circuit, None, sweep, n_pairs=4, seed=0))
    assert isinstance(point, Point) and point.key is None
    pairs, _ = fitting_pairs(subject, sweep, sweep.values[0], 4, 0)
    batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size)
    assert point.circuit.loss_nats == pytest.approx(measure(compiled(subject, circuit), batch).loss_nats)
    assert point.full_model.loss_nats == pytest.approx(measure(subject.model, batch).loss_nats)
    alone = key_node(subject, circuit, Node("0.attn.q", 3), batch)
    mean = float(subject.means["0.attn.q"][3])
    assert alone.class_1.value == pytest.approx(mean) and alone.difference.value == 0, "outside the circuit: its mean"


def test_the_key_node_is_the_strongest_that_tells_the_classes_apart() -> None:
    """Of the hand model: channel 0 of the MLP's input is +1 or -1, query 0 is 0 on both."""
    subject, batch = hand_subject(), hand_batch()
    circuit = hand_circuit(*WHOLE, "0.attn.q:0")
    silent, telling = nodes("0.attn.q:0", "0.mlp.act_in:0")
    assert key_of(subject, circuit, [silent, telling], batch) == telling
    assert key_of(subject, circuit, [silent], batch) is None
    assert key_node(subject, circuit, telling, batch).difference.value == pytest.approx(2)


def test_prompts_past_the_context_are_counted(subject: Subject) -> None:
    from model.stress.sweeps import Sweep

    own = sweeps_of(TASKS["single_double_quote"])[0]
    long = Sweep("long", "words", "", (1, 400), own.make)
    circuit = Circuit.of(subject.fingerprint, "single_double_quote", [])
    *_, last = curve(subject, circuit, None, long, n_pairs=2)
    assert isinstance(last, TooLong) and last.value == 400 and last.n_tokens > 160
