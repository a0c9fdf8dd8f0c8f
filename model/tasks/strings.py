"""Tasks about strings: what closes them, and what they may hold."""

from random import Random

from model.corpus.names import LEAD_INS, METHODS
from model.corpus.strings import PLAIN_WORDS, phrase
from model.tasks.pair import PromptPair
from model.tasks.setting import Setting, text

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
    """An `f` before the mark of the last string lets a brace follow; without it one more word does.

    The earlier string is plain where the last one is an f-string, and the other way round.
    """
    s = Setting(rng)
    mark, name, word = s.mark(), s.take(), s.take()
    target, closed_target, spare = s.take(), s.take(), s.take()
    printed = s.chance(0.4)
    lead = " ".join([*[s.pick(PLAIN_WORDS) for _ in range(s.rng.randint(0, 2))], s.pick(LEAD_INS)])
    closed_lead = " ".join([*[s.pick(PLAIN_WORDS) for _ in range(s.rng.randint(0, 2))], s.pick(LEAD_INS)])
    given = f"{word} = {s.name()}"
    between = s.lines(1)

    def prompt(formatted: bool) -> str:
        slot = name if formatted else f"{{{name}}}"
        earlier = f"{'' if formatted else 'f'}{mark}{closed_lead} {slot}{mark}"
        last = f"{'f' if formatted else ''}{mark}{lead}"
        return text(
            given,
            f"{spare} = {{{name}}}" if formatted else f"{spare} = {name}",
            f"print({earlier})" if printed else f"{closed_target} = {earlier}",
            *between,
            f"print({last}" if printed else f"{target} = {last}",
        )

    return PromptPair((prompt(True), prompt(False)), (" {", f" {word}"))
