"""Tasks about loops: their heads, and how deep the line after them stands."""

from random import Random

from model.corpus.loops import for_head
from model.tasks.accumulators import short_condition
from model.tasks.pair import PromptPair
from model.tasks.setting import ACTIONS, Setting, text


def for_while(rng: Random) -> PromptPair:
    """After the name in a `for` line ` in` follows, after the name in a `while` line `:` may.

    An earlier loop is of the other kind and has an ` in` in either case.
    """
    s = Setting(rng)
    earlier, name, source = s.take(), s.take(), s.plural()
    before, body, between = s.lines(1), s.lines(2, 1), s.lines(1)

    def prompt(last: str, first: str) -> str:
        loop = [f"{first} {earlier} in {source}:", *(f"    {line}" for line in body)]
        return text(*before, *loop, *between, f"{last} {name}")

    return PromptPair((prompt("for", "while"), prompt("while", "for")), (" in", ":"))


def enumerate_range(rng: Random) -> PromptPair:
    """Two loop variables call for ` enumerate`, one for ` range`.

    An earlier loop over some collection has one variable where the last has two, and two where it has one.
    """
    s = Setting(rng)
    first, second = s.take(), s.take()
    if s.chance(0.4):
        first = s.pick("ijkn")
    earlier, source = s.take(), s.plural()
    before, body, between = s.lines(1), s.lines(2, 1), s.lines(1)

    def prompt(one: str, two: str) -> str:
        loop = [f"for {one} in {source}:", *(f"    {line}" for line in body)]
        return text(*before, *loop, *between, f"for {two} in")

    two_last = prompt(earlier, f"{first}, {second}")
    one_last = prompt(f"{earlier}, {second}", first)
    return PromptPair((two_last, one_last), (" enumerate", " range"))


def indent_for(rng: Random) -> PromptPair:
    """The line after a `for` line stands deeper; the line after a simple statement at the same depth.

    Both prompts hold the same lines in another order: the loop comes last or the statement does.
    """
    s = Setting(rng)
    head = block_head(s)
    branch, loop = f"    if {short_condition(s)}:", f"    {for_head(s)}"
    inner = [f"        {line}" for line in s.lines(2, 2)]
    plain = f"    {s.line()}"
    return PromptPair(
        (
            text(head, branch, *inner, plain, loop),
            text(head, branch, inner[0], loop, inner[1], plain),
        ),
        ("\n        ", "\n    "),
    )


def block_head(s: Setting) -> str:
    kind = s.rng.random()
    if kind < 0.6:
        return f"def {s.function()}({', '.join(s.rng.sample(s.names, s.rng.randint(0, 3)))}):"
    if kind < 0.8:
        return f"while {short_condition(s)}:"
    return f"if {short_condition(s)}:"


def while_return_true(rng: Random) -> PromptPair:
    """After `while True:` the next line stands deeper; after `return True` the function is over.

    Both prompts hold the same lines in another order: one function ends in `return True`, one has the loop.
    """
    s = Setting(rng)
    names = rng.sample(ACTIONS, 2)
    heads = [f"def {name}({', '.join(rng.sample(s.names, rng.randint(0, 2)))}):" for name in names]
    branch = f"    if {short_condition(s)}:"
    inner = [f"        {line}" for line in s.lines(2, 2)]
    before = [f"    {line}" for line in s.lines(1)]
    end, loop = "    return True", "    while True:"
    return PromptPair(
        (
            text(heads[0], branch, *inner, end, "", "", heads[1], *before, loop),
            text(heads[0], branch, inner[0], "", "", heads[1], *before, loop, inner[1], end),
        ),
        ("\n        ", "\n"),
    )
