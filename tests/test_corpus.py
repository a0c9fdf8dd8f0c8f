"""The corpus: programs that parse, contrasts that no shortcut decides, files that hold what they say."""

import ast
import json
import re
from collections import Counter
from itertools import islice
from random import Random

import numpy as np
import pytest

from model.corpus import realcode, tokens
from model.corpus.program import MOST_LINES, generate_program
from model.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return list(islice(tokens.programs(0), 3000))


@pytest.fixture(scope="module")
def everything(texts) -> str:
    return "\n".join(texts)


def share(pattern: str, text: str) -> dict[str, float]:
    """How often each text of the pattern's one group is found, as a share of all that are found."""
    counts = Counter(re.findall(pattern, text, re.MULTILINE))
    return {found: count / counts.total() for found, count in counts.most_common()}


def test_every_program_compiles(texts):
    for text in texts:
        compile(ast.parse(text), "program", "exec")


def test_the_same_seed_gives_the_same_programs(texts):
    rng = Random(0)
    assert [generate_program(rng) for _ in range(20)] == texts[:20]
    assert generate_program(Random(1)) != texts[0]


def test_programs_are_short_and_tidy(texts):
    lengths = [text.count("\n") for text in texts]
    assert np.mean(np.array(lengths) <= MOST_LINES) > 0.97
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in texts)
    assert not any(re.search(r"[ \t]$|\t", text, re.MULTILINE) for text in texts)
    assert all(text.isascii() for text in texts)


def test_either_quote_opens_a_string_as_often_whatever_is_called(everything):
    for callee in ("print", ".append"):
        shares = share(rf"{re.escape(callee)}\((['\"])", everything)
        assert shares['"'] == pytest.approx(0.5, abs=0.05)


def test_a_string_may_end_in_the_same_words_in_either_quote(everything):
    double = set(re.findall(r"(\w+)\"\)", everything))
    single = set(re.findall(r"(\w+)'\)", everything))
    assert len(double & single) > 0.7 * len(double | single)


def test_arguments_after_a_default_all_have_one(everything):
    heads = re.findall(r"def \w+\((.*)\):", everything)
    with_defaults = [head for head in heads if "=None" in head]
    assert 0.25 < len(with_defaults) / len(heads) < 0.6
    assert not [head for head in with_defaults if re.search(r"=None, \w+(,|$)", head)]


@pytest.mark.parametrize("name", [r"\w+", "current"])
def test_how_a_variable_grows_follows_from_how_it_began(texts, name):
    """Of the next lines that begin with the variable, almost all `.add` to a set and ` +=` to a string."""
    follow = {"set()": Counter(), '""': Counter()}
    for text in texts:
        for match in re.finditer(rf"^ *({name}) = (set\(\)|\"\"|'')\n", text, re.MULTILINE):
            again = re.search(rf"^ *{match[1]}(\.\w+| \+?=)", text[match.end() :], re.MULTILINE)
            if again:
                follow[match[2].replace("''", '""')][again[1]] += 1
    assert min(follow["set()"].total(), follow['""'].total()) > 100
    assert follow["set()"][".add"] / follow["set()"].total() > 0.9
    assert follow['""'][" +="] / follow['""'].total() > 0.9


def test_an_initialiser_keeps_its_arguments_in_order(everything):
    for text, kept in re.findall(r"def __init__\(self, (.*)\):\n((?: +self\.(?:\w+) = \w+\n)+)", everything):
        names = [argument.removesuffix("=None") for argument in text.split(", ")]
        assert re.findall(r"self\.(\w+) = \1\n", kept)[: len(names)] == names


def test_files_are_opened_to_read_or_write_by_their_names_alone(everything):
    modes = {"input": set(), "output": set()}
    for name, mode in re.findall(r"open\(.*?(input|output).*?, (?:mode=)?['\"]([rw])['\"]\)", everything):
        modes[name].add(mode)
    assert modes == {"input": {"r"}, "output": {"w"}}
    assert share(r"\b(with|\w+ =) open\(", everything)["with"] == pytest.approx(0.55, abs=0.08)


def test_a_swap_gives_back_the_two_names(everything):
    swaps = re.findall(r"^ *(\w+), (\w+) = (\w+), (\w+)$", everything, re.MULTILINE)
    turned = [swap for swap in swaps if swap[0] == swap[3] and swap[1] == swap[2]]
    assert len(turned) / len(swaps) > 0.6
    begun = [swap for swap in swaps if swap[2] == swap[1]]
    assert len(turned) / len(begun) > 0.95


def test_two_loop_variables_mean_enumerate_and_one_means_range_or_a_collection(everything):
    two = share(r"for \w+, \w+ in (\w+)", everything)
    one = share(r"^ *for \w+ in (\w+)", everything)
    assert two["enumerate"] > 0.7
    assert "range" not in two
    assert one["range"] > 0.4
    assert "enumerate" not in one


def test_the_two_sides_of_a_contrast_use_the_same_names(everything):
    for left, right in (
        (r"^ *if (\w+):", r"^ *while (\w+):"),
        (r"^ *for (\w+) in range", r"^ *for (\w+), \w+ in enumerate"),
        (r"lambda (\w+):", r"def (\w+)\("),
        (r"^ *if (\w+) ==", r"^ *(\w+) ="),
        (r"= (\w+)$", r"^ *if (\w+):"),
    ):
        first, second = set(share(left, everything)), set(share(right, everything))
        assert len(first & second) > 0.6 * min(len(first), len(second))


def test_the_same_words_lead_to_a_brace_in_a_formatted_string_and_to_a_word_in_a_plain_one(texts):
    nodes = [node for text in texts for node in ast.walk(ast.parse(text))]
    plain = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    formatted = [ast.unparse(node) for node in nodes if isinstance(node, ast.JoinedStr)]
    formatted = [text for text in formatted if text != "f'.2f'"]
    assert all("{" in text for text in formatted)
    assert not any("{" in text for text in plain)
    for lead_in in (" is ", " for ", "="):
        assert sum(f"{lead_in}{{" in text for text in formatted) > 10
        assert sum(re.search(rf"\w{lead_in}\w", text) is not None for text in plain) > 10


def test_clean_keeps_written_code_and_refuses_the_rest():
    code = b"def f(x):\r\n\treturn x  \n" * 20
    assert realcode.clean(code) == "def f(x):\n    return x\n" * 20
    assert realcode.clean(code + "# caf\u00e9\n".encode()) is None
    assert realcode.clean(code + b"x = " + b"1" * 500) is None
    assert realcode.clean(b"1, 2, 3,\n" * 100) is None
    assert realcode.clean(b"x = 1\n") is None
    assert realcode.clean(b"# line\n" * 20 + code) == realcode.clean(code)
    assert realcode.clean(b"# line\n" * 3 + code).startswith("# line")


def test_every_package_is_pinned_with_its_licence():
    lines = [line for line in realcode.PINS.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == len(realcode.pins()) > 20
    assert all(
        re.fullmatch(r"[a-z0-9-]+==[\w.]+ +# (MIT|BSD|Apache|PSF)\S*( OR \S+)?, [\d.]+ MB", line) for line in lines
    )


def test_what_build_writes_is_what_it_says(tmp_path, monkeypatch, texts):
    monkeypatch.setattr(realcode, "documents", lambda folder: iter(texts[:300]))
    monkeypatch.setattr(tokens, "TOKENISER_CHARS", 300_000)
    heard = []
    about = tokens.build(
        tmp_path, n_generated_tokens=50_000, vocab_size=512, on_progress=lambda *call: heard.append(call)
    )
    tokenizer = Tokenizer.load(tmp_path / "tokenizer")
    assert about == json.loads((tmp_path / "corpus.json").read_text())
    assert {part for part, _, _ in heard} == {"tokenizer", "generated", "real"}
    for kind in ("generated", "real"):
        for part in ("train", "val"):
            ids = np.fromfile(tmp_path / f"{part}_{kind}.bin", dtype=np.uint16)
            assert len(ids) == about["counts"][kind][f"{part}_tokens"]
            assert np.sum(ids == 0) == about["counts"][kind][f"{part}_documents"]
    documents = tokenizer.decode(np.fromfile(tmp_path / "train_real.bin", dtype=np.uint16).tolist())
    held_out = tokenizer.decode(np.fromfile(tmp_path / "val_real.bin", dtype=np.uint16).tolist())
    found = documents.split("<|endoftext|>")[1:] + held_out.split("<|endoftext|>")[1:]
    assert sorted(found) == sorted(texts[:300])
    assert about["counts"]["generated"]["train_tokens"] >= 50_000
