"""Tasks about strings: what closes them, and what they may hold."""

from random import Random

from model.corpus.names import METHODS, split
from model.corpus.strings import phrase
from model.tasks.pair import PromptPair
from model.tasks.setting import Setting, text

NOUNS = split(
    "name price size color value path end type list number total result file text key line start order word title page "
    "count item"
)
OPEN, OTHER = "\1", "\2"  # stand for the mark of the string left open, and for the other one


def single_double_quote(rng: Random) -> PromptPair:
    """The mark that opened the last string, double or single, also closes it.

    Earlier strings, all of them closed, use both marks, and swap them from one prompt to the other.
    """
    s = Setting(rng)
    before = s.lines(1, 1)
    for mark in (OPEN, OTHER):
        before += [key_line(s, mark) for _ in range(rng.randint(0, 2))]
        before += [f"{call_head(s)}{mark}{s.key()}{mark}, {s.name()})" for _ in range(rng.randint(0, 3))]
        before += [call_line(s, mark) for _ in range(rng.randint(0, 1))]
    before = rng.sample(before, min(len(before), 6))
    if not any(OTHER in line for line in before):
        before.append(f"{call_head(s)}{OTHER}{short_phrase(s)}{OTHER})")
    template = text(*before, f"{call_head(s)}{OPEN}{short_phrase(s)}")
    double = template.replace(OPEN, '"').replace(OTHER, "'")
    single = template.replace(OPEN, "'").replace(OTHER, '"')
    return PromptPair((double, single), ('")', "')"))


def call_head(s: Setting) -> str:
    kind = s.rng.random()
    if kind < 0.5:
        return "print("
    if kind < 0.85:
        return f"{s.thing()}.{s.pick(METHODS)}("
    return f"{s.function()}("


def short_phrase(s: Setting) -> str:
    while True:
        words = phrase(s)
        if len(words) < 24:
            return words


def call_line(s: Setting, mark: str) -> str:
    """A call with a string as its only argument, or as its last."""
    first = "" if s.chance(0.5) else f"{s.name()}, "
    return f"{call_head(s)}{first}{mark}{s.key()}{mark})"


def key_line(s: Setting, mark: str) -> str:
    """A line with a short string whose tokens of opening and closing are the same: counting them tells nothing."""
    key = f"{mark}{s.key()}{mark}"
    return s.pick(
        (
            f"{s.name()} = [{key}]",
            f"{s.name()} = {s.plural()}[{key}]",
            f"{s.plural()}[{key}] = {s.name()}",
            f"{s.name()} = {{{key}: {s.name()}}}",
        )
    )


def fstring_brace(rng: Random) -> PromptPair:
    """An `f` before the mark of the last string lets a brace follow; without it one more word does, such as ` the`.

    The earlier string is plain where the last one is an f-string, and the other way round.
    """
    s = Setting(rng)
    mark, name = s.mark(), s.take()
    targets = s.take(), s.take(), s.take()
    printed = s.chance(0.4)
    leads = lead(s), lead(s)
    before, between = s.lines(1), s.lines(1)

    def prompt(formatted: bool) -> str:
        slot = name if formatted else f"{{{name}}}"
        earlier = f"{'' if formatted else 'f'}{mark}{leads[0]} {slot}{mark}"
        last = f"{'f' if formatted else ''}{mark}{leads[1]}"
        return text(
            *before,
            f"{targets[0]} = {{{name}}}" if formatted else f"{targets[0]} = {name}",
            f"print({earlier})" if printed else f"{targets[1]} = {earlier}",
            *between,
            f"print({last}" if printed else f"{targets[2]} = {last}",
        )

    return PromptPair((prompt(True), prompt(False)), (" {", " the"))


def lead(s: Setting) -> str:
    """Words after which either a value or a noun may stand."""
    return f"{s.pick(('the', 'the', 'The'))} {s.pick(NOUNS)} of"
