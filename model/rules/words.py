"""The words of the rule language: each name, its type, its meaning, and what it says of a prompt as read so far.

Types are "truth", "number" and "text"; a name of "texts" is taken by a place, `token[-1]` the last.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from model.reading import KINDS, Place

Type = Literal["truth", "number", "text", "texts"]
Value = bool | int | str


class Text:
    """A prompt as read up to one of its tokens: what a rule is asked of. `answers` are the task's, in their order."""

    def __init__(self, places: Sequence[Place], answers: tuple[str, str] = ("", "")) -> None:
        assert places, "a rule is asked of at least one token"
        self.places = places
        self.answers = answers

    @property
    def now(self) -> Place:
        return self.places[-1]

    def token(self, at: int) -> str:
        """The token at a place, from the end where negative; empty where there is none."""
        return self.places[at].token if -len(self.places) <= at < len(self.places) else ""

    def joined(self) -> str:
        return "".join(place.token for place in self.places)


@dataclass(frozen=True)
class Word:
    """A name of the language; `of` says what it is where the text has been read so far."""

    name: str
    type: Type
    meaning: str
    of: Callable[[Text], Value]


def _depth(signs: str) -> Callable[[Text], Value]:
    return lambda text: sum(sign in signs for sign in text.now.brackets)


def _kinds() -> str:
    return ", ".join(KINDS)


_WORDS = (
    Word("token", "texts", "a token with its spaces; token[-1], or token alone, is the last, token[0] the first",
         lambda text: text.now.token),
    Word("word", "texts", "a token without its spaces; word[-2] is the one before the last",
         lambda text: text.now.word),
    Word("kind", "text", f"what sort of token the last is: {_kinds()}", lambda text: text.now.kind),
    Word("quote_open", "text", "the mark of the string that is open, or nothing", lambda text: text.now.quote_open),
    Word("in_string", "truth", "whether a string is open", lambda text: bool(text.now.quote_open)),
    Word("in_comment", "truth", "whether the last token stands in a comment", lambda text: text.now.in_comment),
    Word("bracket_open", "text", "the innermost bracket that is open, or nothing",
         lambda text: text.now.brackets[-1:]),
    Word("depth", "number", "how many brackets of any kind are open", _depth("([{")),
    Word("depth_round", "number", "how many ( are open", _depth("(")),
    Word("depth_square", "number", "how many [ are open", _depth("[")),
    Word("depth_curly", "number", "how many { are open", _depth("{")),
    Word("last_keyword", "text", "the last keyword outside strings and comments", lambda text: text.now.last_keyword),
    Word("last_name", "text", "the last other name outside strings and comments", lambda text: text.now.last_name),
    Word("line_word", "text", "the first word or sign of the line", lambda text: text.now.line_word),
    Word("first_in_line", "truth", "whether the last token is the first of its line",
         lambda text: text.now.first_in_line),
    Word("indent", "number", "how many spaces the line begins with", lambda text: text.now.indent),
    Word("copied", "truth", "whether the last token ends a name that stood earlier in the text",
         lambda text: text.now.copied),
    Word("position", "number", "how many tokens stand before the last", lambda text: len(text.places) - 1),
    Word("text", "text", "all that has been read", lambda text: text.joined()),
    Word("line", "text", "the line being read", lambda text: text.joined().rpartition("\n")[2]),
    Word("answer_1", "text", "the answer that is right in class 1, without its spaces; nothing outside a task",
         lambda text: text.answers[0].strip()),
    Word("answer_2", "text", "the answer that is right in class 2, without its spaces; nothing outside a task",
         lambda text: text.answers[1].strip()),
)  # fmt: skip

WORDS: Mapping[str, Word] = {word.name: word for word in _WORDS}
#: Functions of one text, with what they give.
FUNCTIONS: Mapping[str, tuple[Type, str]] = {
    "count": ("number", "how often a text stands in all that has been read, without overlap"),
    "length": ("number", "how many signs a text has"),
}
