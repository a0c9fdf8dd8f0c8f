"""Tasks about conditions: what follows them, and what tells them from assignments."""

from random import Random

from model.tasks.accumulators import short_condition
from model.tasks.pair import PromptPair
from model.tasks.setting import Setting, text


def else_elif(rng: Random) -> PromptPair:
    """`else` is followed by `:`, `elif` by a condition, of which ` not` may be the first word.

    An earlier branch has `elif` where the last has `else`, and `else` where it has `elif`.
    """
    s = Setting(rng)
    condition = s.take()
    conditions = [short_condition(s), short_condition(s)]
    first, third = s.line(), s.line()
    head = f"def {s.function()}({', '.join(s.rng.sample(s.names, s.rng.randint(0, 2)))}):"
    said = s.key()
    mark = s.mark()
    returns = s.chance(0.5)

    def prompt(last: str, way: str, more: str) -> str:
        second = f"return{more}" if returns else f"print({mark}{said}{more}{mark})"
        lines = [f"if {conditions[0]}:", f"    {first}", f"{way}:", f"    {second}"]
        lines += [f"if {conditions[1]}:", f"    {third}", last]
        return text(head, *(f"    {line}" for line in lines)) if returns else text(*lines)

    else_last = prompt("else", f"elif {condition}", "")
    elif_last = prompt("elif", "else", f" {condition}")
    return PromptPair((else_last, elif_last), (":", " not"))


def if_ternary(rng: Random) -> PromptPair:
    """The condition of an `if` line ends in `:`, that of a value's `if` is followed by ` else`.

    The other prompt's `if` stands earlier: in a comprehension, or as a whole statement.
    """
    s = Setting(rng)
    condition, earlier = short_condition(s, bare=True), short_condition(s, bare=True)
    made, source, given, value = s.take(), s.plural(), s.take(), s.name()
    item, other, index = s.take(), s.take(), s.take()
    loop = s.pick((f"for {s.take()} in {source}:", f"while {s.take()}:"))
    body, moved = s.line(), s.line()
    statement = text(
        f"{other} = {source}[{index}:]",
        loop,
        f"    {body}",
        f"    {moved}",
        f"{made} = [{item} for {item} in {source} if {earlier}]",
        f"{given} = {value}",
        f"if {condition}",
    )
    ternary = text(
        f"{other} = {source}[{index}]",
        loop,
        f"    {body}",
        moved,
        f"if {earlier}:",
        f"    {made} = [{item} for {item} in {source}]",
        f"{given} = {value} if {condition}",
    )
    return PromptPair((statement, ternary), (":", " else"))


def if_equals(rng: Random) -> PromptPair:
    """In an `if` line a name is compared by ` ==`; at the start of a line it is assigned by ` =`.

    Earlier there is an assignment and a comparison in either case.
    """
    s = Setting(rng)
    name, left, right, target, other, index = (s.take() for _ in range(6))
    source, body, moved = s.plural(), s.line(), s.line()
    loop = s.pick((f"for {s.take()} in {source}:", f"while {s.take()}:"))
    condition = text(
        f"{other} = {source}[{name}:{index}]",
        loop,
        f"    {body}",
        f"    {moved}",
        "",
        f"{target} = {left} == {right}",
        f"if {name}",
    )
    assignment = text(
        f"{other} = {source}[{index}]",
        loop,
        f"    {body}",
        moved,
        f"if {left} == {right}:",
        f"    {target} = {name}",
        name,
    )
    return PromptPair((condition, assignment), (" ==", " ="))


def var_if(rng: Random) -> PromptPair:
    """A name after `if` may be a whole condition, and `:` follows; a name that is assigned ends the line.

    Earlier there is an assignment before the condition, or a condition before the assignment.
    """
    s = Setting(rng)
    name, earlier, target, other, index, looped = (s.take() for _ in range(6))
    source, body, moved, inner = s.plural(), s.line(), s.line(), s.line()
    loop = s.pick((f"for {looped} in {source}:", f"while {looped}:"))
    condition = text(
        f"{other} = {source}[{index}:]",
        loop,
        f"    {body}",
        f"    {moved}",
        inner,
        f"{target} = {earlier}",
        f"if {name}",
    )
    assignment = text(
        f"{other} = {source}[{index}]",
        loop,
        f"    {body}",
        moved,
        f"if {earlier}:",
        f"    {inner}",
        f"{target} = {name}",
    )
    return PromptPair((condition, assignment), (":", "\n"))
