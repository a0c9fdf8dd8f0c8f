"""Tasks whose answer is a name that stands earlier in the prompt."""

from random import Random

from model.corpus.names import CLASSES, split
from model.tasks.pair import PromptPair
from model.tasks.setting import Setting, text

# Names of which `self.name` has two tokens after `self`.
ATTRIBUTES = split(
    "x y z a b e i k n q r u v name item count total result data text line key value index size length left right "
    "last end user node file order level code number color title message age date day time rate offset row column "
    "child root target label type option token char letter buffer output input config temp"
)


def class_init(rng: Random) -> PromptPair:
    """An `__init__` gives each argument to the attribute of the same name, in the arguments' order.

    Two arguments change places between the prompts, so that both names stand among the arguments.
    """
    s = Setting(rng)
    names = rng.sample(ATTRIBUTES, rng.randint(2, 5))
    now, other = rng.sample(range(len(names)), 2)
    swapped = names.copy()
    swapped[now], swapped[other] = names[other], names[now]
    base = f"({s.pick(('object', 'Base', 'Node', 'Item'))})" if s.chance(0.3) else ""
    name = s.pick(CLASSES)
    before = [*s.lines(1), "", ""] if s.chance(0.3) else []
    first = ["        super().__init__()"] if s.chance(0.1) else []

    def prompt(arguments: list[str]) -> str:
        return text(
            *before,
            f"class {name}{base}:",
            f"    def __init__(self, {', '.join(arguments)}):",
            *first,
            *(f"        self.{argument} = {argument}" for argument in arguments[:now]),
            f"        self.{arguments[now]} =",
        )

    return PromptPair((prompt(names), prompt(swapped)), (f" {names[now]}", f" {swapped[now]}"))


def var_swap(rng: Random) -> PromptPair:
    """`x, y = y,` ends with the name that stands first, so that the two change places."""
    s = Setting(rng)
    left, right = s.take(), s.take()
    before = s.lines(3, 1)
    third, fourth = s.take(), s.take()
    earlier = s.pick(([], [f"{third}, {fourth} = {fourth}, {third}"], [f"{left} = {third}", f"{right} = {fourth}"]))
    rng.shuffle(before)
    inside = s.pick(("", "", f"for {s.pick('ijk')} in {s.plural()}:", f"if {left} > {right}:", f"while {third}:"))

    def prompt(x: str, y: str) -> str:
        last = f"{x}, {y} = {y},"
        return text(*earlier, *before, *([inside, f"    {last}"] if inside else [last]))

    return PromptPair((prompt(left, right), prompt(right, left)), (f" {left}", f" {right}"))
