"""Loops: `for` over things, over a range, over an enumeration, and `while`."""

from model.corpus.expressions import atom_number, call, condition
from model.corpus.scope import Body, Lines, Scope, indent
from model.corpus.strings import quote, word


def for_head(s: Scope) -> str:
    """The loop variables come from one list, so that only their number tells `enumerate` from `range`."""
    kind = s.rng.random()
    first, second = s.two_names()
    if s.chance(0.3):
        first = s.pick("ijkn")
    if kind < 0.36:
        return f"for {first} in range({range_arguments(s)}):"
    if kind < 0.56:
        return f"for {first} in {s.plural()}:"
    if first == second:
        second = "value"
    if kind < 0.92:
        start = ", start=1" if s.chance(0.08) else ""
        return f"for {first}, {second} in enumerate({s.plural() if s.chance(0.85) else call(s)}{start}):"
    if kind < 0.96:
        return f"for {first}, {second} in {s.name()}.items():"
    return f"for {first}, {second} in zip({s.plural()}, {s.plural()}):"


def range_arguments(s: Scope) -> str:
    kind = s.rng.random()
    if kind < 0.4:
        return f"len({s.plural()})"
    if kind < 0.8:
        return atom_number(s)
    return f"{s.pick('012')}, {atom_number(s)}"


def for_loop(s: Scope, body: Body) -> Lines:
    return [for_head(s), *indent(body())]


def while_loop(s: Scope, body: Body) -> Lines:
    """`while cond:` with a body that moves on, or `while True:` with a way out."""
    kind = s.rng.random()
    if kind < 0.35:
        return while_true(s, body)
    if kind < 0.65:
        name = s.thing()
        head = f"while {name}:" if s.chance(0.7) else f"while not {name}:"
        return [head, *indent([*body(), *last_of_while(s, name)])]
    if kind < 0.85:
        name = s.name()
        return [
            f"while {name} {s.pick(('<', '>', '!=', '<='))} {atom_number(s)}:",
            *indent([*body(), f"{name} += 1"]),
        ]
    return [f"while {condition(s)}:", *indent(body())]


def last_of_while(s: Scope, name: str) -> Lines:
    kind = s.rng.random()
    if kind < 0.4:
        return [f"{name} = {call(s)}"]
    if kind < 0.6:
        return [f"{name} -= 1"]
    if kind < 0.8:
        return [f"{name} = {name}.{s.pick(('next', 'parent', 'left', 'right'))}"]
    return [f"{s.name()} = {name}.pop()"]


def while_true(s: Scope, body: Body) -> Lines:
    out = "return" if s.in_function and s.chance(0.3) else "break"
    if out == "return" and s.chance(0.6):
        out = f"return {s.name()}"
    leave = [f"if {condition(s)}:", f"    {out}"]
    kind = s.rng.random()
    if kind < 0.3:
        read = [f"{s.name()} = input({quote(s, word(s))})"]
        return ["while True:", *indent([*read, *leave, *body()])]
    if kind < 0.65:
        return ["while True:", *indent([*body(), *leave])]
    return ["while True:", *indent([*leave, *body()])]
