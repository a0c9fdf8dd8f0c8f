"""Statements of one line, and the few that come in twos and threes."""

from model.corpus.expressions import argument, arguments, atom, atom_number, call, value
from model.corpus.literals import flat_list, some_list
from model.corpus.names import METHODS
from model.corpus.scope import Lines, Scope
from model.corpus.strings import string, told


def assignment(s: Scope) -> Lines:
    target = s.thing()
    if s.chance(0.1):
        target = f"{target}.{s.name()}"
    elif s.chance(0.06):
        target = f"{s.plural()}[{atom(s)}]"
    return [f"{target} = {value(s)}"]


def said(s: Scope) -> Lines:
    """A call that ends in a string: here the closing quote is decided by the opening one alone."""
    kind = s.rng.random()
    if kind < 0.45:
        head = "print("
    elif kind < 0.75:
        head = f"{s.thing()}.{s.pick(METHODS)}("
    elif kind < 0.85:
        head = f"{s.function()}("
    elif kind < 0.95:
        head = f"{s.function()}({argument(s)}, "
    else:
        head = f"{s.name()} = input("
    again = s.pick((1, 1, 2)) if kind < 0.75 and s.chance(0.15) else 0
    return [f"{head}{told(s) if s.chance(0.5) else string(s)})" for _ in range(1 + again)]


def called(s: Scope) -> Lines:
    kind = s.rng.random()
    if kind < 0.3:
        return [f"print({', '.join([argument(s) for _ in range(s.pick((1, 1, 2, 3)))])})"]
    if kind < 0.55:
        return [f"{s.thing()}.{s.pick(METHODS)}({atom(s)})"]
    if kind < 0.65:
        return [f"{s.plural()}.append({s.name() if s.chance(0.6) else some_list(s)})"]
    if kind < 0.7:
        return [f"{s.function()}({flat_list(s)}, {flat_list(s)})"]
    return [f"{s.function()}({arguments(s)})"]


def counted(s: Scope) -> Lines:
    return [f"{s.name()} {s.pick(('+=', '+=', '+=', '-=', '*='))} {atom_number(s)}"]


def swap(s: Scope) -> Lines:
    """`x, y = y, x`, sometimes by way of a third name."""
    left, right = s.two_names()
    if s.chance(0.15):
        return [f"tmp = {left}", f"{left} = {right}", f"{right} = tmp"]
    if s.chance(0.1):
        mine = s.plural()
        i, j = s.rng.sample("ijkxyab", 2)
        return [f"{mine}[{i}], {mine}[{j}] = {mine}[{j}], {mine}[{i}]"]
    if s.chance(0.1):
        third = s.name()
        if third not in (left, right):
            return [f"{left}, {right}, {third} = {third}, {left}, {right}"]
    return [f"{left}, {right} = {right}, {left}"]


def pair(s: Scope) -> Lines:
    """Two names given at once, not swapped."""
    left, right = s.two_names()
    kind = s.rng.random()
    if kind < 0.5:
        return [f"{left}, {right} = {atom_number(s)}, {atom_number(s)}"]
    return [f"{left}, {right} = {call(s)}"]


def lambda_line(s: Scope) -> Lines:
    """A lambda whose arguments have the names that functions have elsewhere."""
    names = s.rng.sample((*s.names, *s.verbs), s.pick((1, 1, 1, 2)))
    head = f"lambda {', '.join(names)}: {lambda_body(s, names)}"
    kind = s.rng.random()
    if kind < 0.45:
        return [f"{s.name()} = {head}"]
    if kind < 0.6:
        return [f"{s.plural()}.sort(key={head})"]
    if kind < 0.75:
        return [f"{s.thing()} = sorted({s.plural()}, key={head})"]
    if kind < 0.9:
        return [f"{s.thing()} = {s.pick(('map', 'filter'))}({head}, {s.plural()})"]
    return [f"{s.function()}({head})"]


def lambda_body(s: Scope, names: list[str]) -> str:
    name = s.pick(names)
    kind = s.rng.random()
    if kind < 0.45:
        return f"{name} {s.pick(('+', '*', '-', '==', '>', '%'))} {atom_number(s)}"
    if kind < 0.65:
        return f"{name}.{s.name()}"
    if kind < 0.85:
        return f"{name}[{s.pick('012')}]"
    return f"{s.function()}({name})"


def comprehension(s: Scope) -> Lines:
    name = s.name()
    made = s.pick((name, f"{name} * 2", f"{name}.{s.name()}", f"str({name})", f"{name}.strip()"))
    where = f" if {name} {s.pick(('==', '!=', '>', 'in'))} {s.thing()}" if s.chance(0.3) else ""
    source = f"range({atom_number(s)})" if s.chance(0.3) else s.plural()
    return [f"{s.thing()} = [{made} for {name} in {source}{where}]"]


KINDS = (assignment, said, called, counted, swap, pair, lambda_line, comprehension)
WEIGHTS = (0.28, 0.27, 0.06, 0.04, 0.17, 0.03, 0.09, 0.04)


def line(s: Scope) -> Lines:
    return s.rng.choices(KINDS, WEIGHTS)[0](s)
