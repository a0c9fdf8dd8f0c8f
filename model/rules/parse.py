"""Rules from text: signs, then a tree, then its types. Whatever is wrong is said in one sentence, with where.

rule    = and ("or" and)*
and     = not ("and" not)*
not     = "not" not | compare
compare = sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum | ["not"] "in" (sum | "[" sum ("," sum)* "]")]
sum     = part (("+" | "-") part)*
part    = number | text | "true" | "false" | name | name "[" number "]" | function "(" sum ")" | "(" rule ")"
"""

import difflib
import re
from typing import NamedTuple

from model.errors import InputError
from model.rules.rule import COMPARISONS, At, Call, Compared, Joined, Literal, Name, Node, Not, Rule, Sum, Within
from model.rules.words import FUNCTIONS, WORDS

LONGEST = 500
DEEPEST = 20
TYPE_WORDS = {"truth": "a truth value", "number": "a number", "text": "a text"}
ESCAPES = {"n": "\n", "t": "\t"}

_SIGN = re.compile(
    r"""(?P<space>\s+)|(?P<number>\d{1,6}(?!\w))|(?P<text>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<sign>==|!=|<=|>=|[<>()\[\],+-])"""
)
_OWN = ("and", "or", "not", "in", "true", "false")


class RuleError(InputError):
    """A rule that cannot be read; `position` counts characters from 0."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(f"at character {position + 1}: {message}")
        self.position = position


class Sign(NamedTuple):
    kind: str
    text: str
    position: int


def parse(text: str) -> Rule:
    """The rule that `text` writes. Raises RuleError with one sentence."""
    if len(text) > LONGEST:
        raise RuleError(LONGEST, f"the rule has {len(text)} characters; a rule has at most {LONGEST}")
    parser = _Parser(list(signs(text)), len(text))
    root = parser.either()
    parser.end()
    if root.type != "truth":
        raise RuleError(0, f"the rule is {TYPE_WORDS[root.type]}; it must be true or false, as in depth > 1")
    return Rule(root)


def signs(text: str) -> list[Sign]:
    found, at = [], 0
    while at < len(text):
        match = _SIGN.match(text, at)
        if match is None:
            raise RuleError(at, _unreadable(text[at], text[at:]))
        if match.lastgroup != "space":
            found.append(Sign(str(match.lastgroup), match[0], at))
        at = match.end()
    return found


def _unreadable(sign: str, rest: str) -> str:
    if sign in "\"'":
        return f"the text that begins with {sign} is not closed"
    if sign == "=":
        return "one = is no sign of the language; equal is =="
    if sign.isdigit():
        written = re.match(r"[\w.]+", rest)
        return f"{written[0][:20] if written else sign!r} is not a number of at most six digits"
    return f"{sign!r} is no sign of the language"


class _Parser:
    """One sign ahead; the methods are the lines of the grammar."""

    def __init__(self, signs: list[Sign], end: int) -> None:
        self.signs, self.at, self.end_position = signs, 0, end
        self.depth = 0

    @property
    def here(self) -> Sign:
        return self.signs[self.at] if self.at < len(self.signs) else Sign("end", "the end", self.end_position)

    def take(self, *texts: str) -> str | None:
        """The sign here if it is one of these words or signs; then the next is here."""
        if self.here.kind in ("word", "sign") and self.here.text in texts:
            self.at += 1
            return self.signs[self.at - 1].text
        return None

    def must(self, text: str, opened: str) -> None:
        if self.take(text) is None:
            self.fail(f"{self._here_words()} stands where {text} should close {opened}")

    def fail(self, message: str, position: int | None = None) -> RuleError:
        raise RuleError(self.here.position if position is None else position, message)

    def _here_words(self) -> str:
        return "the end" if self.here.kind == "end" else repr(self.here.text)

    def end(self) -> None:
        if self.here.kind == "end":
            return
        if self.here.text in COMPARISONS:
            self.fail(f"{self.here.text!r} would compare a comparison; join two with and")
        self.fail(f"{self._here_words()} stands where the rule should end or go on with and, or, or a comparison")

    def either(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"more than {DEEPEST} brackets are open")
        found = self._joined("or", self.both)
        self.depth -= 1
        return found

    def both(self) -> Node:
        return self._joined("and", self.negation)

    def _joined(self, word: str, part) -> Node:  # type: ignore[no-untyped-def]
        position = self.here.position
        parts = [part()]
        while self.take(word):
            self._want("truth", parts[-1], position, word)
            position = self.here.position
            parts.append(part())
        if len(parts) > 1:
            self._want("truth", parts[-1], position, word)
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def negation(self) -> Node:
        position = self.here.position
        n_nots = 0
        while self.take("not"):
            n_nots += 1
        found = self.comparison()
        if n_nots:
            self._want("truth", found, position, "not")
        for _ in range(n_nots):  # two make none
            found = found.part if isinstance(found, Not) else Not(found)
        return found

    def comparison(self) -> Node:
        position = self.here.position
        left = self.sum()
        if sign := self.take(*COMPARISONS):
            right = self.sum()
            if left.type != right.type:
                self.fail(f"{sign} compares {TYPE_WORDS[left.type]} with {TYPE_WORDS[right.type]}", position)
            if sign not in ("==", "!=") and left.type != "number":
                self.fail(f"{sign} compares numbers; this is {TYPE_WORDS[left.type]}", position)
            return Compared(sign, left, right)
        negated = self.here.text == "not" and self.take("not") is not None
        if not self.take("in"):
            if negated:
                self.fail(f"{self._here_words()} stands where in should follow not")
            return left
        if self.take("["):
            return Within(left, self._items(left, position), negated)
        right = self.sum()
        if left.type != "text" or right.type != "text":
            wrong = left if left.type != "text" else right
            self.fail(f"in asks whether a text stands in a text or a list; this is {TYPE_WORDS[wrong.type]}", position)
        return Within(left, right, negated)

    def _items(self, left: Node, position: int) -> tuple[Node, ...]:
        items = [self.sum()]
        while self.take(","):
            items.append(self.sum())
        self.must("]", "the list")
        for item in items:
            if item.type != left.type:
                words = f"the list holds {TYPE_WORDS[item.type]} and what is sought in it is {TYPE_WORDS[left.type]}"
                self.fail(words, position)
        return tuple(items)

    def sum(self) -> Node:
        position = self.here.position
        found = self.part()
        while sign := self.take("+", "-"):
            right = self.part()
            for side in (found, right):
                self._want("number", side, position, sign)
            found = Sum(sign, found, right)
        return found

    def part(self) -> Node:
        sign = self.here
        if sign.kind == "number":
            self.at += 1
            return Literal(int(sign.text))
        if sign.kind == "text":
            self.at += 1
            return Literal(_unquoted(sign.text))
        if self.take("true"):
            return Literal(True)
        if self.take("false"):
            return Literal(False)
        if self.take("("):
            found = self.either()
            self.must(")", "the bracket")
            return found
        if sign.kind == "word" and sign.text not in _OWN:
            self.at += 1
            return self._named(sign)
        words = "a name, a number, a text or a bracket should stand"
        return self.fail(f"{self._here_words()} stands where {words}")  # type: ignore[return-value]

    def _named(self, sign: Sign) -> Node:
        if sign.text in FUNCTIONS:
            if not self.take("("):
                self.fail(f'{sign.text} is a function: {sign.text}("[")')
            position = self.here.position
            argument = self.sum()
            self._want("text", argument, position, sign.text)
            self.must(")", sign.text)
            return Call(sign.text, argument)
        if sign.text not in WORDS:
            near = difflib.get_close_matches(sign.text, [*WORDS, *FUNCTIONS], n=1)
            hint = f"; the nearest is {near[0]}" if near else f"; there is: {', '.join([*WORDS, *FUNCTIONS])}"
            self.fail(f"{sign.text!r} is not a name of the language{hint}", sign.position)
        if WORDS[sign.text].type == "texts" and self.take("["):
            return At(sign.text, self._place(sign.text))
        return Name(sign.text)

    def _place(self, name: str) -> int:
        minus = self.take("-") is not None
        if self.here.kind != "number":
            self.fail(f"{self._here_words()} stands where a number should, as in {name}[-1]")
        place = int(self.here.text)
        self.at += 1
        self.must("]", f"the place of {name}")
        return -place if minus else place

    def _want(self, type: str, node: Node, position: int, word: str) -> None:
        if node.type != type:
            self.fail(f"{word} takes {TYPE_WORDS[type]}; this is {TYPE_WORDS[node.type]}", position)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), text[1:-1])
