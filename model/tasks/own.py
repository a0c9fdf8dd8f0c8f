"""A task of a user's own: a fixed set of prompt pairs, some to prune on and some held out."""

import json
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from model.errors import InputError
from model.tasks.pair import PromptPair
from model.tasks.task import SPLITS, Language, Split, Task, split_of

#: Held-out figures on fewer pairs would say nothing, and a circuit found on fewer would be one of them.
FEWEST = 16
DOC = (
    "Pairs that a user gave. Pairs that share a prompt stay together; a hash of their text decides whether they are "
    "pruned on or held out."
)


@dataclass(frozen=True)
class OwnTask(Task):
    """`own` are distinct pairs, sorted; `pairs` gives at most those of the split that there are."""

    own: tuple[PromptPair, ...]

    @cached_property
    def splits(self) -> dict[Split, list[PromptPair]]:
        return splits_of(self.own)

    def n_pairs(self, split: Split) -> int:
        return len(self.splits[split])

    def pairs(self, split: Split, n: int, seed: int = 0) -> list[PromptPair]:
        """Up to `n` pairs of a split, in an order that the seed decides."""
        found = self.splits[split].copy()
        random.Random(f"{self.name}/{seed}").shuffle(found)
        return found[:n]


@dataclass(frozen=True)
class RecordedTask(OwnTask):
    """The prompts that came with a circuit, all held out: it is measured on them, and nothing is pruned on them."""

    @cached_property
    def splits(self) -> dict[Split, list[PromptPair]]:
        return {"train": [], "heldout": list(self.own)}

    def pairs(self, split: Split, n: int, seed: int = 0) -> list[PromptPair]:
        """The same pairs whatever the split, so that there is something to look at."""
        found = list(self.own)
        random.Random(f"{self.name}/{seed}").shuffle(found)
        return found[:n]


def recorded_task(title: str, pairs: Iterable[PromptPair], language: Language = "python") -> RecordedTask:
    """The task of an imported circuit, named like one's own; however few the pairs are."""
    own = tuple(sorted(set(pairs), key=lambda pair: (pair.prompts, pair.answers)))
    content = json.dumps(["recorded", *([*pair.prompts, *pair.answers] for pair in own)], separators=(",", ":"))
    name = f"{slug(title)}-{sha256(content.encode()).hexdigest()[:12]}"
    doc = "Pairs that came with an imported circuit. All are held out; they are too few to prune on."
    return RecordedTask(
        name, title.strip(), "Which of the two answers is right?", doc, lambda rng: rng.choice(own), own,
        language=language,
    )  # fmt: skip


def own_task(title: str, pairs: Iterable[PromptPair], question: str = "", language: Language = "python") -> OwnTask:
    """A task under a name of its title and a hash of its pairs: the same pairs and title have the same name for ever.

    Raises InputError with one sentence where a split would have fewer than 16 pairs.
    """
    own = tuple(sorted(set(pairs), key=lambda pair: (pair.prompts, pair.answers)))
    content = json.dumps([[*pair.prompts, *pair.answers] for pair in own], separators=(",", ":"))
    name = f"{slug(title)}-{sha256(content.encode()).hexdigest()[:12]}"
    question = question.strip() or "Which of the two answers is right?"
    task = OwnTask(name, title.strip(), question, DOC, lambda rng: rng.choice(own), own, language=language)
    counts = [task.n_pairs(split) for split in SPLITS]
    if min(counts) < FEWEST:
        raise InputError(
            f"{len(own)} distinct pairs give {counts[0]} to prune on and {counts[1]} held out; at least {FEWEST} of "
            f"either are needed, which about {4 * FEWEST} pairs that share no prompts nearly always give"
        )
    return task


def splits_of(pairs: Iterable[PromptPair]) -> dict[Split, list[PromptPair]]:
    """Pairs by split; no prompt is in both, so pairs that share one, directly or through others, stay together."""
    pairs = list(pairs)
    splits: dict[Split, list[PromptPair]] = {split: [] for split in SPLITS}
    firsts = first_prompts(pairs)
    for pair in pairs:
        splits[split_of(firsts[pair.prompts[0]])].append(pair)
    return splits


def slug(title: str) -> str:
    """The letters and digits of a title as a name: `Closing quote` is `closing_quote`."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:40].strip("_") or "pairs"


def first_prompts(pairs: Sequence[PromptPair]) -> dict[str, str]:
    """For each prompt the first, by alphabet, of all that share a pair with it, directly or through others."""
    parent = {prompt: prompt for pair in pairs for prompt in pair.prompts}

    def root(prompt: str) -> str:
        while parent[prompt] != prompt:
            parent[prompt] = prompt = parent[parent[prompt]]
        return prompt

    for pair in pairs:
        first, second = sorted(map(root, pair.prompts))
        parent[second] = first
    return {prompt: root(prompt) for prompt in parent}
