"""Tasks of the bracket language: which bracket is open innermost, and whether any is."""

from random import Random

from model.corpus.dyck.words import CLOSES, DEEPEST, OPENING, balanced
from model.tasks.pair import PromptPair
from model.tokenizer import SEPARATOR


def dyck_match(rng: Random) -> PromptPair:
    """The innermost bracket that is still open decides which bracket closes next.

    Two open brackets of different types have changed places, so that both prompts hold the same brackets; between
    one and the next, and after the last, stand brackets that are closed already.
    """
    return swapped(rng, rng.randint(0, 3))


def dyck_distance(rng: Random) -> PromptPair:
    """As in dyck_match the innermost open bracket decides, but six to ten pairs stand between it and the answer."""
    return swapped(rng, rng.randint(6, 10))


def swapped(rng: Random, n_pairs_after: int) -> PromptPair:
    """Two prompts whose two innermost open brackets have changed places, with `n_pairs_after` closed pairs at the end.

    Up to three more are open around them. The prompts have at least ten brackets.
    """
    inner, outer = rng.sample(OPENING, 2)
    n_around = rng.randint(0, 3)
    before = "".join(balanced(rng, rng.randint(0, 2)) + rng.choice(OPENING) for _ in range(n_around))
    before += balanced(rng, rng.randint(0, 2))
    between = balanced(rng, rng.randint(0, 3), DEEPEST - n_around - 1)
    after = balanced(rng, n_pairs_after, DEEPEST - n_around - 2)
    missing = (10 - len(before) - len(between) - len(after) - 2 + 1) // 2
    before = balanced(rng, max(0, missing)) + before
    prompts = f"{before}{outer}{between}{inner}{after}", f"{before}{inner}{between}{outer}{after}"
    return PromptPair(prompts, (CLOSES[inner], CLOSES[outer]))


def dyck_depth(rng: Random) -> PromptPair:
    """Where every bracket is closed the word may end, so that the separator can follow; where one is open it cannot.

    The prompts begin with a separator, so that nothing is open before them. They differ in one bracket, which closes
    one that is open or opens another: two are then open, and the innermost is closed next.
    """
    bracket = rng.choice(OPENING)
    before = balanced(rng, rng.randint(0, 4))
    within = balanced(rng, rng.randint(0, 4), DEEPEST - 1)
    after = balanced(rng, rng.randint(1, 5), DEEPEST - 2)
    missing = (10 - len(before) - len(within) - len(after) - 2 + 1) // 2
    before = balanced(rng, max(0, missing)) + before
    before = f"{SEPARATOR}{before}"
    prompts = f"{before}{bracket}{within}{CLOSES[bracket]}{after}", f"{before}{bracket}{within}{bracket}{after}"
    return PromptPair(prompts, (SEPARATOR, CLOSES[bracket]))
