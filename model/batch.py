"""Prompt pairs as tensors: tokens, where each prompt ends, and the two candidates of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from model.errors import InputError
from model.tasks.pair import PromptPair
from model.tokenizer import Tokenizer


@dataclass(frozen=True)
class PairBatch:
    """`n` pairs as `2 n` prompts: first all of class 1, then all of class 2; right-padded with token 0.

    `candidates[i]` is the right and the wrong token after prompt `i`; `last[i]` the position of its last token.
    """

    tokens: Int[Tensor, "prompt pos"]
    last: Int[Tensor, " prompt"]
    candidates: Int[Tensor, "prompt 2"]

    @property
    def n_pairs(self) -> int:
        return len(self.tokens) // 2

    def select(self, pairs: Tensor) -> "PairBatch":
        """Some of the pairs, by their numbers."""
        rows = torch.cat([pairs, pairs + self.n_pairs])
        width = int(self.last[rows].max()) + 1
        return PairBatch(self.tokens[rows, :width], self.last[rows], self.candidates[rows])

    def repeated(self, n_times: int) -> "PairBatch":
        """All prompts, then all of them again, and so on; no longer in the order of pairs."""
        return PairBatch(self.tokens.repeat(n_times, 1), self.last.repeat(n_times), self.candidates.repeat(n_times, 1))

    def split(self, n_pairs: int) -> list["PairBatch"]:
        """Parts of at most `n_pairs` pairs, in order."""
        numbers = torch.arange(self.n_pairs, device=self.tokens.device)
        return [self.select(part) for part in numbers.split(n_pairs)]

    def by_length(self, most_pairs: Callable[[int], int]) -> list[tuple[Int[Tensor, " prompt"], "PairBatch"]]:
        """Parts of pairs of like length, longest first, each with the numbers of its prompts in this batch.

        `most_pairs` says how many pairs of so many tokens a part may have; a part is as wide as its longest prompt.
        """
        lengths = self.last.reshape(2, -1).amax(dim=0) + 1
        order = torch.argsort(lengths, descending=True, stable=True)
        parts, begin = [], 0
        while begin < self.n_pairs:
            pairs = order[begin : begin + max(1, most_pairs(int(lengths[order[begin]])))]
            parts.append((torch.cat([pairs, pairs + self.n_pairs]), self.select(pairs)))
            begin += len(pairs)
        return parts


def encode_prompt(prompt: str, tokenizer: Tokenizer, block_size: int) -> list[int]:
    """A prompt's tokens; InputError with a sentence where it is empty or longer than the context."""
    tokens = tokenizer.encode(prompt)
    if not tokens:
        raise InputError("the prompt is empty; it needs at least one token")
    if len(tokens) > block_size:
        raise InputError(f"the prompt has {len(tokens)} tokens; this model reads at most {block_size}")
    return tokens


def padded(
    prompts: Sequence[Sequence[int]], device: torch.device | str
) -> tuple[Int[Tensor, "prompt pos"], Int[Tensor, " prompt"]]:
    """Prompts right-padded with token 0, and the position of each one's last token."""
    tokens = torch.zeros(len(prompts), max(map(len, prompts)), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt)] = torch.tensor(prompt)
    return tokens.to(device), torch.tensor([len(prompt) - 1 for prompt in prompts], device=device)


def encode_pairs(
    pairs: Sequence[PromptPair], tokenizer: Tokenizer, block_size: int, device: torch.device | str = "cpu"
) -> PairBatch:
    """Encode pairs; InputError where a prompt is too long or an answer is not one token."""
    prompts = [pair.prompts[side] for side in (0, 1) for pair in pairs]
    answers = [(pair.answers[side], pair.answers[1 - side]) for side in (0, 1) for pair in pairs]
    encoded = [encode_prompt(prompt, tokenizer, block_size) for prompt in prompts]
    ids = {text: tokenizer.token_id(text) for both in answers for text in both}
    tokens, last = padded(encoded, device)
    candidates = torch.tensor([[ids[right], ids[wrong]] for right, wrong in answers])
    return PairBatch(tokens, last, candidates.to(device))
