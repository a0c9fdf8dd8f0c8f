"""Values of `model/` as they cross the wire: models, tasks, figures, runs, ablations (circuits: convert_circuit)."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from app import urls
from app.library import Facts, Shelf
from app.schemas import (
    ChangedPair,
    CircuitSummary,
    CurvePoint,
    Interval,
    Measure,
    ModelConfig,
    ModelDetail,
    ModelScore,
    ModelSummary,
    OwnPairs,
    PairTokens,
    Prediction,
    PromptPair,
    TaskDetail,
    TaskScore,
    TaskSummary,
    TokenProbability,
)
from model import measure as measuring
from model import sites
from model.ablate import Ablation as Change
from model.config import ModelConfig as Config
from model.measure import Outcome
from model.tasks.own import OwnTask
from model.tasks.pair import PromptPair as Pair
from model.tasks.task import Task
from model.tokenizer import Tokenizer

SOLVED_NATS = 0.15
N_SAMPLES = 8
N_TOP = 8
N_CHANGED = 8

# -- models and tasks ------------------------------------------------------------------------


def model_config(config: Config) -> ModelConfig:
    return ModelConfig(
        n_layer=config.n_layer,
        d_model=config.d_model,
        d_mlp=config.d_mlp,
        n_head=config.n_head,
        d_head=config.d_head,
        vocab_size=config.vocab_size,
        block_size=config.block_size,
        activation=config.activation_type,
        norm="rms" if config.rms_norm else "layer",
        sink=config.sink,
        afrac=config.afrac,
        bigram_table=config.enable_bigram_table,
    )


def model_summary(shelf: Shelf, facts: Facts, n_circuits: int) -> ModelSummary:
    scores = task_measures(shelf)
    return ModelSummary(
        name=shelf.name,
        title=shelf.card.get("title", shelf.name),
        description=shelf.card.get("description", ""),
        url=urls.model(shelf.name),
        fingerprint=facts.fingerprint,
        config=model_config(shelf.config),
        language=facts.language,
        n_weights=facts.n_weights,
        n_nonzero=facts.n_nonzero,
        density=facts.n_nonzero / facts.n_weights,
        n_nodes=sites.n_nodes(shelf.config),
        n_circuits=n_circuits,
        val_loss_nats=shelf.card.get("val_loss_nats"),
        solved_tasks=sum(measure.loss_nats.value <= SOLVED_NATS for measure in scores.values()),
    )


def task_measures(shelf: Shelf) -> dict[str, Measure]:
    """The model's own scores, unpruned, as its card has them."""
    return {name: Measure.model_validate(raw) for name, raw in shelf.card.get("tasks", {}).items()}


def model_detail(
    summary: ModelSummary, shelf: Shelf, circuits: Sequence[CircuitSummary], tasks: Mapping[str, Task]
) -> ModelDetail:
    scores = [
        TaskScore(
            task=name, title=tasks[name].title, measure=measure, circuits=[c.id for c in circuits if c.task == name]
        )
        for name, measure in task_measures(shelf).items()
        if name in tasks
    ]
    return ModelDetail(
        **dict(summary),
        tasks=sorted(scores, key=lambda score: (score.measure.loss_nats.value, score.task)),
        training_curve=[
            CurvePoint(step=point["step"], loss_nats=point["val_generated_nats"], size=point["n_nonzero"])
            for point in shelf.curve
        ],
        training={name: _plain(value) for name, value in shelf.training.items()},
    )


def _plain(value: Any) -> str | int | float | bool | None:
    """A setting as one value: a list becomes text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def task_summary(task: Task) -> TaskSummary:
    return TaskSummary(
        name=task.name,
        title=task.title,
        question=task.question,
        url=urls.task(task.name),
        example=prompt_pair(task.pairs("train", 1, seed=0)[0]),
        language=task.language,
        own=isinstance(task, OwnTask),
    )


def task_detail(
    task: Task, circuits: list[CircuitSummary], scores: list[ModelScore], pairs: OwnPairs | None
) -> TaskDetail:
    samples = [prompt_pair(pair) for pair in task.pairs("train", N_SAMPLES, seed=0)]
    return TaskDetail(
        **dict(task_summary(task)), doc=task.doc, samples=samples, circuits=circuits, scores=scores, pairs=pairs
    )


def model_score(shelf: Shelf, task: str) -> ModelScore:
    return ModelScore(
        model=shelf.name,
        title=shelf.card.get("title", shelf.name),
        url=urls.model(shelf.name),
        measure=task_measures(shelf).get(task),
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


def changed_pairs(pairs: Sequence[Pair], change: Change) -> list[ChangedPair]:
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
        )
        for i in change.most_changed(N_CHANGED)
    ]
