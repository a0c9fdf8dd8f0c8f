"""Tasks about lists and dictionaries that are not closed yet."""

from random import Random

from model.corpus.expressions import number
from model.tasks.pair import PromptPair
from model.tasks.setting import Setting, text


def bracket_brace(rng: Random) -> PromptPair:
    """After a string in a dictionary's braces `:` follows, in a list's brackets `,`.

    Either the two kinds are one inside the other, or the one of the other kind is closed before.
    """
    s = Setting(rng)
    mark = s.mark()
    keys = [f"{mark}{s.key()}{mark}" for _ in range(5)]
    values = [s.name() if s.chance(0.5) else number(s) for _ in range(8)]
    target, earlier = s.take(), s.take()
    n = s.rng.randint(1, 3)
    dict_inside = ", ".join([*(f"{keys[i]}: {values[i]}" for i in range(n)), keys[n]])
    list_inside = ", ".join([*(f"{keys[i]}, {values[i]}" for i in range(n)), keys[n]])
    before, between = s.lines(2), s.lines(1)
    if s.chance(0.6):
        outside = [earlier, *values[4 : 2 + 2 * n]]
        entries = ", ".join(": ".join(outside[i : i + 2]) for i in range(0, len(outside), 2))
        dict_last = text(*before, f"{target} = [{', '.join(outside)}, {{{dict_inside}")
        list_last = text(*before, f"{target} = {{{entries}: [{list_inside}")
    else:
        head = text(*before, f"{earlier} = ")
        middle = "\n" + text(*between, f"{target} = ")
        dict_last = f"{head}[{keys[4]}, {values[4]}]{middle}{{{dict_inside}"
        list_last = f"{head}{{{keys[4]}: {values[4]}}}{middle}[{list_inside}"
    return PromptPair((dict_last, list_last), (":", ","))


def bracket_counting(rng: Random) -> PromptPair:
    """One bracket that is still open is closed by `]`, two are closed by `]]`.

    The earlier list is as deep as the last one is not, and both prompts hold as many elements.
    """
    s = Setting(rng)
    words = s.chance(0.3)
    mark = s.mark()

    def element() -> str:
        return f"{mark}{s.key()}{mark}" if words else number(s)

    n_last, n_earlier = s.rng.randint(1, 6), s.rng.randint(1, 4)
    last, earlier = [[element() for _ in range(n)] for n in (n_last, n_earlier)]
    target, other = s.thing(), s.thing()
    before, between = s.lines(1), s.lines(1)

    def prompt(deep: bool) -> str:
        inside = ", ".join(earlier)
        return text(
            *before,
            f"{other} = [{inside}]" if deep else f"{other} = [[{inside}]]",
            *between,
            f"{target} = {'[[' if deep else '['}{', '.join(last)}",
        )

    return PromptPair((prompt(False), prompt(True)), ("]", "]]"))
