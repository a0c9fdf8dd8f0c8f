"""Words of the bracket language Dyck-3: each closing bracket closes the innermost one that is open.

No more than DEEPEST are open at once.
"""

from collections.abc import Iterator
from random import Random

OPENING, CLOSING = "([{", ")]}"
CLOSES = dict(zip(OPENING, CLOSING, strict=True))
DEEPEST = 8
MOST_PAIRS = 24
#: How readily one more bracket is opened: low makes words flat, high makes them deep, with far matches.
OPENNESS = (0.35, 0.5, 0.65)


def balanced(rng: Random, n_pairs: int, deepest: int = DEEPEST, openness: float = 0.5) -> str:
    """A word of exactly `n_pairs` pairs with at most `deepest` open at once; empty for none."""
    word, stack = "", ""
    while n_pairs or stack:
        if n_pairs and (not stack or (len(stack) < deepest and rng.random() < openness)):
            stack += OPENING[int(rng.random() * len(OPENING))]
            word += stack[-1]
            n_pairs -= 1
        else:
            word += CLOSES[stack[-1]]
            stack = stack[:-1]
    return word


def still_open(text: str) -> str:
    """What a stack machine holds after `text`, the innermost last. Raises ValueError where it refuses a bracket."""
    stack = ""
    for sign in text:
        if sign in CLOSES:
            stack += sign
        elif stack and CLOSES[stack[-1]] == sign:
            stack = stack[:-1]
        else:
            raise ValueError(f"{sign!r} closes nothing after {stack!r} in {text!r}")
    return stack


def words(seed: int) -> Iterator[str]:
    """Documents without end: short words more often than long ones, flat and deep."""
    rng = Random(seed)
    while True:
        n_pairs = 1 + int(rng.random() ** 1.3 * MOST_PAIRS)
        yield balanced(rng, n_pairs, openness=rng.choice(OPENNESS))
