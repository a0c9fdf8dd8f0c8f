"""The twenty tasks: what their pairs hold, and that order and not mere presence of tokens decides the answer."""

import ast
import json
import random
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.errors import InputError
from model.tasks import TASKS, PromptPair, Task
from model.tasks.custom import read_pairs
from model.tasks.task import split_of
from model.tokenizer import Tokenizer

ROOT = Path(__file__).parent.parent
NAMES = list(TASKS)
FEWEST_TOKENS, MOST_TOKENS = 10, 95

# A sum over the brackets is the task itself, so that a bag of words can do it.
COUNTABLE = {"bracket_counting"}

# What may follow the right answer; CLOSE stands for what closes all open brackets.
CLOSE = "<close>"
RESTS = {
    "single_double_quote": ("\n", "\n"),
    "final_kwarg": (f"{CLOSE}: pass", " pass"),
    "set_or_string": ("(x)", " x"),
    "set_or_string_fixedvarname": ("(x)", " x"),
    "class_init": ("\n", "\n"),
    "with_as": (" g: pass", "x = 1"),
    "bracket_brace": (f" 1{CLOSE}", f" 1{CLOSE}"),
    "bracket_counting": ("\n", "\n"),
    "for_while": (" x: pass", "\n        pass"),
    "else_elif": ("\n        pass", " x: pass"),
    "if_ternary": ("\n    pass", " x"),
    "var_swap": ("\n", "\n"),
    "indent_for": ("pass", "pass"),
    "lambda_func": (" x", "a): pass"),
    "if_equals": (" x: pass", " x"),
    "enumerate_range": ("(x): pass", "(x): pass"),
    "var_if": ("\n    pass", "x = 1"),
    "while_return_true": ("pass", "\n\ndef f(): pass"),
}


MAKE_PAIRS = """
import json
from model.tasks import TASKS
sizes = {"train": 400, "heldout": 500}
made = {name: {split: task.pairs(split, n) for split, n in sizes.items()} for name, task in TASKS.items()}
plain = {name: {split: [(p.prompts, p.answers) for p in ps] for split, ps in d.items()} for name, d in made.items()}
print(json.dumps(plain))
"""


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """That of the bundled models, or before there are any, that of the corpus."""
    bundled = sorted((ROOT / "bundle" / "models").glob("python-*/tokenizer.json"))
    return Tokenizer.load(bundled[0].parent if bundled else ROOT / ".cache" / "corpus" / "tokenizer")


@cache
def pairs_of_all() -> dict[str, dict[str, list[PromptPair]]]:
    """400 train and 500 held-out pairs of every task, made in another process: types are not checked there, which
    takes most of the time of functions so small, and a generator that is not deterministic would show."""
    made = subprocess.run([sys.executable, "-c", MAKE_PAIRS], cwd=ROOT, check=True, capture_output=True, text=True)
    return {
        name: {split: [PromptPair(tuple(p), tuple(a)) for p, a in pairs] for split, pairs in splits.items()}
        for name, splits in json.loads(made.stdout).items()
    }


def pairs_of(name: str, split: str) -> list[PromptPair]:
    return pairs_of_all()[name][split]


def completed(name: str, pair: PromptPair, side: int) -> str:
    """The prompt, its right answer and a rest with which it is a program."""
    prompt = pair.prompts[side]
    last_line = prompt.splitlines()[-1]
    mark = re.findall("[\"']", prompt)[-1:]
    if name == "with_open":
        rest = f"{prompt[-1]})" + (": pass" if last_line.startswith("with") else "")
    elif name == "fstring_brace":
        rest = ("x}" if side == 0 else "") + mark[0] + (")" if last_line.startswith("print(") else "")
    else:
        rest = RESTS[name][side]
    text = prompt + pair.answers[side] + rest
    return text.replace(CLOSE, closing(text))


def closing(text: str) -> str:
    """The brackets that close those still open; what stands between quotes does not count."""
    stack: list[str] = []
    for sign in re.sub(r"(['\"])[^'\"\n]*\1", "", text):
        if sign in "([{":
            stack.append(")]}"["([{".index(sign)])
        elif stack and sign == stack[-1]:
            stack.pop()
    return "".join(reversed(stack))


def test_there_are_the_twenty_tasks_of_the_paper() -> None:
    assert len(TASKS) == 20
    assert NAMES[0] == "single_double_quote" and NAMES[-1] == "while_return_true"
    assert all(task.name == name and task.doc and task.question.endswith("?") for name, task in TASKS.items())


@pytest.mark.parametrize("name", NAMES)
def test_train_and_heldout_never_share_a_prompt(name: str) -> None:
    train, heldout = ({p for pair in pairs_of(name, s) for p in pair.prompts} for s in ("train", "heldout"))
    assert len(train) == 800 and len(heldout) == 1000
    assert train.isdisjoint(heldout)
    assert {split_of(prompt) for prompt in heldout} == {"heldout"}


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_decides_the_pairs(name: str) -> None:
    task = TASKS[name]
    assert task.pairs("train", 15) == pairs_of(name, "train")[:15]
    assert task.pairs("train", 15, seed=1) != pairs_of(name, "train")[:15]


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_one_token_in_context_and_prompts_have_one_length(name: str, tokenizer: Tokenizer) -> None:
    for pair in pairs_of(name, "heldout")[:200]:
        lengths = set()
        for side, prompt in enumerate(pair.prompts):
            tokens = tokenizer.encode(prompt)
            lengths.add(len(tokens))
            assert FEWEST_TOKENS <= len(tokens) <= MOST_TOKENS
            right, wrong = (tokenizer.token_id(pair.answers[i]) for i in (side, 1 - side))
            whole = tokenizer.encode(completed(name, pair, side))
            assert whole[: len(tokens) + 1] == [*tokens, right], completed(name, pair, side)
            assert tokenizer.encode(prompt + pair.answers[1 - side]) == [*tokens, wrong]
        assert len(lengths) == 1, pair


@pytest.mark.parametrize("name", NAMES)
def test_prompts_with_their_right_answers_are_python(name: str) -> None:
    for pair in pairs_of(name, "heldout")[:60]:
        for side in (0, 1):
            ast.parse(completed(name, pair, side))


@pytest.mark.parametrize("name", sorted(set(NAMES) - COUNTABLE))
def test_a_bag_of_words_cannot_answer(name: str, tokenizer: Tokenizer) -> None:
    train, heldout = pairs_of(name, "train"), pairs_of(name, "heldout")[:200]
    assert bag_of_words_accuracy(train, heldout, tokenizer) < 0.8


def bag_of_words_accuracy(train: list[PromptPair], heldout: list[PromptPair], tokenizer: Tokenizer) -> float:
    """Logistic regression from token counts to the side of the pair, its accuracy on `heldout`."""
    bags, sides = bags_of(train, tokenizer)
    weight = torch.zeros(bags.shape[1] + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = bags @ weight[1:] + weight[0]
        value = F.binary_cross_entropy_with_logits(logits, sides) + 1e-3 * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    bags, sides = bags_of(heldout, tokenizer)
    return float((((bags @ weight[1:] + weight[0]) > 0) == sides.bool()).float().mean())


def bags_of(pairs: list[PromptPair], tokenizer: Tokenizer) -> tuple[Tensor, Tensor]:
    ids = tokenizer.encode_batch([pair.prompts[side] for side in (0, 1) for pair in pairs])
    bags = torch.stack([torch.bincount(torch.tensor(row), minlength=tokenizer.vocab_size) for row in ids])
    return bags.float(), torch.arange(2).repeat_interleave(len(pairs)).float()


def test_most_tasks_hold_the_same_tokens_in_both_prompts(tokenizer: Tokenizer) -> None:
    same = [
        name
        for name in NAMES
        if all(
            sorted(tokenizer.encode(pair.prompts[0])) == sorted(tokenizer.encode(pair.prompts[1]))
            for pair in pairs_of(name, "heldout")[:50]
        )
    ]
    assert len(same) >= 10, same


def test_a_generator_with_few_pairs_says_so() -> None:
    def coin(rng: random.Random) -> PromptPair:
        """Heads or tails."""
        n = rng.randrange(20)
        return PromptPair((f"heads {n}", f"tails {n}"), ("h", "t"))

    with pytest.raises(InputError, match="the task coin gives only . distinct train pairs, not 50"):
        Task.of(coin, "Coin", "Heads or tails?").pairs("train", 50)


GOOD = {"clean": "x, y = y,", "corrupt": "y, x = x,", "answers": [" x"], "wrong_answers": [" y"]}


def test_own_pairs_are_read(tokenizer: Tokenizer) -> None:
    pairs = read_pairs(json.dumps({"prompts": [GOOD, GOOD]}), tokenizer, 128)
    assert pairs == [PromptPair(("x, y = y,", "y, x = x,"), (" x", " y"))] * 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"clean": None}, "pair 1: clean is null, not a text"),
        ({"clean": ""}, "pair 1: clean is empty"),
        ({"clean": "\ud800"}, "pair 1: clean holds half a surrogate pair"),
        ({"clean": "y, x = x,"}, "pair 1 has the same prompt twice"),
        ({"answers": [" y"]}, "pair 1 has the same answer twice"),
        ({"answers": [" x", " y"]}, "pair 1: answers holds 2 answers; it needs exactly one"),
        ({"answers": []}, "pair 1: answers holds 0 answers; it needs exactly one"),
        ({"answers": [" x y"]}, "pair 1: ' x y' is not one token here"),
        ({"clean": "x, y = y, ", "answers": ["value"]}, "pair 1: 'value' is no token of its own after 'x, y = y, '"),
        ({"clean": "x, y = y, " * 40}, "pair 1: clean has [0-9]+ tokens, and the model reads at most 128"),
    ],
)
def test_a_fault_in_own_pairs_is_one_sentence(changes: dict[str, object], sentence: str, tokenizer: Tokenizer) -> None:
    with pytest.raises(InputError, match=sentence):
        read_pairs(json.dumps({"prompts": [{**GOOD, **changes}]}), tokenizer, 128)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "the prompt pairs are not JSON: "),
        ("[" * 100_000, "the prompt pairs are not JSON: "),
        ("[]", "the prompt pairs need the form"),
        ('{"prompts": {}}', "the prompt pairs need the form"),
        ('{"prompts": []}', "the list of prompt pairs is empty"),
        ('{"prompts": [1]}', "pair 1 is not an object"),
        ('{"prompts": [{"clean": "x"}]}', "pair 1 lacks corrupt, answers, wrong_answers; it needs: clean"),
    ],
)
def test_a_broken_form_of_own_pairs_is_one_sentence(text: str, sentence: str, tokenizer: Tokenizer) -> None:
    with pytest.raises(InputError, match=sentence):
        read_pairs(text, tokenizer, 128)
