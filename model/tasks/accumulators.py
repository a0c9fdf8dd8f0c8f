"""Tasks about variables that begin empty: what they began as decides how they grow."""

from random import Random

from model.corpus.expressions import condition
from model.corpus.loops import for_head
from model.corpus.names import CURRENT
from model.tasks.pair import PromptPair
from model.tasks.setting import Setting, text


def set_or_string(rng: Random) -> PromptPair:
    """A variable that began as `set()` grows by `.add`, one that began as `""` by ` +=`.

    Two variables begin empty, one of each kind; which of them has which kind is all that differs.
    """
    s = Setting(rng)
    return growing(s, s.take())


def set_or_string_fixedvarname(rng: Random) -> PromptPair:
    """The same as `set_or_string`, and the variable that grows is always called `current`."""
    return growing(Setting(rng), CURRENT)


def growing(s: Setting, name: str) -> PromptPair:
    other = s.take()
    name_first = s.chance(0.5)
    before, between = s.lines(1), s.lines(2)
    head = for_head(s) if s.chance(0.75) else f"while {short_condition(s)}:"
    shape = s.rng.random()
    if shape < 0.2:
        inside = [name]
    elif shape < 0.7:
        inside = [head, f"    {name}"]
    elif shape < 0.85:
        inside = [head, f"    {s.line()}", f"    {name}"]
    else:
        inside = [head, f"    if {short_condition(s)}:", f"        {name}"]

    def prompt(own: str, others: str) -> str:
        begun = [f"{name} = {own}", f"{other} = {others}"]
        return text(*before, *(begun if name_first else begun[::-1]), *between, *inside)

    return PromptPair((prompt("set()", '""'), prompt('""', "set()")), (".add", " +="))


def short_condition(s: Setting, *, bare: bool = False) -> str:
    """Where `bare`, one that ends in no bracket, with which a colon would be one token."""
    while True:
        found = condition(s)
        if len(found) < 20 and not (bare and found.endswith(")")):
            return found
