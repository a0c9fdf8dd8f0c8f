"""Tasks about the heads of functions."""

from random import Random

from model.tasks.pair import PromptPair
from model.tasks.setting import ACTIONS, Setting, text


def final_kwarg(rng: Random) -> PromptPair:
    """After an argument with a default every later one has a default too; where none has, the list may end.

    An earlier function has defaults where the last one has none, and none where it has.
    """
    s = Setting(rng)
    n_last = s.rng.randint(4, 5)
    n_defaults = s.rng.randint(1, n_last)
    n_earlier = s.rng.randint(n_defaults, max(4, n_defaults))
    last, earlier = s.rng.sample(s.names, n_last + 1), s.rng.sample(s.names, n_earlier)
    body, names = s.line(), s.rng.sample(ACTIONS, 2)
    method = s.chance(0.3)

    def head(name: str, arguments: list[str], n_plain: int) -> str:
        texts = [f"{argument}=None" if i >= n_plain else argument for i, argument in enumerate(arguments)]
        return f"def {name}({', '.join(['self', *texts] if method else texts)}"

    def prompt(defaults: bool) -> str:
        first = head(names[0], earlier, n_earlier if defaults else n_earlier - n_defaults)
        second = head(names[1], last[:-1], n_last - n_defaults if defaults else n_last)
        lines = [first + "):", f"    {body}", *([""] if method else ["", ""]), f"{second}, {last[-1]}"]
        return text("class Node:", *(f"    {line}" if line else "" for line in lines)) if method else text(*lines)

    return PromptPair((prompt(True), prompt(False)), ("=None", "):"))


def lambda_func(rng: Random) -> PromptPair:
    """A name after `lambda` is an argument, and `:` follows; after `def` it is a function, and `(` follows.

    Earlier there is a whole function before the lambda, or a whole lambda before the function.
    """
    s = Setting(rng)
    function, argument, target, loop = s.pick(ACTIONS), s.take(), s.take(), s.take()
    name = s.pick((s.take(), s.pick(ACTIONS)))
    made = f"{s.take()}({argument})"
    body, moved, shared = s.line(), s.line(), s.lines(2, 1)
    lambda_prompt = text(
        f"def {function}({argument}):",
        f"    {made}",
        "",
        "",
        *shared,
        f"for {loop} in {argument}:",
        f"    {body}",
        moved,
        f"{target} = lambda {name}",
    )
    function_prompt = text(
        *shared,
        f"for {loop} in {function}({argument}):",
        f"    {body}",
        f"    {moved}",
        "",
        f"{target} = lambda {argument}: {made}",
        "",
        "",
        f"def {name}",
    )
    return PromptPair((lambda_prompt, function_prompt), (":", "("))
