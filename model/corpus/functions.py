"""Functions: heads with defaults throughout or none, and the bodies that functions commonly have."""

from model.corpus.blocks import block, statement_of
from model.corpus.expressions import call, condition, ternary, value
from model.corpus.literals import flat_dict, some_list
from model.corpus.names import CURRENT, VARIABLES
from model.corpus.scope import Lines, Scope, indent
from model.corpus.statements import line
from model.corpus.strings import docstring, string


def parameters(s: Scope, most: int = 6, least: int = 0) -> tuple[list[str], str]:
    """The names, and the text of them: from some name on all have `=None`, or none has."""
    n = least + int(s.rng.random() * (most + 1 - least))
    pool = dict.fromkeys(s.rng.sample(VARIABLES, n))
    names = list(pool)
    first_default = int(s.rng.random() ** 3 * len(names)) if names and s.chance(0.5) else len(names)
    texts = [f"{name}=None" if i >= first_default else name for i, name in enumerate(names)]
    return names, ", ".join(texts)


def function(s: Scope, name: str | None = None, *, method: bool = False) -> Lines:
    """A whole `def`. A method has `self` first."""
    names, text = parameters(s)
    if method:
        text = f"self, {text}" if text else "self"
    with s.inside(function=True), s.speaking_of(names):
        body = function_body(s, names, method)
    head = f"def {name or s.function()}({text}):"
    return [head, *indent([*docstring(s), *body] if s.chance(0.15) else body)]


def function_body(s: Scope, names: list[str], method: bool) -> Lines:
    kind = s.rng.random()
    if kind < 0.14:
        return predicate(s)
    if kind < 0.22:
        return statement_of(s, "accumulate", 1)
    if kind < 0.30:
        return statement_of(s, "while", 1)
    if kind < 0.36:
        return [short_return(s, method)]
    if kind < 0.44 and names:
        return [*defaults(s, names), *block(s, 1), ending(s)]
    if kind < 0.5 and method:
        own = s.name()
        return [*block(s, 1, most=2), f"self.{own} = {value(s)}"]
    lines = block(s, 1, most=5)
    if len(lines) > 3 and s.chance(0.15):
        flat = [i for i in range(1, len(lines)) if not lines[i].startswith((" ", "el", "ex", "fi", "]", "}"))]
        if flat:
            lines.insert(s.pick(flat), "")
    return [*lines, ending(s)] if s.chance(0.6) else lines


def predicate(s: Scope) -> Lines:
    """A body that ends in `return True` or `return False`."""
    first, second = ("True", "False") if s.chance(0.5) else ("False", "True")
    kind = s.rng.random()
    before = line(s) if s.chance(0.3) else []
    if kind < 0.4:
        return [*before, f"return {first}"]
    test = [f"if {condition(s)}:", f"    return {first}"]
    if kind < 0.6:
        return [*before, *test, f"return {second}"]
    if kind < 0.75:
        return [*before, *test, "else:", f"    return {second}"]
    return [*before, f"for {s.name()} in {s.plural()}:", *indent(test), f"return {second}"]


def short_return(s: Scope, method: bool) -> str:
    if method and s.chance(0.5):
        return f"return self.{s.name()}"
    return f"return {value(s)}"


def defaults(s: Scope, names: list[str]) -> Lines:
    name = s.pick(names)
    given = s.pick(("[]", "{}", "0", '""', "set()", s.name()))
    return [f"if {name} is None:", f"    {name} = {given}"]


def ending(s: Scope) -> str:
    kind = s.rng.random()
    if kind < 0.4:
        return f"return {s.name() if s.chance(0.9) else CURRENT}"
    if kind < 0.52:
        return f"return {s.pick(('True', 'False'))}"
    if kind < 0.58:
        return f"return {ternary(s)}"
    if kind < 0.68:
        return f"return {call(s)}"
    if kind < 0.76:
        return f"return {string(s)}"
    if kind < 0.84:
        return f"return {some_list(s) if s.chance(0.6) else flat_dict(s)}"
    return f"return {value(s)}"
