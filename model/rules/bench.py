"""A rule beside a circuit, the model and the truth, on prompt pairs: where they answer alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from model.measure import Interval, Outcome, interval
from model.reading import places
from model.rules.rule import Rule
from model.rules.words import Text
from model.tasks.pair import PromptPair
from model.tokenizer import Tokenizer


@dataclass(frozen=True)
class Bench:
    """Whether each gives class 1's answer, prompt by prompt: first all of class 1, then all of class 2."""

    rule: Bool[Tensor, " prompt"]
    circuit: Bool[Tensor, " prompt"]
    model: Bool[Tensor, " prompt"]
    truth: Bool[Tensor, " prompt"]

    def disagreeing(self) -> list[int]:
        """Numbers of the prompts where the rule answers unlike the circuit; first those where the model does so too."""
        against = (self.rule != self.circuit).nonzero().flatten().tolist()
        return sorted(against, key=lambda i: (bool(self.model[i] == self.rule[i]), i))


def bench(rule: Rule, pairs: Sequence[PromptPair], tokenizer: Tokenizer, circuit: Outcome, model: Outcome) -> Bench:
    """Ask the rule after each prompt's last token: where it holds, it says class 1's answer."""
    said = [
        rule.holds(Text(places([tokenizer.token_text(t) for t in tokenizer.encode(pair.prompts[side])]), pair.answers))
        for side in (0, 1)
        for pair in pairs
    ]
    truth = torch.arange(2 * len(pairs)) < len(pairs)
    return Bench(torch.tensor(said), gives_first(circuit), gives_first(model), truth)


def gives_first(outcome: Outcome) -> Bool[Tensor, " prompt"]:
    """Whether class 1's answer has the larger logit; the right one of class 1, the wrong one of class 2."""
    is_first = torch.arange(len(outcome.logit_diff)) < outcome.n_pairs
    return torch.where(is_first, outcome.logit_diff > 0, outcome.logit_diff <= 0)


def agreement(one: Bool[Tensor, " prompt"], other: Bool[Tensor, " prompt"]) -> Interval:
    """Share of prompts at which two answer alike, with its interval over pairs."""
    return interval((one == other).float().reshape(2, -1).mean(dim=0))
