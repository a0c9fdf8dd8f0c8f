"""A rule as a tree that has been checked: what it is made of, how it is written, what it says of a text.

Values have one of three types, so no node can be asked what it cannot answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from model.rules.words import WORDS, Text, Type, Value

TRUTH_OPS = ("or", "and", "not")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


@runtime_checkable
class Node(Protocol):
    """A part of a rule; `strength` says how tightly it binds when it is written."""

    @property
    def type(self) -> Type: ...

    @property
    def strength(self) -> int: ...

    def value(self, text: Text) -> Value: ...

    def written(self) -> str: ...


def inside(node: Node, strength: int) -> str:
    """A part as it is written within one that binds so tightly."""
    return node.written() if node.strength >= strength else f"({node.written()})"


@dataclass(frozen=True)
class Literal:
    """`'"'`, `3`, `true`."""

    given: Value
    strength: int = 6

    @property
    def type(self) -> Type:
        if isinstance(self.given, bool):
            return "truth"
        return "number" if isinstance(self.given, int) else "text"

    def value(self, text: Text) -> Value:
        return self.given

    def written(self) -> str:
        if isinstance(self.given, bool):
            return str(self.given).lower()
        return quoted(self.given) if isinstance(self.given, str) else str(self.given)


@dataclass(frozen=True)
class Name:
    """`depth`; of a name with places, the last one."""

    name: str
    strength: int = 6

    @property
    def type(self) -> Type:
        found = WORDS[self.name].type
        return "text" if found == "texts" else found

    def value(self, text: Text) -> Value:
        return WORDS[self.name].of(text)

    def written(self) -> str:
        return self.name


@dataclass(frozen=True)
class At:
    """`token[-2]`, `word[0]`: empty where there is no such token."""

    name: str
    place: int
    type: Type = "text"
    strength: int = 6

    def value(self, text: Text) -> Value:
        found = text.token(self.place)
        return found if self.name == "token" else found.strip()

    def written(self) -> str:
        return f"{self.name}[{self.place}]"


@dataclass(frozen=True)
class Call:
    """`count("[")`, `length(line)`."""

    function: str
    argument: Node
    type: Type = "number"
    strength: int = 6

    def value(self, text: Text) -> Value:
        given = cast(str, self.argument.value(text))
        if self.function == "length":
            return len(given)
        return text.joined().count(given) if given else 0

    def written(self) -> str:
        return f"{self.function}({self.argument.written()})"


@dataclass(frozen=True)
class Sum:
    """`a + b`, `a - b`, of numbers."""

    sign: str
    left: Node
    right: Node
    type: Type = "number"
    strength: int = 5

    def value(self, text: Text) -> Value:
        a, b = cast(int, self.left.value(text)), cast(int, self.right.value(text))
        return a + b if self.sign == "+" else a - b

    def written(self) -> str:
        return f"{inside(self.left, 5)} {self.sign} {inside(self.right, 6)}"


@dataclass(frozen=True)
class Compared:
    """`a == b`, `a < b`: both sides of one type."""

    sign: str
    left: Node
    right: Node
    type: Type = "truth"
    strength: int = 4

    def value(self, text: Text) -> Value:
        a, b = self.left.value(text), self.right.value(text)
        if self.sign in ("==", "!="):
            return (a == b) == (self.sign == "==")
        x, y = cast(int, a), cast(int, b)
        return {"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[self.sign]

    def written(self) -> str:
        return f"{inside(self.left, 5)} {self.sign} {inside(self.right, 5)}"


@dataclass(frozen=True)
class Within:
    """`a in b`: of a text, whether it stands in it; of a list, whether it is one of it."""

    left: Node
    right: Node | tuple[Node, ...]
    negated: bool = False
    type: Type = "truth"
    strength: int = 4

    def value(self, text: Text) -> Value:
        a = self.left.value(text)
        if isinstance(self.right, tuple):
            found = any(a == item.value(text) for item in self.right)
        else:
            found = cast(str, a) in cast(str, self.right.value(text))
        return found != self.negated

    def written(self) -> str:
        word = "not in" if self.negated else "in"
        if isinstance(self.right, tuple):
            return f"{inside(self.left, 5)} {word} [{', '.join(item.written() for item in self.right)}]"
        return f"{inside(self.left, 5)} {word} {inside(self.right, 5)}"


@dataclass(frozen=True)
class Not:
    part: Node
    type: Type = "truth"
    strength: int = 3

    def value(self, text: Text) -> Value:
        return not self.part.value(text)

    def written(self) -> str:
        return f"not {inside(self.part, 3)}"


@dataclass(frozen=True)
class Joined:
    """`a and b and c`, `a or b`."""

    sign: str
    parts: tuple[Node, ...]
    type: Type = "truth"

    @property
    def strength(self) -> int:
        return 2 if self.sign == "and" else 1

    def value(self, text: Text) -> Value:
        values = (bool(part.value(text)) for part in self.parts)
        return all(values) if self.sign == "and" else any(values)

    def written(self) -> str:
        return f" {self.sign} ".join(inside(part, self.strength + 1) for part in self.parts)


@dataclass(frozen=True)
class Rule:
    """A condition: true or false of any text of at least one token. `str` writes it so that it parses to itself."""

    root: Node

    def holds(self, text: Text) -> bool:
        return bool(self.root.value(text))

    def __str__(self) -> str:
        return self.root.written()


def holds_at_each(rule: Rule, text: Text) -> Sequence[bool]:
    """What the rule says after each token of a text."""
    return [rule.holds(Text(text.places[: i + 1], text.answers)) for i in range(len(text.places))]


def quoted(text: str) -> str:
    """A text as it is written in a rule: between the marks that it does not hold, if there are such."""
    mark = "'" if '"' in text and "'" not in text else '"'
    for sign, written in (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), (mark, f"\\{mark}")):
        text = text.replace(sign, written)
    return f"{mark}{text}{mark}"
