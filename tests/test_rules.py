"""The rule language: what it means, what it refuses in which words, and that it never breaks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.reading import places
from model.rules.parse import RuleError, parse
from model.rules.rule import holds_at_each
from model.rules.words import FUNCTIONS, WORDS, Text

CODE = ["items", " =", " [", "'a'", ",", " b", "\n", "for", " x", " in", " items", ":", "\n    ", "print", '("', "x"]


def says(rule: str, tokens: list[str] = CODE, answers: tuple[str, str] = ("", "")) -> bool:
    return parse(rule).holds(Text(places(tokens), answers))


@pytest.mark.parametrize(
    "rule",
    [
        "quote_open == '\"'", "in_string and not in_comment", 'token == "x"', 'word[-2] == "(\\""', "depth == 2",
        "depth_round == 1 and depth_square == 1", 'last_keyword == "in"', 'line_word == "print"', "indent == 4",
        'count("items") == 2', 'count("zz") == 0 and count("") == 0', "copied", "position == 15", 'token[0] == "items"',
        'token[99] == "" and word[-99] == ""', "length(line) > length(word) + 3", 'last_name == "print"',
        '"for" in text and "for" not in line', 'line_word in ["if", "print"]', "depth - 1 == 1", "true or false",
        "not (depth == 1 or depth == 3)", "not not true", "kind == 'name'", "bracket_open == '('", "not first_in_line",
        "1 + 2 - 3 == 0",
    ],
)  # fmt: skip
def test_what_holds_after_an_open_call(rule: str) -> None:
    assert says(rule), rule
    assert not says(f"not ({rule})")


def test_answers_are_words_of_the_task() -> None:
    assert says("answer_1 in line and answer_2 == 'yes'", answers=(" x", "yes"))


def test_what_a_text_is_at_each_of_its_tokens() -> None:
    tokens = [
        '"',
        "it",
        "'s",
        '"',
        " #",
        " (",
        "\n",
        "'",
        "open",
        "\n",
        "x",
        " =",
        " '''",
        "\n",
        "'",
        "'''",
        "<|endoftext|>",
    ]
    found = places(tokens)
    assert [p.quote_open for p in found] == [
        '"',
        '"',
        '"',
        "",
        "",
        "",
        "",
        "'",
        "'",
        "",
        "",
        "",
        "'''",
        "'''",
        "'''",
        "",
        "",
    ]
    assert [p.in_comment for p in found] == [False] * 4 + [True, True] + [False] * 11
    assert all(p.brackets == "" for p in found), "brackets in strings and comments are none"
    assert [p.first_in_line for p in found][:1] + [p.first_in_line for p in found][10:12] == [True, True, False]
    code = places(["def", " f", "(", "x", "):", "\n    ", "return", " x", "[", "0", "]", "]"])
    assert [p.last_keyword for p in code][:2] + [code[-1].last_keyword] == ["def", "def", "return"]
    assert [p.copied for p in code] == [False] * 7 + [True] + [False] * 4
    assert [p.brackets for p in code][2:5] == ["(", "(", ""] and code[8].brackets == "[" and code[-1].brackets == ""
    assert [p.indent for p in code][4:7] == [0, 4, 4] and code[6].first_in_line and code[6].line_word == "return"
    joined = places(["fo", "rm", " for", "ty"])
    assert [p.last_keyword for p in joined] == ["", "", "for", ""], (
        "a keyword that turns out to be part of a name is none"
    )


@pytest.mark.parametrize(
    ("rule", "position", "message"),
    [
        ("", 0, "the end stands where a name, a number, a text or a bracket should stand"),
        ("dept > 1", 0, "'dept' is not a name of the language; the nearest is depth"),
        ("depth >", 7, "the end stands where a name"),
        ("depth = 1", 6, "one = is no sign of the language; equal is =="),
        ("depth == 'a'", 0, "== compares a number with a text"),
        ("token < 'a'", 0, "< compares numbers; this is a text"),
        ("depth", 0, "the rule is a number; it must be true or false, as in depth > 1"),
        ("depth and true", 0, "and takes a truth value; this is a number"),
        ("true and depth", 9, "and takes a truth value; this is a number"),
        ("not depth", 0, "not takes a truth value"),
        ("1 < 2 < 3", 6, "'<' would compare a comparison; join two with and"),
        ("(true", 5, "the end stands where ) should close the bracket"),
        ("true true", 5, "'true' stands where the rule should end"),
        ("'abc", 0, "the text that begins with ' is not closed"),
        ("token[x] == 'a'", 6, "'x' stands where a number should, as in token[-1]"),
        ("count == 1", 6, 'count is a function: count("[")'),
        ("count(1) == 1", 6, "count takes a text; this is a number"),
        ("depth in [1, 'a']", 0, "the list holds a text and what is sought in it is a number"),
        ("1 in text", 0, "in asks whether a text stands in a text or a list; this is a number"),
        ("true not 1", 9, "stands where in should follow not"),
        ("depth > 12345678", 8, "'12345678' is not a number of at most six digits"),
        ("a.b", 1, "'.' is no sign of the language"),
        ("(" * 60 + "true", 20, "more than 20 brackets are open"),
        ("x" * 501, 500, "the rule has 501 characters; a rule has at most 500"),
    ],
)
def test_each_fault_is_said_with_its_place(rule: str, position: int, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(rule)
    assert caught.value.position == position
    assert str(caught.value).startswith(f"at character {position + 1}: ") and message in str(caught.value)


PIECES = st.sampled_from(
    [*WORDS, *FUNCTIONS, "and", "or", "not", "in", "true", "==", "!=", "<=", ">", "(", ")", "[", "]", ",", "-", "+",
     "1", "-1", "'a'", '"\\""', "'", "=", "é", "\\", "\n", "0x", "9999999"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map(" ".join)))
@settings(max_examples=250, deadline=None)
def test_any_text_is_a_rule_or_a_sentence(text: str) -> None:
    try:
        rule = parse(text)
    except RuleError as error:
        assert 0 <= error.position <= len(text) and str(error)
    else:
        assert isinstance(rule.holds(Text(places(CODE))), bool)
        assert parse(str(rule)) == rule, "what is written parses to itself"


def numbers() -> st.SearchStrategy[str]:
    plain = st.sampled_from(["depth", "position", "indent", "2", "count('x')", "length(line)"])
    return st.recursive(plain, lambda inner: st.tuples(inner, inner).map(lambda t: f"({t[0]}) - {t[1]}"), max_leaves=4)


def truths() -> st.SearchStrategy[str]:
    plain = st.one_of(
        st.sampled_from(["copied", "in_string", "token[-2] == 'a'", "word in ['x', 'y']", "'x' in text"]),
        st.tuples(numbers(), st.sampled_from(["==", "<", ">="]), numbers()).map(" ".join),
    )
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            inner.map(lambda a: f"not ({a})"),
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        ),
        max_leaves=6,
    )


@given(truths(), st.lists(st.sampled_from([*CODE, "", "é", "\\x80"]), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_every_well_typed_rule_parses_and_answers(text: str, tokens: list[str]) -> None:
    rule = parse(text)
    said = holds_at_each(rule, Text(places(tokens)))
    assert len(said) == len(tokens) and parse(str(rule)) == rule
    assert list(said) == list(holds_at_each(parse(str(rule)), Text(places(tokens))))
