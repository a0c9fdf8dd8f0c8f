"""Blocks: runs of statements, some of which hold blocks of their own."""

from model.corpus.accumulators import accumulation
from model.corpus.branches import attempt, branch, way_out
from model.corpus.expressions import comparison
from model.corpus.files import copying, visit
from model.corpus.literals import literal
from model.corpus.loops import for_loop, while_loop
from model.corpus.scope import Lines, Scope
from model.corpus.statements import line
from model.corpus.strings import comment

DEEPEST = 3
KINDS = ("line", "literal", "for", "while", "if", "file", "copy", "accumulate", "try", "assert")
AT_TOP = (0.25, 0.12, 0.08, 0.04, 0.11, 0.13, 0.02, 0.23, 0.015, 0.005)
WITHIN = (0.46, 0.10, 0.07, 0.05, 0.12, 0.08, 0.00, 0.10, 0.01, 0.010)


def block(s: Scope, depth: int = 0, most: int = 4) -> Lines:
    """From one statement to `most`, few more often than many."""
    lines = []
    for _ in range(1 + int(s.rng.random() ** 1.5 * most)):
        lines += statement(s, depth)
    return lines


def statement(s: Scope, depth: int) -> Lines:
    if depth >= DEEPEST:
        return line(s)
    lines = statement_of(s, s.rng.choices(KINDS, WITHIN if depth else AT_TOP)[0], depth)
    return [comment(s), *lines] if s.chance(0.07) else lines


def statement_of(s: Scope, kind: str, depth: int) -> Lines:
    """`kind` is one of KINDS; `depth` counts the blocks around it."""

    def inner() -> Lines:
        return block(s, depth + 1, most=3)

    def leaving() -> Lines:
        """A block of a branch: short, and now and then the last that is done here."""
        out = way_out(s, s.name()) if s.chance(0.4) else None
        if out is None:
            return block(s, depth + 1, most=2)
        return [*line(s), out] if s.chance(0.4) else [out]

    if kind == "line":
        return line(s)
    if kind == "literal":
        return literal(s)
    if kind == "if":
        return branch(s, leaving)
    if kind == "file":
        return visit(s, lambda: line(s))
    if kind == "copy":
        return copying(s)
    if kind == "accumulate":
        return accumulation(s, lambda: line(s))
    if kind == "try":
        return attempt(s, lambda: block(s, depth + 1, most=2))
    if kind == "assert":
        return [f"assert {comparison(s)}"]
    with s.inside(loop=True):
        return for_loop(s, inner) if kind == "for" else while_loop(s, inner)
