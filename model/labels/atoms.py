"""Conditions of one word over a sample of text: which there are, and at which tokens each holds, all at once."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.reading import KINDS, Place, places
from model.rules.rule import At, Compared, Literal, Name, Node

Column = NDArray[np.bool_]

FEWEST = 12
N_TOKENS, N_WORDS, N_BEFORE, N_LINE_WORDS = 220, 120, 120, 30


@dataclass(frozen=True)
class Atoms:
    """`holds[i]` says at which tokens of the sample `conditions[i]` holds; no two hold at the same tokens."""

    conditions: tuple[Node, ...]
    holds: Column  # [atom, token]


def atoms_of(windows: Sequence[Sequence[str]]) -> Atoms:
    """The conditions that hold at 12 tokens or more of these windows of tokens, and not at all of them."""
    columns = _Columns(windows)
    seen: dict[bytes, int] = {}
    found: list[Node] = []
    rows: list[Column] = []
    for node, column in columns.all():
        n = int(column.sum())
        key = np.packbits(column).tobytes()
        if FEWEST <= n < len(column) and key not in seen:
            seen[key] = len(found)
            found.append(node)
            rows.append(column)
    return Atoms(tuple(found), np.stack(rows) if rows else np.zeros((0, columns.n), dtype=np.bool_))


class _Columns:
    """The sample as arrays over its tokens."""

    def __init__(self, windows: Sequence[Sequence[str]]) -> None:
        self.places = [place for window in windows for place in places(window)]
        self.n = len(self.places)
        self.word_before = [
            before for window in windows for before in ["", *(token.strip() for token in window[:-1])][: len(window)]
        ]
        self.position = np.concatenate([np.arange(len(window)) for window in windows]) if windows else np.zeros(0)

    def all(self) -> Iterator[tuple[Node, Column]]:
        """Plainer conditions come first, so that they stand for rarer ones that hold at the same tokens."""
        yield Name("in_string"), self._array(lambda place: bool(place.quote_open))
        yield Name("in_comment"), self._array(lambda place: place.in_comment)
        yield Name("first_in_line"), self._array(lambda place: place.first_in_line)
        yield Name("copied"), self._array(lambda place: place.copied)
        yield from self._equal(Name("kind"), [p.kind for p in self.places], KINDS)
        yield from self._equal(Name("quote_open"), [p.quote_open for p in self.places], ('"', "'"))
        yield from self._equal(Name("bracket_open"), [p.brackets[-1:] for p in self.places], "([{")
        yield from self._at_least(Name("depth"), np.array([len(p.brackets) for p in self.places]), (1, 2, 3))
        yield from self._at_least(Name("indent"), np.array([p.indent for p in self.places]), (4, 8, 12))
        for most in (1, 4, 16):
            yield Compared("<", Name("position"), Literal(most)), self.position < most
        yield from self._frequent(Name("word"), [p.word for p in self.places], N_WORDS)
        yield from self._frequent(Name("token"), [p.token for p in self.places], N_TOKENS)
        yield from self._frequent(Name("last_keyword"), [p.last_keyword for p in self.places], N_LINE_WORDS)
        yield from self._frequent(Name("line_word"), [p.line_word for p in self.places], N_LINE_WORDS)
        yield from self._frequent(At("word", -2), self.word_before, N_BEFORE)

    def _array(self, of: Callable[[Place], bool]) -> Column:
        return np.fromiter((of(place) for place in self.places), dtype=np.bool_, count=self.n)

    def _frequent(self, name: Node, values: Sequence[str], most: int) -> Iterator[tuple[Node, Column]]:
        common = [value for value, n in Counter(values).most_common(most) if value and n >= FEWEST]
        yield from self._equal(name, values, common)

    def _equal(self, name: Node, values: Sequence[str], wanted: Sequence[str]) -> Iterator[tuple[Node, Column]]:
        array = np.array(values)
        for value in wanted:
            yield Compared("==", name, Literal(value)), np.asarray(array == value)

    def _at_least(self, name: Node, values: NDArray[np.int64], bounds: Sequence[int]) -> Iterator[tuple[Node, Column]]:
        for bound in bounds:
            yield Compared(">=", name, Literal(bound)), np.asarray(values >= bound)
