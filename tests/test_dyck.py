"""The bracket language: words that a stack machine accepts, tasks that it answers and a bag of words cannot."""

import json
import random
from functools import cache
from itertools import islice

import numpy as np
import pytest

from app.scoring import scores
from model.corpus.dyck import tokens
from model.corpus.dyck.words import CLOSES, DEEPEST, MOST_PAIRS, OPENING, balanced, still_open, words
from model.errors import InputError
from model.subject import load_subject
from model.tasks import ALL_TASKS, DYCK_TASKS, TASKS, PromptPair
from model.tasks.task import split_of
from model.tokenizer import SEPARATOR, Tokenizer
from model.training.__main__ import main as train
from model.training.windows import Corpus
from test_tasks import bag_of_words_accuracy

NAMES = list(DYCK_TASKS)
CLOSING = tuple(CLOSES.values())


@pytest.fixture(scope="module")
def documents() -> list[str]:
    return list(islice(words(0), 2000))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.of_signs("([{)]}")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dyck")
    tokens.build(folder, n_tokens=20_000)
    return folder


@cache
def pairs_of(name: str, split: str) -> list[PromptPair]:
    return DYCK_TASKS[name].pairs(split, {"train": 400, "heldout": 500}[split])


def matches(word: str) -> list[int]:
    """How far each closing bracket is from the one that it closes."""
    opened, distances = [], []
    for place, sign in enumerate(word):
        if sign in CLOSES:
            opened.append(place)
        else:
            distances.append(place - opened.pop())
    return distances


def deepest(word: str) -> int:
    return max(len(still_open(word[:n])) for n in range(len(word) + 1))


def test_the_stack_machine_on_paper():
    assert still_open("([]{") == "({"
    assert still_open("([])") == ""
    with pytest.raises(ValueError, match="'\\)' closes nothing after '\\(\\[' in '\\(\\[\\)'"):
        still_open("([)")
    with pytest.raises(ValueError, match="'\\]' closes nothing"):
        still_open("]")


def test_words_are_balanced_and_within_depth(documents):
    assert all(still_open(word) == "" for word in documents)
    assert max(map(deepest, documents)) == DEEPEST
    assert {deepest(word) for word in documents} == set(range(1, DEEPEST + 1))
    assert {len(word) // 2 for word in documents} == set(range(1, MOST_PAIRS + 1))


def test_brackets_of_each_type_are_as_frequent_and_match_near_and_far(documents):
    text = "".join(documents)
    for opening, closing in CLOSES.items():
        assert text.count(opening) == text.count(closing) == pytest.approx(len(text) / 6, rel=0.05)
    distances = np.array([distance for word in documents for distance in matches(word)])
    assert 0.3 < np.mean(distances == 1) < 0.7
    assert np.mean(distances >= 12) > 0.05


@pytest.mark.parametrize("most", [1, 3])
def test_a_word_has_the_pairs_and_the_depth_asked(most):
    rng = random.Random(0)
    found = [balanced(rng, n, most) for n in range(12)]
    assert [len(word) for word in found] == [2 * n for n in range(12)]
    assert found[0] == "" and max(map(deepest, found)) == most


def test_each_bracket_is_one_token_and_all_else_is_refused(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    for reader in (tokenizer, Tokenizer.load(tmp_path)):
        assert reader.vocab_size == 7 and reader.separator == 0
        assert reader.encode("([") == [1, 2] and reader.encode(f"{{}}{SEPARATOR}]") == [3, 6, 0, 5]
        assert reader.decode([1, 4]) == "()" and reader.token_text(6) == "}"
        with pytest.raises(InputError, match="this tokeniser has no token for ' '; it has <|endoftext|>"):
            reader.encode("( )")
        with pytest.raises(InputError, match="no token for 'é'"):
            reader.encode_batch(["()", "(é"])
        assert reader.can_encode("[]") and not reader.can_encode("x")


def test_the_tasks_are_apart_from_the_twenty():
    assert {name: ALL_TASKS[name] for name in TASKS} == TASKS and list(ALL_TASKS) == [*TASKS, *NAMES]
    assert {task.language for task in TASKS.values()} == {"python"}
    assert {task.language for task in DYCK_TASKS.values()} == {"dyck"}
    assert all(task.name == name and task.doc and task.question.endswith("?") for name, task in DYCK_TASKS.items())


@pytest.mark.parametrize("name", NAMES)
def test_train_and_heldout_never_share_a_prompt(name):
    train, heldout = ({p for pair in pairs_of(name, s) for p in pair.prompts} for s in ("train", "heldout"))
    assert len(train) == 800 and len(heldout) == 1000 and train.isdisjoint(heldout)
    assert {split_of(prompt) for prompt in heldout} == {"heldout"}
    assert DYCK_TASKS[name].pairs("train", 15) == pairs_of(name, "train")[:15]


@pytest.mark.parametrize("name", NAMES)
def test_a_stack_machine_gives_the_answers(name):
    for pair in pairs_of(name, "heldout"):
        words_so_far = [prompt.removeprefix(SEPARATOR) for prompt in pair.prompts]
        lengths = {len(word) for word in words_so_far}
        assert len(lengths) == 1 and 10 <= lengths.pop() <= 48
        for word, answer, wrong in zip(words_so_far, pair.answers, reversed(pair.answers), strict=True):
            stack = still_open(word)
            follows = {SEPARATOR} if not stack else {CLOSES[stack[-1]], *OPENING}
            assert answer in follows and wrong not in follows, pair
            assert deepest(word) <= DEEPEST


@pytest.mark.parametrize("name", ["dyck_match", "dyck_distance"])
def test_neither_a_bag_of_words_nor_the_last_token_can_answer(name, tokenizer):
    train, heldout = pairs_of(name, "train"), pairs_of(name, "heldout")
    assert all(sorted(pair.prompts[0]) == sorted(pair.prompts[1]) for pair in heldout)
    assert bag_of_words_accuracy(train, heldout[:200], tokenizer) < 0.6
    assert np.mean([pair.prompts[0][-1] == pair.prompts[1][-1] for pair in heldout]) > 0.7


def test_six_pairs_or_more_stand_after_the_far_bracket():
    for pair in pairs_of("dyck_distance", "heldout"):
        places = [n for n, (a, b) in enumerate(zip(*pair.prompts, strict=True)) if a != b]
        assert len(places) == 2 and still_open(pair.prompts[0][places[1] + 1 :]) == ""
        assert len(pair.prompts[0]) - places[1] - 1 >= 12


def test_in_dyck_depth_the_last_tokens_are_the_same_and_one_bracket_differs():
    """Depth is a sum over the brackets, so that a bag of words can do this task, as it can bracket_counting."""
    for pair in pairs_of("dyck_depth", "heldout"):
        assert all(prompt.startswith(SEPARATOR) for prompt in pair.prompts)  # else more might be open than is seen
        first, second = (prompt.removeprefix(SEPARATOR) for prompt in pair.prompts)
        assert sum(a != b for a, b in zip(first, second, strict=True)) == 1
        assert first[-1] == second[-1] and first[-1] in CLOSING
        assert (len(still_open(first)), len(still_open(second))) == (0, 2)


def test_what_build_writes_is_what_corpus_reads(corpus):
    about = json.loads((corpus / "corpus.json").read_text())
    read = Tokenizer.load(corpus / "tokenizer")
    found = []
    for part in ("train", "val"):
        ids = Corpus.open(corpus, part, 0.0).generated
        counts = about["counts"]["generated"]
        assert len(ids) == counts[f"{part}_tokens"] and np.sum(ids == 0) == counts[f"{part}_documents"]
        found += read.decode(ids.tolist()).split(SEPARATOR)[1:]
    assert about["language"] == "dyck" and len(found) > 500
    assert sorted(found) == sorted(islice(words(0), len(found)))
    windows = Corpus.open(corpus, "train", 0.0).draw(4, 33, seed=0, step=0)
    assert windows.shape == (4, 33) and int(windows.max()) <= 6
    assert not Corpus.has_real(corpus)
    with pytest.raises(FileNotFoundError):
        Corpus.open(corpus, "train", 0.5)


def test_a_model_of_brackets_is_trained_and_asked_only_of_brackets(corpus, tmp_path):
    out = tmp_path / "small"
    train(
        out, corpus, n_steps=20, n_layer=1, d_model=32, d_mlp=32, d_head=16, block_size=48, afrac=0.25, density=0.5,
        anneal_stop=0.5, learning_rate=0.03, batch_windows=4, real_fraction=0.0, bf16=False,
    )  # fmt: skip
    point = json.loads((out / "training.json").read_text())["curve"][-1]
    assert point["step"] == 20 and point["val_real_nats"] is None
    assert point["val_generated_nats"] < np.log(7)
    subject = load_subject(out)
    assert subject.language == "dyck" and subject.config.vocab_size == 7
    assert [name for name, _ in scores(subject, 8)] == NAMES
    assert all(not isinstance(result, str) for _, result in scores(subject, 8))
