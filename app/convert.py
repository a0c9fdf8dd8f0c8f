"""Values of `model/` as they cross the wire: tasks, figures, runs, ablations (for the rest, convert_*.py)."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from app import urls
from app.schemas import (
    ChangedPair,
    CircuitSummary,
    Interval,
    Measure,
    ModelScore,
    OwnPairs,
    PairTokens,
    Prediction,
    PromptPair,
    TaskDetail,
    TaskSummary,
    TokenProbability,
)
from model import measure as measuring
from model.ablate import Ablation as Change
from model.measure import Outcome
from model.tasks.own import OwnTask, RecordedTask
from model.tasks.pair import PromptPair as Pair
from model.tasks.task import Task
from model.tokenizer import Tokenizer

N_SAMPLES = 8
N_TOP = 8
N_CHANGED = 8

# -- tasks -----------------------------------------------------------------------------------


def task_summary(task: Task) -> TaskSummary:
    return TaskSummary(
        name=task.name,
        title=task.title,
        question=task.question,
        url=urls.task(task.name),
        example=prompt_pair(task.pairs("train", 1, seed=0)[0]),
        language=task.language,
        own=isinstance(task, OwnTask),
        prunable=not isinstance(task, RecordedTask),
    )


def task_detail(
    task: Task, circuits: list[CircuitSummary], scores: list[ModelScore], pairs: OwnPairs | None
) -> TaskDetail:
    samples = [prompt_pair(pair) for pair in task.pairs("train", N_SAMPLES, seed=0)]
    return TaskDetail(
        **dict(task_summary(task)), doc=task.doc, samples=samples, circuits=circuits, scores=scores, pairs=pairs
    )


def pair_tokens(pair: Pair, tokenizer: Tokenizer) -> PairTokens:
    first, second = (token_texts(tokenizer, tokenizer.encode(prompt)) for prompt in pair.prompts)
    return PairTokens(prompts=(first, second), answers=pair.answers)


def prompt_pair(pair: Pair) -> PromptPair:
    return PromptPair(prompts=pair.prompts, answers=pair.answers)


# -- figures ---------------------------------------------------------------------------------


def interval(value: measuring.Interval) -> Interval:
    return Interval(value=value.value, low=value.low, high=value.high)


def measure(outcome: Outcome, split: Literal["train", "heldout"] = "heldout") -> Measure:
    return Measure(
        loss_nats=interval(outcome.loss()),
        accuracy=interval(outcome.accuracy()),
        logit_diff=interval(outcome.logit_difference()),
        n_pairs=outcome.n_pairs,
        split=split,
    )


# -- runs ------------------------------------------------------------------------------------


def token_texts(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[str]:
    return [tokenizer.token_text(token) for token in tokens]


def prediction(tokenizer: Tokenizer, logits: Float[Tensor, " vocab"], candidates: Sequence[int]) -> Prediction:
    """The most probable next tokens, and the two candidates."""
    probabilities = logits.softmax(dim=0)

    def probability(token: int) -> TokenProbability:
        return TokenProbability(token=tokenizer.token_text(token), probability=float(probabilities[token]))

    n_tokens = tokenizer.vocab_size  # a model may have more logits than there are tokens
    top = torch.argsort(logits[:n_tokens], descending=True, stable=True)[:N_TOP].tolist()
    first, second = candidates
    return Prediction(
        top=[probability(token) for token in top],
        candidates=[probability(first), probability(second)],
        logit_diff=float(logits[first] - logits[second]),
    )


# -- ablations -------------------------------------------------------------------------------


def changed_pairs(pairs: Sequence[Pair], change: Change, tokenizer: Tokenizer) -> list[ChangedPair]:
    """The pairs whose loss moved most."""
    n = change.before.n_pairs
    before, after = change.before.logit_diff.tolist(), change.after.logit_diff.tolist()
    moved = change.before.per_pair(change.after.losses - change.before.losses).tolist()
    return [
        ChangedPair(
            pair=prompt_pair(pairs[i]),
            logit_diff_before=(before[i], before[i + n]),
            logit_diff_after=(after[i], after[i + n]),
            loss_change_nats=moved[i],
            tokens=pair_tokens(pairs[i], tokenizer),
        )
        for i in change.most_changed(N_CHANGED)
    ]
