"""Variables that begin empty and grow: what they began as decides how they grow."""

from model.corpus.expressions import condition, index
from model.corpus.loops import for_head
from model.corpus.names import CURRENT
from model.corpus.scope import Body, Lines, Scope, indent
from model.corpus.strings import quote, string, word

EMPTY = {"set": ("set()",), "string": ('""', "''"), "list": ("[]",), "number": ("0", "1"), "dict": ("{}",)}
KINDS = tuple(EMPTY)
WEIGHTS = (0.43, 0.43, 0.07, 0.05, 0.02)


def part(s: Scope) -> str:
    """What is added: the same things to a set as to a string."""
    kind = s.rng.random()
    if kind < 0.4:
        return s.name()
    if kind < 0.6:
        return quote(s, word(s))
    if kind < 0.7:
        return string(s)
    if kind < 0.8:
        return f"str({s.name()})"
    if kind < 0.9:
        return f"{s.plural()}[{index(s)}]"
    return f"{s.name()}.{s.name()}"


def grown(s: Scope, name: str, kind: str) -> str:
    if kind == "set":
        return f"{name}.add({part(s)})"
    if kind == "string":
        return f"{name} += {part(s)}"
    if kind == "list":
        return f"{name}.append({part(s)})"
    if kind == "number":
        return f"{name} += {s.pick(('1', '1', s.name()))}"
    return f"{name}[{s.name()}] = {part(s)}"


def accumulation(s: Scope, filler: Body) -> Lines:
    """One to three variables start empty, other things happen, and each grows in its own way."""
    names = [s.fresh() for _ in range(s.pick((1, 2, 2, 2, 2, 3)))]
    if s.chance(0.45):
        names[0] = CURRENT
        s.without(CURRENT)
        s.rng.shuffle(names)
    kinds = s.rng.choices(KINDS, WEIGHTS, k=len(names))
    if len(names) > 1 and s.chance(0.75):
        kinds[:2] = s.pick((["set", "string"], ["string", "set"]))
    lines = [f"{name} = {s.pick(EMPTY[kind])}" for name, kind in zip(names, kinds, strict=True)]
    order = list(zip(names, kinds, strict=True))
    s.rng.shuffle(order)
    for _ in range(s.pick((0, 0, 0, 0, 1, 2))):
        lines += filler()
    growth = [grown(s, name, kind) for name, kind in order for _ in range(s.pick((1, 1, 2, 2)))]
    shape = s.rng.random()
    if shape < 0.2:
        lines += growth
    elif shape < 0.6:
        lines += [for_head(s), *indent(growth)]
    elif shape < 0.75:
        lines += [for_head(s), *indent([f"if {condition(s)}:", *indent(growth)])]
    elif shape < 0.9:
        lines += [f"while {condition(s)}:", *indent(filler() + growth)]
    else:
        lines += [for_head(s), *indent(filler() + growth)]
    if s.in_function and not s.in_loop and s.chance(0.5):
        lines.append(f"return {s.pick(names)}")
    elif s.chance(0.3):
        lines.append(f"print({s.pick(names)})")
    return lines
