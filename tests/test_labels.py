"""Labels by search: the conditions of a sample are what the rule language says of it, and planted ones are found."""

import numpy as np
import pytest

from model.labels.atoms import Atoms, atoms_of
from model.labels.search import Search, firings
from model.reading import places
from model.rules.parse import parse
from model.rules.rule import Rule, holds_at_each
from model.rules.words import Text

LINES = [
    "for",
    " x",
    " in",
    " items",
    ":",
    "\n    ",
    "print",
    "(",
    "'",
    "a",
    "'",
    ",",
    " x",
    ")",
    "\n",
    "y",
    " =",
    " [",
    "1",
    "]",
    "\n",
]
WINDOWS = [[*(LINES * 3)[i : i + 40]] for i in range(16)]
DOCUMENTS = np.repeat(np.arange(16), 40)


@pytest.fixture(scope="module")
def atoms() -> Atoms:
    return atoms_of(WINDOWS)


def column(rule: str) -> np.ndarray:
    return np.concatenate([holds_at_each(parse(rule), Text(places(window))) for window in WINDOWS])


def test_each_condition_holds_where_the_language_says(atoms: Atoms) -> None:
    """The fast columns against the slow reference, one token after another."""
    assert len(atoms.conditions) > 40
    for node, holds in zip(atoms.conditions, atoms.holds, strict=True):
        slow = np.concatenate([holds_at_each(Rule(node), Text(places(window))) for window in WINDOWS])
        assert (slow == holds).all(), node.written()
    assert len({holds.tobytes() for holds in atoms.holds}) == len(atoms.holds)


@pytest.mark.parametrize(
    "planted",
    ["in_string", "word == 'x' and copied", "bracket_open == '[' or in_string", "kind == 'name' and not copied"],
)
def test_a_planted_condition_is_found(atoms: Atoms, planted: str) -> None:
    fires = column(planted)
    found = Search(atoms, DOCUMENTS).best(fires)
    assert found is not None and (column(str(found.rule)) == fires).all(), str(found and found.rule)
    assert found.precision is not None and found.recall is not None
    assert found.precision.value == found.recall.value == 1 and found.train_f1 == 1
    assert found.n_fires == found.n_predicted == int(fires[DOCUMENTS % 2 == 1].sum())
    assert found.n_tokens == 8 * 40 and found.n_documents == 8


def test_precision_and_recall_are_those_of_documents_that_the_search_never_saw(atoms: Atoms) -> None:
    """A node that misses every fifth `x`: the figures are counted again here, from what the language says."""
    places_of_x = np.flatnonzero(column("word == 'x'"))
    fires = np.zeros(len(DOCUMENTS), dtype=bool)
    fires[places_of_x[np.arange(len(places_of_x)) % 5 != 0]] = True
    found = Search(atoms, DOCUMENTS).best(fires)
    assert found is not None and found.precision is not None and found.recall is not None
    holds, unseen = column(str(found.rule)), DOCUMENTS % 2 == 1
    both = (holds & fires & unseen).sum()
    assert found.precision.value == pytest.approx(both / (holds & unseen).sum())
    assert found.recall.value == pytest.approx(both / (fires & unseen).sum())
    assert found.precision.low < found.precision.value < found.precision.high


def test_a_label_that_does_not_tell_is_weak_and_one_that_does_is_not(atoms: Atoms) -> None:
    by_chance = np.random.default_rng(0).random(len(DOCUMENTS)) < 0.1
    guessed, told = Search(atoms, DOCUMENTS).best(by_chance), Search(atoms, DOCUMENTS).best(column("word == 'x'"))
    assert guessed is not None and guessed.is_weak and guessed.heldout_f1 < 0.3
    assert told is not None and not told.is_weak and told.heldout_f1 == 1


def test_a_node_that_fires_too_rarely_has_no_label(atoms: Atoms) -> None:
    fires = np.zeros(len(DOCUMENTS), dtype=bool)
    fires[:5] = True
    assert Search(atoms, DOCUMENTS).best(fires) is None


def test_sides_of_firing_by_hand() -> None:
    """A neuron at 0 but for some 4s fires above 2; a channel from -3 to 3 fires on both sides; a constant on none."""
    neuron = np.zeros(2000)
    neuron[:100] = 4.0
    (only,) = firings(neuron)
    assert (only.sign, only.threshold, int(only.fires.sum())) == ("positive", 2.0, 100)
    channel = np.repeat([-3.0, 0.0, 0.0, 3.0], 500)
    assert [(s.sign, s.threshold, int(s.fires.sum())) for s in firings(channel)] == [
        ("positive", 1.5, 500), ("negative", -1.5, 500),
    ]  # fmt: skip
    assert list(firings(np.ones(50))) == []
    lopsided = np.repeat([-0.5, 0.0, 0.0, 4.0], 500)
    assert [s.sign for s in firings(lopsided)] == ["positive"], "an eighth of the other side is no side"
