"""What one generated program may speak of: its source of chance, its few names, and where the pen is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import TypeVar

from model.corpus.names import CLASSES, PLURALS, VARIABLES, VERBS

T = TypeVar("T")
Lines = list[str]
Body = Callable[[], Lines]


class Scope:
    """A program speaks of few things, so that its names come back: that is what a model learns to copy."""

    def __init__(self, rng: Random):
        self.rng = rng
        self.names = rng.sample(VARIABLES, 12)
        self.plurals = rng.sample(PLURALS, 4)
        self.verbs = rng.sample(VERBS, 5)
        self.classes = rng.sample(CLASSES, 3)
        self.in_function = False
        self.in_loop = False

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.rng.random() * len(choices))]

    def name(self) -> str:
        return self.pick(self.names)

    def two_names(self) -> tuple[str, str]:
        first, second = self.rng.sample(self.names, 2)
        return first, second

    def plural(self) -> str:
        return self.pick(self.plurals)

    def thing(self) -> str:
        """A name that may hold one value or many."""
        return self.name() if self.chance(0.6) else self.plural()

    def fresh(self) -> str:
        """A name that nothing else in the program assigns to from here on."""
        if len(self.names) > 6:
            return self.names.pop(int(self.rng.random() * len(self.names)))
        return f"{self.pick(VARIABLES)}_{self.pick(VARIABLES)}"

    def function(self) -> str:
        """A name to define or call: a verb, a verb and a noun, or just a noun, like a variable's."""
        kind = self.rng.random()
        if kind < 0.35:
            return self.pick(self.verbs)
        if kind < 0.7:
            return f"{self.pick(self.verbs)}_{self.thing()}"
        return self.thing()

    def without(self, name: str) -> None:
        """From here on nothing else assigns to `name`."""
        if name in self.names:
            self.names.remove(name)

    @contextmanager
    def speaking_of(self, names: Lines) -> Iterator[None]:
        """Within this, a function's own arguments are among the names, with a few from outside."""
        before = self.names
        self.names = list(dict.fromkeys([*before[:6], *names]))
        yield
        self.names = before

    @contextmanager
    def inside(self, *, function: bool = False, loop: bool = False) -> Iterator[None]:
        """Within this, `return` (in a function) or `break` (in a loop) may be written."""
        before = self.in_function, self.in_loop
        self.in_function = function or self.in_function
        self.in_loop = loop or (self.in_loop and not function)
        yield
        self.in_function, self.in_loop = before


def indent(lines: Lines) -> Lines:
    return [f"    {line}" if line else line for line in lines]
