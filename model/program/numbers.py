"""Numbers and names as Python text: as short as they can be without changing a float32, or to some digits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from model.program.steps import Numbers

WIDTH = 112


@dataclass(frozen=True)
class Digits:
    """How many significant digits numbers have; None keeps all that a float32 has."""

    significant: int | None = None

    def __call__(self, x: float) -> str:
        if x == 0:
            return "0.0"
        text = str(np.float32(x)) if self.significant is None else f"{x:.{self.significant}g}"
        value = float(text)
        return repr(value) if abs(value) < 1e16 else text

    def times(self, weight: float, factor: str) -> tuple[str, str]:
        """Sign and text of a term: `("-", "0.3 * a")`; a factor of one is left out."""
        size = self(abs(weight))
        return "-" if weight < 0 else "+", factor if size == "1.0" else f"{size} * {factor}"


def summed(terms: Iterable[tuple[str, str]]) -> str:
    """Terms with their signs as one expression; of none, zero."""
    text = " ".join(f"{sign} {term}" for sign, term in terms)
    if not text:
        return "0.0"
    return text.removeprefix("+ ") if text.startswith("+ ") else f"-{text[2:]}"


def constant(digits: Digits, x: float) -> list[tuple[str, str]]:
    """A constant as the last term of a sum; none where it is zero."""
    return [("-" if x < 0 else "+", digits(abs(x)))] if digits(abs(x)) != "0.0" and x else []


def comment(text: str, most: int = 90) -> str:
    """Text of a person's on one line, in characters that show: nothing of it can leave a comment."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def quoted(text: str) -> str:
    """A string as Python writes it, in ASCII wherever it does not show."""
    return repr(text)


def wrapped(items: Sequence[str], opening: str, closing: str, indent: str = "") -> list[str]:
    """A literal over several lines where one is too long: opening, items, closing."""
    one = f"{indent}{opening}{', '.join(items)}{closing}"
    if len(one) <= WIDTH:
        return [one]
    lines, line = [f"{indent}{opening}"], f"{indent}   "
    for item in items:
        if len(line) + len(item) + 2 > WIDTH and line.strip():
            lines.append(line)
            line = f"{indent}   "
        line += f" {item},"
    return [*lines, line, f"{indent}{closing}"]


def array_lines(name: str, values: Numbers, digits: Digits) -> list[str]:
    """`name = np.array([...])`, a row of a matrix after another; mostly zeros are written by place."""
    if values.ndim == 2:
        lines = [f"{name} = np.array(["]
        for row in values:
            lines += [f"{line}" for line in wrapped([digits(float(x)) for x in row], "[", "],", "    ")]
        return [*lines, "])"]
    return wrapped([digits(float(x)) for x in values], f"{name} = np.array([", "])")


def sparse_items(values: Numbers, digits: Digits) -> list[str]:
    """`index: value` of what is not zero."""
    return [f"{int(i)}: {digits(float(values[i]))}" for i in np.flatnonzero(values)]
