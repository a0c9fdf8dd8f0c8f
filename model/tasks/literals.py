"""Tasks about lists and dictionaries that are not closed yet."""

from random import Random

from model.corpus.scope import Lines
from model.tasks.pair import PromptPair
from model.tasks.setting import Setting, text

DIGITS = "0123456789"


def bracket_brace(rng: Random) -> PromptPair:
    """After a string in a dictionary's braces `:` follows, in a list's brackets `,`.

    Either the two kinds are one inside the other, or the one of the other kind is closed before.
    """
    s = Setting(rng)
    mark = s.mark()
    words = iter([f"{mark}{s.key()}{mark}" for _ in range(12)])
    target, earlier = s.take(), s.take()
    before, between = s.lines(2), s.lines(1)
    nested = s.chance(0.5)
    n = s.rng.randint(1, 2 if nested else 3)
    if nested:
        outside = [next(words) for _ in range(2 * n - 1)]
        lines = before, before
        openings = f"[{', '.join(outside)}, ", f"{{{entries(outside)}: "
    else:
        closed = [next(words), next(words)]
        closed_list, closed_dict = f"{earlier} = [{', '.join(closed)}]", f"{earlier} = {{{entries(closed)}}}"
        lines = [*before, closed_list, *between], [*before, closed_dict, *between]
        openings = "", ""
    inside = [next(words) for _ in range(2 * n + 1)]
    dict_last = text(*lines[0], f"{target} = {openings[0]}{{{entries(inside)}")
    list_last = text(*lines[1], f"{target} = {openings[1]}[{', '.join(inside)}")
    return PromptPair((dict_last, list_last), (":", ","))


def entries(words: Lines) -> str:
    """`a: b, c: d`; of an odd number of words the last is a key still without a value."""
    return ", ".join(": ".join(words[i : i + 2]) for i in range(0, len(words), 2))


def bracket_counting(rng: Random) -> PromptPair:
    """One bracket that is still open is closed by `]`, two are closed by `]]`.

    The earlier list is flat where the last one has rows, and has rows where the last one is flat; both prompts hold
    the same elements.
    """
    s = Setting(rng)
    words = s.chance(0.3)
    mark, n_rows = s.mark(), s.pick((1, 2, 2, 3))

    def row() -> str:
        n = s.pick((1, 2, 2, 3))
        return ", ".join([f"{mark}{s.key()}{mark}" if words else s.pick(DIGITS) for _ in range(n)])

    last, earlier = ([row() for _ in range(n_rows)] for _ in range(2))
    target, other = s.thing(), s.thing()
    before, between = s.lines(1), s.lines(1)
    rows_last = text(*before, f"{other} = [{', '.join(earlier)}]", *between, f"{target} = [[{'], ['.join(last)}")
    flat_last = text(*before, f"{other} = [[{'], ['.join(earlier)}]]", *between, f"{target} = [{', '.join(last)}")
    return PromptPair((flat_last, rows_last), ("]", "]]"))
