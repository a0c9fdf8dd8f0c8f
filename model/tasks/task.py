"""A task: prompt pairs made on request, and which of them may be trained on."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from inspect import cleandoc
from typing import Literal

from model.errors import InputError
from model.tasks.pair import PromptPair

Split = Literal["train", "heldout"]
SPLITS: tuple[Split, Split] = ("train", "heldout")
#: `tokens`: ids without text, of a model that brought no tokeniser.
Language = Literal["python", "dyck", "tokens"]
TRIES_A_PAIR = 100


def split_of(prompt: str) -> Split:
    """The one split a prompt belongs to: by its text alone, whichever seed or task made it."""
    return SPLITS[blake2b(prompt.encode(), digest_size=1).digest()[0] % 2]


@dataclass(frozen=True)
class Task:
    """`question` is what the model must tell; `doc` what decides the answer; only models of `language` are asked."""

    name: str
    title: str
    question: str
    doc: str
    generate: Callable[[random.Random], PromptPair]
    language: Language = field(default="python", kw_only=True)

    @classmethod
    def of(
        cls,
        generate: Callable[[random.Random], PromptPair],
        title: str,
        question: str,
        language: Language = "python",
    ) -> "Task":
        """Named after its generator, whose docstring is the task's `doc`."""
        return cls(generate.__name__, title, question, cleandoc(generate.__doc__ or ""), generate, language=language)

    def n_pairs(self, split: Split) -> int | None:
        """How many pairs there are of a split; None where they are made on request."""
        return None

    def pairs(self, split: Split, n: int, seed: int = 0) -> list[PromptPair]:
        """The first `n` distinct pairs of a seed with both prompts in `split`; no prompt comes twice."""
        rng = random.Random(f"{self.name}/{seed}")
        pairs: list[PromptPair] = []
        seen: set[str] = set()
        for _ in range(TRIES_A_PAIR * n):
            if len(pairs) == n:
                break
            pair = self.generate(rng)
            if seen.isdisjoint(pair.prompts) and all(split_of(prompt) == split for prompt in pair.prompts):
                pairs.append(pair)
                seen.update(pair.prompts)
        if len(pairs) < n:
            raise InputError(f"the task {self.name} gives only {len(pairs)} distinct {split} pairs, not {n}")
        return pairs
