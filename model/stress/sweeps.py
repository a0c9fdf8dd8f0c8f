"""The axes along which a task can be stretched, and how a pair is made at each value of one.

The paper predicts that bracket_counting fails on long lists (its average is diluted) and on an unmatched `[` in a
comment (it is counted), and that copying fails with distance between definition and use.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.corpus.dyck.words import balanced
from model.corpus.names import CURRENT
from model.tasks import Task
from model.tasks.copies import ATTRIBUTES
from model.tasks.dyck import swapped
from model.tasks.pair import PromptPair
from model.tasks.setting import Setting, text

Make = Callable[[random.Random, int], PromptPair]


@dataclass(frozen=True)
class Sweep:
    """`words` says what the values count; `why` what is expected, and from where."""

    name: str
    words: str
    why: str
    values: tuple[int, ...]
    make: Make


def sweeps_of(task: Task) -> tuple[Sweep, ...]:
    """The sweeps of a task; every task has at least one, lines before its prompts."""
    return (*OWN.get(task.name, ()), _before(task))


def _before(task: Task) -> Sweep:
    if task.language == "dyck":
        words, why = "closed bracket pairs before the prompt", "They are closed, so they decide nothing."
        return Sweep("before", words, why, (0, 1, 2, 4, 8, 16, 32), lambda rng, n: _behind_word(task, rng, n))
    words, why = "lines of code before the prompt", "They decide nothing; a circuit that averages is diluted by them."
    return Sweep("before", words, why, (0, 1, 2, 4, 8, 16, 32), lambda rng, n: _behind_lines(task, rng, n))


def _behind_lines(task: Task, rng: random.Random, n: int) -> PromptPair:
    pair = task.generate(rng)
    return _behind(pair, "".join(f"{line}\n" for line in Setting(rng).lines(n, n)))


def _behind_word(task: Task, rng: random.Random, n: int) -> PromptPair:
    return _behind(task.generate(rng), balanced(rng, n))


def _behind(pair: PromptPair, before: str) -> PromptPair:
    return PromptPair((before + pair.prompts[0], before + pair.prompts[1]), pair.answers)


# -- lists -----------------------------------------------------------------------------------


def _list(rng: random.Random, n_elements: int, *, before: Sequence[str] = (), opened: str = "") -> PromptPair:
    """A flat list and one of rows, of the same elements, not closed yet."""
    s = Setting(rng)
    target = s.thing()
    numbers = [s.pick("0123456789") for _ in range(n_elements)]
    rows = [", ".join(numbers[i : i + 3]) for i in range(0, n_elements, 3)]
    flat = text(*before, f"{target} = {opened}[{', '.join(rows)}")
    nested = text(*before, f"{target} = {opened}[[{'], ['.join(rows)}")
    return PromptPair((flat, nested), ("]", "]]"))


def _unmatched(rng: random.Random, n: int) -> PromptPair:
    return _list(rng, rng.randint(1, 6), before=["# " + " ".join(["["] * n)] if n else ["# "])


def _wrapped(rng: random.Random, n: int) -> PromptPair:
    s = Setting(rng)
    return _list(
        rng, rng.randint(1, 6), opened="".join(f"{s.pick(('get', 'set', 'read', 'start'))}(" for _ in range(n))
    )


def _entries(rng: random.Random, n: int) -> PromptPair:
    s = Setting(rng)
    mark, target = s.mark(), s.take()
    words = [f"{mark}{s.key()}{mark}" for _ in range(2 * n + 1)]
    pairs = ", ".join([*(f"{a}: {b}" for a, b in zip(words[:-1:2], words[1::2], strict=True)), words[-1]])
    return PromptPair((f"{target} = {{{pairs}", f"{target} = [{', '.join(words)}"), (":", ","))


# -- strings ---------------------------------------------------------------------------------


def _string(rng: random.Random, n_words: int, n_strings: int) -> PromptPair:
    """A string of `n_words`, after `n_strings` closed ones between the other marks."""
    s = Setting(rng)
    earlier = [f"print(\2{s.key()}\2)" for _ in range(n_strings)]
    words = " ".join(s.key() for _ in range(n_words))
    template = text(*s.lines(1, 1), *earlier, f"print(\1{words}")
    double, single = template.replace("\1", '"').replace("\2", "'"), template.replace("\1", "'").replace("\2", '"')
    return PromptPair((double, single), ('")', "')"))


# -- definitions and uses --------------------------------------------------------------------


def _grown(rng: random.Random, n_between: int, name: str = "") -> PromptPair:
    """A set or a string that grows `n_between` lines after it began; the other began just before or after it."""
    s = Setting(rng)
    own, other = name or s.take(), s.take()
    first = s.chance(0.5)
    between = s.lines(n_between, n_between)

    def prompt(mine: str, others: str) -> str:
        begun = [f"{own} = {mine}", f"{other} = {others}"]
        return text(*(begun if first else begun[::-1]), *between, own)

    return PromptPair((prompt("set()", '""'), prompt('""', "set()")), (".add", " +="))


def _arguments(rng: random.Random, n: int) -> PromptPair:
    """An `__init__` of `n` arguments whose last attribute is asked for: as far from its argument as it gets."""
    names = rng.sample(ATTRIBUTES, n)
    other = rng.randrange(n - 1)
    swapped_names = names.copy()
    swapped_names[-1], swapped_names[other] = names[other], names[-1]

    def prompt(arguments: Sequence[str]) -> str:
        return text(
            "class Node:",
            f"    def __init__(self, {', '.join(arguments)}):",
            *(f"        self.{argument} = {argument}" for argument in arguments[:-1]),
            f"        self.{arguments[-1]} =",
        )

    return PromptPair((prompt(names), prompt(swapped_names)), (f" {names[-1]}", f" {swapped_names[-1]}"))


def _swap(rng: random.Random, n_earlier: int) -> PromptPair:
    s = Setting(rng)
    left, right = s.take(), s.take()
    others = [(s.take(), s.take()) for _ in range(min(n_earlier, 6))]
    earlier = [f"{a}, {b} = {b}, {a}" for a, b in (others[i % 6] for i in range(n_earlier))]
    first, second = text(*earlier, f"{left}, {right} = {right},"), text(*earlier, f"{right}, {left} = {left},")
    return PromptPair((first, second), (f" {left}", f" {right}"))


_DISTANCE = (0, 1, 2, 4, 6, 8, 12, 16)
_FAR = "The further the use from the definition, the more there is to confuse it with."

OWN: dict[str, tuple[Sweep, ...]] = {
    "bracket_counting": (
        Sweep("length", "elements of the list", "The paper: the circuit averages open brackets over the context, so "
              "long lists dilute them.", (1, 2, 4, 6, 9, 12, 18, 24, 36, 48), _list),
        Sweep("comment", "unmatched [ in a comment before", "The paper: the circuit counts brackets in comments too, "
              "so they fool it.", (0, 1, 2, 3, 4, 6), _unmatched),
        Sweep("depth", "round brackets opened around the list", "They decide nothing: the list's own do.",
              (0, 1, 2, 3, 4, 6), _wrapped),
    ),
    "bracket_brace": (
        Sweep("length", "entries before the last", "The opening bracket is ever further away.",
              (0, 1, 2, 3, 4, 6, 8, 12), _entries),
    ),
    "single_double_quote": (
        Sweep("distance", "words since the string opened", _FAR, (1, 2, 4, 8, 12, 16, 24, 32),
              lambda rng, n: _string(rng, n, 1)),
        Sweep("distractors", "closed strings of the other mark before", "Each is one more mark to copy by mistake.",
              (0, 1, 2, 4, 6, 8, 12), lambda rng, n: _string(rng, 2, n)),
    ),
    "set_or_string": (Sweep("distance", "lines between definition and use", _FAR, _DISTANCE, _grown),),
    "set_or_string_fixedvarname": (
        Sweep("distance", "lines between definition and use", _FAR, _DISTANCE,
              lambda rng, n: _grown(rng, n, CURRENT)),
    ),
    "class_init": (
        Sweep("arguments", "arguments of the __init__", _FAR, (2, 3, 4, 5, 6, 8, 10), _arguments),
    ),
    "var_swap": (
        Sweep("distractors", "earlier swaps of other names", "Each is one more name to copy by mistake.",
              (0, 1, 2, 3, 4, 6, 8), _swap),
    ),
    "dyck_match": (
        Sweep("distance", "closed pairs since the innermost open bracket", "Theory: many solutions fit short words "
              "and part on long ones.", (0, 1, 2, 4, 8, 12, 16, 24, 32), swapped),
    ),
    "dyck_distance": (
        Sweep("distance", "closed pairs since the innermost open bracket", "Trained on six to ten.",
              (0, 2, 4, 6, 8, 10, 14, 20, 28), swapped),
    ),
}  # fmt: skip
