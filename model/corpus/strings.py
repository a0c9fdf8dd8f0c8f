"""Strings, plain and formatted: what is said never tells which quote it is said in."""

from model.corpus.names import LEAD_INS, PHRASES, STRING_METHODS, WORDS
from model.corpus.scope import Scope

ENDINGS = ("", "", "", "", "", "", "!", ".", ":", "...", "?")


def quote(s: Scope, text: str, prefix: str = "") -> str:
    mark = '"' if s.chance(0.5) else "'"
    return f"{prefix}{mark}{text}{mark}"


PLAIN_WORDS = tuple(word for word in WORDS if word not in LEAD_INS)


def phrase(s: Scope) -> str:
    """One to nine words, mostly few; about as often a phrase that people do write."""
    if s.chance(0.45):
        text = s.pick(PHRASES)
        return text[0].upper() + text[1:] if s.chance(0.4) else text
    n = 1 + int(s.rng.random() ** 2 * 9)
    text = " ".join([s.pick(WORDS) for _ in range(n)])
    if s.chance(0.3):
        text = text[0].upper() + text[1:]
    return text + s.pick(ENDINGS) if s.chance(0.5) else text


def word(s: Scope) -> str:
    """One word or letter: a key, a member, a mode."""
    kind = s.rng.random()
    if kind < 0.6:
        return s.pick(WORDS)
    if kind < 0.85:
        return s.thing()
    return s.pick("abcdefghijklmnopqrstuvwxyz")


def string(s: Scope) -> str:
    """Any plain string, quoted."""
    if s.chance(0.35):
        return quote(s, word(s))
    if s.chance(0.25):
        return told(s, formatted=False)
    return quote(s, phrase(s))


def told(s: Scope, *, formatted: bool | None = None) -> str:
    """An f-string or its plain twin: the same words lead to a slot, `{x}` in the one and `x` in the other."""
    if formatted is None:
        formatted = s.chance(0.6)
    parts = []
    for _ in range(1 if s.chance(0.65) else 2):
        words = [s.pick(PLAIN_WORDS) for _ in range(int(s.rng.random() * 4))]
        kind = s.rng.random()
        if kind < 0.5:
            parts.append(" ".join([*words, s.pick(LEAD_INS), slot(s, formatted)]))
        elif kind < 0.75:
            parts.append(" ".join([*words, f"{s.name()}: {slot(s, formatted)}"]))
        elif kind < 0.9:
            parts.append(" ".join([*words, f"{s.name()}={slot(s, formatted)}"]))
        else:
            parts.append(slot(s, formatted))
    text = (" " if s.chance(0.7) else ", ").join(parts)
    if s.chance(0.2):
        text += s.pick(ENDINGS)
    return quote(s, text, "f" if formatted else "")


def slot(s: Scope, formatted: bool) -> str:
    if not formatted:
        return s.thing() if s.chance(0.45) else s.pick(("the", "the", "the", s.pick(WORDS)))
    kind = s.rng.random()
    if kind < 0.75:
        return "{" + s.thing() + "}"
    if kind < 0.85:
        return "{" + f"{s.name()}.{s.name()}" + "}"
    if kind < 0.92:
        return "{" + f"len({s.plural()})" + "}"
    if kind < 0.96:
        return "{" + f"{s.name()}:.2f" + "}"
    return "{" + f"{s.name()}.{s.pick(STRING_METHODS)}()" + "}"


def comment(s: Scope) -> str:
    return f"# {phrase(s)}"


def docstring(s: Scope) -> list[str]:
    text = phrase(s)
    if s.chance(0.8):
        return [f'"""{text[0].upper()}{text[1:]}"""']
    return ['"""', phrase(s), '"""']
