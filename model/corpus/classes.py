"""Classes: an `__init__` that keeps its arguments in their order, and methods that use them."""

from model.corpus.functions import function, parameters
from model.corpus.names import BASES
from model.corpus.scope import Lines, Scope, indent
from model.corpus.strings import docstring, told


def initialiser(s: Scope) -> tuple[Lines, list[str]]:
    """`self.x = x` for each argument in turn, now and then with something empty at the end."""
    names, text = parameters(s, most=6, least=1)
    lines = ["super().__init__()"] if s.chance(0.07) else []
    lines += [f"self.{name} = {name}" for name in names]
    if s.chance(0.25):
        empty = s.pick(("[]", "{}", "0", '""', "None", "set()", "False"))
        lines.append(f"self.{s.plural()} = {empty}")
    return [f"def __init__(self, {text}):", *indent(lines)], names


def method_of(s: Scope, names: list[str]) -> Lines:
    """A method of its own, or one of the usual few about the names that the object keeps."""
    kind = s.rng.random()
    name = s.pick(names)
    if kind < 0.12:
        return [f"def get_{name}(self):", f"    return self.{name}"]
    if kind < 0.2:
        return [f"def set_{name}(self, {name}):", f"    self.{name} = {name}"]
    if kind < 0.28:
        return [f"def {s.pick(('__str__', '__repr__'))}(self):", f"    return {told(s)}"]
    if kind < 0.32:
        return ["def __len__(self):", f"    return len(self.{name})"]
    if kind < 0.37:
        return ["def __eq__(self, other):", f"    return self.{name} == other.{name}"]
    if kind < 0.42:
        return ["@property", f"def {name}(self):", f"    return self._{name}"]
    return function(s, method=True)


def class_of(s: Scope, methods: int | None = None) -> Lines:
    base = f"({s.pick(BASES)})" if s.chance(0.3) else ""
    lines = docstring(s) if s.chance(0.2) else []
    if lines and s.chance(0.5):
        lines.append("")
    start, names = initialiser(s)
    lines += start
    for _ in range(s.pick((0, 1, 1, 2, 2, 3)) if methods is None else methods):
        lines += ["", *method_of(s, names)]
    return [f"class {s.pick(s.classes)}{base}:", *indent(lines)]
