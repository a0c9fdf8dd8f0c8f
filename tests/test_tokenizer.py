"""The tokeniser: what is one token where it stands in a program, and what comes back."""

import json
from itertools import islice

import pytest

from model.corpus.tokens import programs
from model.tokenizer import SEPARATOR, Tokenizer

# For each task a text whose last token must be exactly the one given, whatever stands before it.
CANDIDATES = [
    ("single_double_quote", 'print("hello world', '")'),
    ("single_double_quote", "items.append('hello world", "')"),
    ("final_kwarg", "def f(self, a, b=None, c", "=None"),
    ("final_kwarg", "def f(self, a, b, c", "):"),
    ("set_or_string", "x = set()\nfor y in z:\n    x", ".add"),
    ("set_or_string", 'x = ""\nfor y in z:\n    x', " +="),
    ("set_or_string_fixedvarname", "current = set()\ncurrent", ".add"),
    ("set_or_string_fixedvarname", 'current = ""\ncurrent', " +="),
    ("class_init", "class A:\n    def __init__(self, x, name):\n        self.x =", " x"),
    ("class_init", "class A:\n    def __init__(self, x, name):\n        self.name =", " name"),
    ("with_as", 'with open("a.txt", "r")', " as"),
    ("with_as", 'f = open("a.txt", "r")', "\n"),
    ("bracket_brace", 'x = {"a": 1, "b"', ":"),
    ("bracket_brace", 'x = ["a", "b"', ","),
    ("with_open", "open(input_file, '", "r"),
    ("with_open", 'open("output.txt", "', "w"),
    ("bracket_counting", "x = [1, 2", "]"),
    ("bracket_counting", "x = [[1, 2], [3, 4", "]]"),
    ("bracket_counting", "x = [[1, 2", "],"),
    ("for_while", "for x", " in"),
    ("for_while", "while x", ":"),
    ("else_elif", "else", ":"),
    ("else_elif", "elif", " x"),
    ("fstring_brace", 'print(f"the total is', " {"),
    ("fstring_brace", 'print("the total is', " total"),
    ("fstring_brace", 'print(f"', "{"),
    ("if_ternary", "    if x", ":"),
    ("if_ternary", "    y = z if x", " else"),
    ("var_swap", "x, y = y,", " x"),
    ("indent_for", "    for x in y:", "\n        "),
    ("indent_for", "    x = y", "\n    "),
    ("lambda_func", "f = lambda x", ":"),
    ("lambda_func", "def x", "("),
    ("if_equals", "    if x", " =="),
    ("if_equals", "    x", " ="),
    ("enumerate_range", "for i, x in", " enumerate"),
    ("enumerate_range", "for i in", " range"),
    ("var_if", "    if x", ":"),
    ("var_if", "    y = x", "\n    "),
    ("while_return_true", "    while True:", "\n        "),
    ("while_return_true", "    return True", "\n"),
    ("while_return_true", "        return True", "\n    "),
    ("deep", "            if x:", "\n                "),
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(islice(programs(3), 4000), 1024)


@pytest.mark.parametrize(("task", "before", "candidate"), CANDIDATES)
def test_each_candidate_is_one_token_where_it_is_predicted(tokenizer, task, before, candidate):
    ids = tokenizer.encode(before + candidate)
    assert tokenizer.token_text(ids[-1]) == candidate
    assert ids[:-1] == tokenizer.encode(before)
    assert tokenizer.token_id(candidate) == ids[-1]


@pytest.mark.parametrize("after", ["\n", "\n    ", ":", ")", ",", ".x", " + x"])
def test_a_closed_string_never_joins_what_follows(tokenizer, after):
    texts = [tokenizer.token_text(token) for token in tokenizer.encode('print("a")' + after)]
    assert texts[:4] == ["print", '("', "a", '")']


def test_a_colon_stays_apart_from_its_newline(tokenizer):
    ids = tokenizer.encode("else:\n    x")
    assert [tokenizer.token_text(token) for token in ids] == ["else", ":", "\n    ", "x"]


def test_three_closing_brackets_are_a_pair_and_one(tokenizer):
    ids = tokenizer.encode("[[[1]]]")
    assert [tokenizer.token_text(token) for token in ids] == ["[", "[", "[", "1", "]]", "]"]


def test_text_comes_back_as_it_was(tokenizer):
    for text in [*islice(programs(9), 50), "x = 'caf\u00e9'\t# \u2192\n", "  a  b\n\n\n      c"]:
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_batches_are_the_same_as_single_texts(tokenizer):
    texts = ["x = 1\n", "", "print('a')\n"]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]


def test_the_separator_is_token_0_and_the_vocabulary_is_full(tokenizer):
    assert tokenizer.token_id(SEPARATOR) == tokenizer.separator == 0
    assert tokenizer.decode([0]) == SEPARATOR
    assert tokenizer.vocab_size == 1024


def test_a_byte_that_is_no_text_is_written_in_hex(tokenizer):
    first, second = tokenizer.encode("\u00e9")
    assert tokenizer.token_text(first) == r"\xc3"
    assert tokenizer.token_text(second) == r"\xa9"


def test_what_is_not_one_token_is_refused_with_its_parts(tokenizer):
    with pytest.raises(ValueError, match=r"'x y' is not one token here; it is 'x' \+ ' y'"):
        tokenizer.token_id("x y")
    with pytest.raises(ValueError, match="no token 5000; this tokeniser has 0 to 1023"):
        tokenizer.token_text(5000)


def test_saved_and_loaded_it_is_the_same(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    assert Tokenizer.load(tmp_path).to_json() == tokenizer.to_json()


def test_the_releases_two_files_are_read(tmp_path):
    vocab = {chr(code): code - 33 for code in range(33, 127)} | {
        "\u0120": 94,
        "de": 95,
        "def": 96,
        "\u0120x": 97,
    }
    (tmp_path / "encoder.json").write_text(json.dumps(vocab))
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\nd e\nde f\n\u0120 x\n")
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.encode("def x") == [96, 97]
    assert tokenizer.token_text(97) == " x"
    assert tokenizer.separator == 98


def test_a_folder_without_a_tokeniser_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no tokeniser in {tmp_path}"):
        Tokenizer.load(tmp_path)
