"""What stands on the right of an assignment, between brackets, or after `if` and `while`."""

from model.corpus.names import STRING_METHODS
from model.corpus.scope import Scope
from model.corpus.strings import quote, string, told, word

COMPARISONS = ("==", "==", "==", "==", "!=", "<", ">", "<=", ">=")
OPERATORS = ("+", "+", "-", "*", "/", "%", "//")


def number(s: Scope) -> str:
    kind = s.rng.random()
    if kind < 0.7:
        return s.pick("0123456789")
    if kind < 0.95:
        return str(s.rng.randint(10, 100))
    return f"{s.rng.randint(0, 9)}.{s.rng.randint(0, 9)}"


def atom(s: Scope) -> str:
    kind = s.rng.random()
    if kind < 0.5:
        return s.name()
    if kind < 0.75:
        return number(s)
    if kind < 0.9:
        return quote(s, word(s))
    return s.pick(("True", "False", "None"))


def call(s: Scope) -> str:
    kind = s.rng.random()
    if kind < 0.25:
        return f"{s.pick(('len', 'sum', 'max', 'min', 'sorted', 'list'))}({s.plural()})"
    if kind < 0.35:
        return f"{s.pick(('int', 'str', 'float'))}({s.name()})"
    if kind < 0.5:
        return f"{s.name()}.{s.pick(STRING_METHODS)}()"
    return f"{s.function()}({arguments(s)})"


def arguments(s: Scope) -> str:
    texts = [argument(s) for _ in range(s.pick((0, 1, 1, 1, 2, 2, 3)))]
    if s.chance(0.1):
        texts.append(f"{s.name()}={s.name()}")
    return ", ".join(texts)


def argument(s: Scope) -> str:
    kind = s.rng.random()
    if kind < 0.5:
        return s.thing()
    if kind < 0.65:
        return number(s)
    return string(s)


def condition(s: Scope) -> str:
    """What decides a branch, a loop or a ternary: the same in all three."""
    kind = s.rng.random()
    if kind < 0.38:
        return s.thing()
    if kind < 0.68:
        return comparison(s)
    if kind < 0.76:
        return f"not {s.thing()}"
    if kind < 0.83:
        return f"{s.name()} {s.pick(('in', 'not in'))} {s.plural()}"
    if kind < 0.88:
        return f"{s.name()} {s.pick(('is', 'is not'))} None"
    if kind < 0.93:
        return call(s)
    return f"{s.name()} {s.pick(('and', 'or'))} {comparison(s)}"


def comparison(s: Scope) -> str:
    kind = s.rng.random()
    left = s.name()
    if kind > 0.9:
        left = f"len({s.plural()})"
    elif kind > 0.82:
        left = f"{left} % {number(s)}"
    elif kind > 0.75:
        left = f"{left}.{s.name()}"
    return f"{left} {s.pick(COMPARISONS)} {atom(s)}"


def ternary(s: Scope) -> str:
    return f"{atom(s)} if {condition(s)} else {atom(s)}"


def value(s: Scope) -> str:
    """What a plain assignment gives."""
    kind = s.rng.random()
    if kind < 0.18:
        return s.thing()
    if kind < 0.32:
        return atom(s)
    if kind < 0.42:
        return f"{s.name()} {s.pick(OPERATORS)} {atom_number(s)}"
    if kind < 0.5:
        return string(s)
    if kind < 0.57:
        return told(s)
    if kind < 0.69:
        return call(s)
    if kind < 0.84:
        return ternary(s)
    if kind < 0.9:
        return f"{s.plural()}[{index(s)}]"
    if kind < 0.95:
        return f"{s.name()}.{s.name()}"
    return f"{s.plural()}[{s.plural()}[{index(s)}]]"


def atom_number(s: Scope) -> str:
    return s.name() if s.chance(0.5) else number(s)


def index(s: Scope) -> str:
    kind = s.rng.random()
    if kind < 0.5:
        return s.name()
    if kind < 0.8:
        return number(s)
    if kind < 0.9:
        return quote(s, word(s))
    return s.pick(("-1", "1:", ":-1", "i + 1", "0"))
