"""What a text is at each of its tokens: the string, comment and brackets it stands in, its line, its last words.

One pass over the signs, as a reader of Python would make it. What is said of a token uses it and what comes before it,
never what follows. A separator begins a new text.
"""

import keyword
import re
from collections.abc import Sequence
from typing import NamedTuple

from model.tokenizer import SEPARATOR

OPENS = {")": "(", "]": "[", "}": "{"}
KEYWORDS = frozenset(keyword.kwlist) - {"True", "False", "None"}

Kind = str
KINDS: tuple[Kind, ...] = (
    "name", "keyword", "number", "quote", "bracket", "newline", "sign", "space", "separator",
)  # fmt: skip

_WORD = re.compile(r"[A-Za-z_]\w*")


class Place(NamedTuple):
    """The text as read up to and with one token."""

    token: str
    kind: Kind
    quote_open: str
    in_comment: bool
    brackets: str
    indent: int
    line_word: str
    first_in_line: bool
    last_keyword: str
    last_name: str
    copied: bool

    @property
    def word(self) -> str:
        return self.token.strip()


class Reader:
    """Reads tokens one after another; `read` says where each leaves the text."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.quote, self.comment, self.escaped = "", False, False
        self.brackets = ""
        self.indent, self.blank, self.line_word = 0, True, ""
        self.ident, self.ident_opens_line = "", False
        self.keyword, self.name = "", ""
        self.seen: set[str] = set()

    def read(self, token: str) -> Place:
        if token == SEPARATOR:
            self._begin()
            return self._place(token, False, False)
        was_blank = self.blank
        at = 0
        while at < len(token):
            at += self._sign(token, at)
        copied = bool(self.ident) and self.ident in self.seen and self.ident not in KEYWORDS
        return self._place(token, was_blank and not self.blank and "\n" not in token, copied)

    def _sign(self, token: str, at: int) -> int:
        """Take in what stands at `at`; how many signs that was."""
        sign = token[at]
        if sign.isalnum() or sign == "_":
            self._letter(sign)
            return 1
        self._end_word()
        if sign == "\n":
            self._newline()
            return 1
        if self.blank:
            if sign == " ":
                self.indent += 1
                return 1
            self.blank = False
            self.line_word = sign
        if self.quote:
            return self._in_string(token, at)
        if self.comment:
            return 1
        if sign in "\"'":
            self.quote = sign * 3 if token.startswith(sign * 3, at) else sign
            return len(self.quote)
        if sign == "#":
            self.comment = True
        elif sign in "([{":
            self.brackets += sign
        elif sign in OPENS and self.brackets:
            self.brackets = self.brackets[:-1]
        return 1

    def _letter(self, sign: str) -> None:
        if self.escaped:
            self.escaped = False
        if self.blank:
            self.blank, self.ident_opens_line = False, True
        self.ident += sign
        if self.ident_opens_line:
            self.line_word = self.ident

    def _in_string(self, token: str, at: int) -> int:
        if self.escaped:
            self.escaped = False
        elif token[at] == "\\":
            self.escaped = True
        elif token.startswith(self.quote, at):
            closed, self.quote = self.quote, ""
            return len(closed)
        return 1

    def _newline(self) -> None:
        self.comment, self.escaped = False, False
        if len(self.quote) == 1:
            self.quote = ""  # a string of one line ends with it, closed or not
        self.indent, self.blank, self.line_word = 0, True, ""

    def _end_word(self) -> None:
        if self.ident:
            self.keyword, self.name = self._last()
            if _WORD.fullmatch(self.ident):
                self.seen.add(self.ident)
        self.ident, self.ident_opens_line = "", False

    def _last(self) -> tuple[str, str]:
        """The last keyword and the last other name outside strings and comments, the word being read among them."""
        if not self.ident or self.quote or self.comment or not _WORD.fullmatch(self.ident):
            return self.keyword, self.name
        return (self.ident, self.name) if self.ident in KEYWORDS else (self.keyword, self.ident)

    def _place(self, token: str, first_in_line: bool, copied: bool) -> Place:
        last_keyword, last_name = self._last()
        return Place(
            token, kind_of(token), self.quote, self.comment, self.brackets, self.indent, self.line_word, first_in_line,
            last_keyword, last_name, copied,
        )  # fmt: skip


def places(tokens: Sequence[str]) -> list[Place]:
    """One place a token."""
    reader = Reader()
    return [reader.read(token) for token in tokens]


def kind_of(token: str) -> Kind:
    """What sort of token this is, by its text alone; a bracket that clings to a quote, `("`, counts as a quote."""
    word = token.strip()
    if token == SEPARATOR:
        return "separator"
    if not word:
        return "newline" if "\n" in token else "space"
    if '"' in word or "'" in word:
        return "quote"
    if word in KEYWORDS:
        return "keyword"
    if _WORD.fullmatch(word.lstrip(".")):
        return "name"
    if word[0].isdigit():
        return "number"
    return "bracket" if all(sign in "()[]{}:," for sign in word) and set(word) & set("()[]{}") else "sign"
