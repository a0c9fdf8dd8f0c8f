"""A pair of prompts that differ in what decides the answer, and the two answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PromptPair:
    """`answers[i]`, one token, is right after `prompts[i]`; the other answer is wrong there."""

    prompts: tuple[str, str]
    answers: tuple[str, str]
