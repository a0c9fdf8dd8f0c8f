"""Lists and dictionaries written out: flat and nested, on one line and over several."""

from model.corpus.expressions import number
from model.corpus.scope import Lines, Scope, indent
from model.corpus.strings import phrase, quote, word


def element(s: Scope, kind: str) -> str:
    if kind == "number":
        return number(s)
    if kind == "word":
        return quote(s, word(s))
    if kind == "phrase":
        return quote(s, phrase(s))
    return s.name()


def kind_of_element(s: Scope) -> str:
    return s.pick(("number", "number", "number", "word", "word", "word", "name", "phrase"))


def row(s: Scope, kind: str, most: int = 6) -> str:
    n = 1 + int(s.rng.random() * most)
    return "[" + ", ".join([element(s, kind) for _ in range(n)]) + "]"


def flat_list(s: Scope) -> str:
    return row(s, kind_of_element(s), s.pick((3, 5, 5, 8, 12)))


def nested_list(s: Scope, depth: int = 2) -> str:
    """`[[1, 2], [3]]`: as many rows as a flat list has elements, so that length tells nothing of depth."""
    kind = kind_of_element(s)
    n = s.pick((1, 2, 2, 2, 3, 3, 4))
    most = s.pick((1, 2, 3, 4, 6))
    if depth > 2:
        return "[" + ", ".join([nested_list(s) for _ in range(s.pick((1, 2)))]) + "]"
    return "[" + ", ".join([row(s, kind, most) for _ in range(n)]) + "]"


def some_list(s: Scope) -> str:
    kind = s.rng.random()
    if kind < 0.5:
        return flat_list(s)
    return nested_list(s) if kind < 0.95 else nested_list(s, depth=3)


def entry(s: Scope, kind: str) -> str:
    if kind == "list":
        return f"{quote(s, word(s))}: {row(s, kind_of_element(s), 4)}"
    return f"{quote(s, word(s))}: {element(s, kind)}"


def kind_of_entry(s: Scope) -> str:
    return s.pick(("number", "number", "number", "name", "word", "phrase", "list"))


def flat_dict(s: Scope) -> str:
    kind = kind_of_entry(s)
    n = 1 + int(s.rng.random() * 5)
    return "{" + ", ".join([entry(s, kind) for _ in range(n)]) + "}"


def lines_of_dict(s: Scope, opening: str) -> Lines:
    kind = kind_of_entry(s)
    n = 2 + int(s.rng.random() * 5)
    return [opening + "{", *indent([entry(s, kind) + "," for _ in range(n)]), "}"]


def lines_of_list(s: Scope, opening: str) -> Lines:
    nested = s.chance(0.4)
    kind = s.pick(("word", "word", "phrase", "number", "name"))
    n = 2 + int(s.rng.random() * 5)
    rows = [(row(s, kind, 4) if nested else element(s, kind)) + "," for _ in range(n)]
    return [opening + "[", *indent(rows), "]"]


def literal(s: Scope) -> Lines:
    """A list or dictionary in the place where a program has one: assigned, passed or appended."""
    opening, closing = f"{s.thing()} = ", ""
    where = s.rng.random()
    if where < 0.1:
        opening, closing = f"{s.function()}(", ")"
    elif where < 0.2:
        opening, closing = f"{s.plural()}.append(", ")"
    shape = s.rng.random()
    if shape < 0.45:
        return [opening + some_list(s) + closing]
    if shape < 0.75:
        return [opening + flat_dict(s) + closing]
    if closing:
        return [f"{opening}{flat_list(s)}{closing}"]
    return lines_of_list(s, opening) if shape < 0.87 else lines_of_dict(s, opening)
