"""Branches: `if`, `elif`, `else`, and `try`."""

from model.corpus.expressions import condition
from model.corpus.names import BASES
from model.corpus.scope import Body, Lines, Scope, indent

ERRORS = ("ValueError", "KeyError", "TypeError", "Exception", "IndexError")


def branch(s: Scope, body: Body) -> Lines:
    """An `if` with no, one or two `elif`, and as often as not an `else`."""
    lines = [f"if {condition(s)}:", *indent(body())]
    for _ in range(s.pick((0, 0, 0, 1, 1, 2))):
        lines += [f"elif {condition(s)}:", *indent(body())]
    if s.chance(0.45):
        lines += ["else:", *indent(body())]
    return lines


def attempt(s: Scope, body: Body) -> Lines:
    error = s.pick(ERRORS)
    head = f"except {error}:" if s.chance(0.5) else f"except {error} as e:"
    lines = ["try:", *indent(body()), head, *indent(body())]
    if s.chance(0.12):
        lines += ["else:", *indent(body())]
    elif s.chance(0.12):
        lines += ["finally:", *indent(body())]
    return lines


def way_out(s: Scope, value: str) -> str | None:
    """What ends a block early where the block stands, if anything may."""
    choices = []
    if s.in_loop:
        choices += ["break", "continue", "continue"]
    if s.in_function:
        choices += [
            f"return {value}",
            f"return {value}",
            "return True",
            "return False",
            "return None",
            "return",
        ]
    if not choices or s.chance(0.05):
        return f"raise {s.pick(BASES[-1:] + ERRORS)}('{value}')" if s.in_function else None
    return s.pick(choices)
