"""Programs: a few snippets put together as a person would in one short file."""

from random import Random

from model.corpus.blocks import block
from model.corpus.classes import class_of
from model.corpus.functions import function
from model.corpus.names import IMPORTS
from model.corpus.scope import Lines, Scope, indent
from model.corpus.strings import comment, docstring, quote

MOST_LINES = 40


def generate_program(rng: Random) -> str:
    """The text of one program that parses, ending in a newline; decided by the state of `rng` alone."""
    s = Scope(rng)
    lines: Lines = []
    if s.chance(0.05):
        lines += [*docstring(s), ""]
    elif s.chance(0.06):
        lines += [comment(s)]
    if s.chance(0.12):
        lines += [*imports(s), ""]
    shape = rng.random()
    if shape < 0.35:
        lines += script(s)
    elif shape < 0.65:
        lines += module(s)
    elif shape < 0.9:
        lines += class_of(s)
    else:
        lines += [*module(s, most=1), "", "", *class_of(s, methods=1)]
    if len(lines) < MOST_LINES // 2 and s.chance(0.08):
        lines += ["", "", f"if __name__ == {quote(s, '__main__')}:", *indent(block(s, 1, most=2))]
    return "\n".join(cut(lines)) + "\n"


def script(s: Scope) -> Lines:
    lines = block(s, most=8)
    if s.chance(0.2):
        lines += ["", *block(s, most=3)]
    return lines


def module(s: Scope, most: int = 3) -> Lines:
    """One function or more, and sometimes lines that use them."""
    lines = function(s)
    while most > 1 and len(lines) < MOST_LINES // 2 and s.chance(0.55):
        lines += ["", "", *function(s)]
    if len(lines) < MOST_LINES // 2 and s.chance(0.3):
        lines += ["", "", *block(s, most=3)]
    return lines


def imports(s: Scope) -> Lines:
    names = s.rng.sample(IMPORTS, s.pick((1, 1, 2)))
    if s.chance(0.2):
        names[0] = f"{names[0]} as {s.pick('abcmnpx')}"
    lines = [f"import {name}" for name in names]
    if s.chance(0.3):
        lines.append(f"from {s.pick(IMPORTS)} import {s.name()}")
    return lines


def cut(lines: Lines) -> Lines:
    """No more than MOST_LINES, cut where something begins at the left margin."""
    if len(lines) <= MOST_LINES:
        return lines
    for end in range(MOST_LINES, 4, -1):
        if lines[end][:1].isalpha() and not lines[end].startswith(("el", "except", "finally")):
            return strip_blank(lines[:end])
    return lines


def strip_blank(lines: Lines) -> Lines:
    while lines and (not lines[-1] or lines[-1].startswith(("#", "@"))):
        lines = lines[:-1]
    return lines
