"""Models as they cross the wire: their shape, their card, how they were trained, their channels."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from app import urls
from app.convert_circuit import token_weights
from app.facts import Facts
from app.library import Shelf
from app.schemas import (
    Channel,
    ChannelEnd,
    ChannelMatch,
    ChannelPage,
    CircuitSummary,
    Compute,
    CorpusPackage,
    CorpusPart,
    CorpusRecord,
    HeldOutLosses,
    KnownFailure,
    MatrixCount,
    Measure,
    ModelCard,
    ModelConfig,
    ModelDetail,
    ModelScore,
    ModelSummary,
    TaskScore,
    TrainingPoint,
)
from model import sites
from model.config import ModelConfig as Config
from model.sites import NUMBER
from model.subject import Subject
from model.tasks.task import Task
from model.weights import ChannelSort, Ends, extremes

SOLVED_NATS = 0.15
N_TOKENS = 5
N_MATCHES = 4
N_TOKENS_FOUND = 20
FLOPS_A_WEIGHT_AND_TOKEN = 6


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
    card, scores, losses = shelf.card, task_measures(shelf), held_out_losses(shelf)
    return ModelSummary(
        name=shelf.name,
        title=card.get("title", shelf.name),
        description=card.get("description", ""),
        url=urls.model(shelf.name),
        fingerprint=facts.fingerprint,
        config=model_config(shelf.config),
        language=facts.language,
        family=card.get("family"),
        role=card.get("role"),
        seed=card.get("seed", shelf.training.get("seed")),
        twin_of=card.get("twin_of"),
        n_weights=facts.n_weights,
        n_nonzero=facts.n_nonzero,
        density=facts.n_nonzero / facts.n_weights,
        n_nodes=sites.n_nodes(shelf.config),
        n_circuits=n_circuits,
        has_means=shelf.has_means,
        val_loss_nats=card.get("val_loss_nats", losses.mixed or losses.generated),
        losses=losses,
        n_tasks=len(scores),
        solved_tasks=sum(measure.loss_nats.value <= SOLVED_NATS for measure in scores.values()),
    )


def held_out_losses(shelf: Shelf) -> HeldOutLosses:
    """Losses at the end of training; `mixed` weighs both kinds of text alike, whatever mixture was trained on."""
    last = training_point(shelf.curve[-1]) if shelf.curve else None
    generated, real = (last.val_generated_nats, last.val_real_nats) if last else (None, None)
    mixed = None if generated is None or real is None else (generated + real) / 2
    return HeldOutLosses(generated=generated, real=real, mixed=mixed)


def training_point(point: Mapping[str, Any]) -> TrainingPoint:
    def figure(name: str) -> float | None:
        value = point.get(name)
        return value if isinstance(value, int | float) and math.isfinite(value) else None

    return TrainingPoint(
        step=point["step"],
        tokens=point.get("tokens"),
        train_loss_nats=figure("train_loss_nats"),
        val_generated_nats=figure("val_generated_nats"),
        val_real_nats=figure("val_real_nats"),
        density=figure("density"),
        n_nonzero=point["n_nonzero"],
    )


def task_measures(shelf: Shelf) -> dict[str, Measure]:
    """The model's own scores, unpruned, as its card has them."""
    return {name: Measure.model_validate(raw) for name, raw in shelf.card.get("tasks", {}).items()}


def model_score(shelf: Shelf, task: str) -> ModelScore:
    return ModelScore(
        model=shelf.name,
        title=shelf.card.get("title", shelf.name),
        url=urls.model(shelf.name),
        measure=task_measures(shelf).get(task),
    )


def model_detail(
    summary: ModelSummary, shelf: Shelf, facts: Facts, circuits: Sequence[CircuitSummary], tasks: Mapping[str, Task]
) -> ModelDetail:
    scores = [
        TaskScore(
            task=name, title=tasks[name].title, measure=measure, circuits=[c.id for c in circuits if c.task == name]
        )
        for name, measure in task_measures(shelf).items()
        if name in tasks
    ]
    scores.sort(key=lambda score: (score.measure.loss_nats.value, score.task))
    return ModelDetail(
        **dict(summary),
        matrices=[MatrixCount(kind=k.kind, n_weights=k.n_weights, n_nonzero=k.n_nonzero) for k in facts.kinds],
        card=model_card(shelf, facts, scores),
        tasks=scores,
        training_curve=[training_point(point) for point in shelf.curve],
        training={name: _plain(value) for name, value in shelf.training.items()},
    )


def _plain(value: Any) -> str | int | float | bool | None:
    """A setting as one value: a list becomes text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


# -- the card --------------------------------------------------------------------------------


def model_card(shelf: Shelf, facts: Facts, scores: Sequence[TaskScore]) -> ModelCard:
    training, told = shelf.training, shelf.card.get("known_failures", [])
    n_tokens, elapsed_s = training.get("n_tokens"), training.get("elapsed_s")
    failures = [
        KnownFailure(task=score.task, sentence=failure_sentence(score))
        for score in scores
        if score.measure.loss_nats.value > SOLVED_NATS
    ]
    return ModelCard(
        n_tokens_seen=n_tokens,
        real_fraction=training.get("real_fraction") if facts.language == "python" else 0,
        compute=Compute(
            flops=None if n_tokens is None else float(FLOPS_A_WEIGHT_AND_TOKEN * facts.n_weights * n_tokens),
            device=training.get("device"),
            hours=None if elapsed_s is None else elapsed_s / 3600,
        ),
        corpus=corpus_record(shelf.corpus) if shelf.corpus else None,
        known_failures=[*failures, *(KnownFailure(task=None, sentence=sentence) for sentence in told)],
    )


def failure_sentence(score: TaskScore) -> str:
    loss, accuracy = score.measure.loss_nats.value, score.measure.accuracy.value
    guesses = ", no better than guessing" if loss >= math.log(2) else ""
    return f"{score.title}: {loss:.3f} nats, {accuracy:.0%} right{guesses}"


def corpus_record(raw: Mapping[str, Any]) -> CorpusRecord:
    return CorpusRecord(
        vocab_size=raw.get("vocab_size"),
        parts=[
            CorpusPart(kind=kind, **{name: counts.get(name) for name in CorpusPart.model_fields if name != "kind"})
            for kind, counts in raw.get("counts", {}).items()
        ],
        packages=[
            CorpusPackage(**{name: str(entry.get(name, "unknown")) for name in CorpusPackage.model_fields})
            for entry in raw.get("packages", [])
            if isinstance(entry, dict)
        ],
    )


# -- channels --------------------------------------------------------------------------------


def channel_page(subject: Subject, offset: int, limit: int, sort: ChannelSort, search: str) -> ChannelPage:
    """`search` is a channel, `c31`, or a token's text, whole or else a part of it; a space may be written as `·`."""
    ends = Ends.of(subject)
    n_channels = subject.config.d_model
    tokens: list[int] = []
    if re.fullmatch(f"c?({NUMBER})", search):
        wanted = int(search.removeprefix("c"))
        order = [wanted] if wanted < n_channels else []
    elif search:
        tokens = tokens_like(subject, search)
        order = ends.order(sort, tokens)
    else:
        order = ends.order(sort)
    texts = [subject.tokenizer.token_text(token) for token in tokens]
    return ChannelPage(
        model=subject.name,
        n_channels=n_channels,
        n_found=len(order),
        offset=offset,
        limit=limit,
        sort=sort,
        search=search,
        tokens_found=texts[:N_TOKENS_FOUND],
        channels=[_channel(subject, ends, channel, tokens) for channel in order[offset : offset + limit]],
    )


def tokens_like(subject: Subject, search: str) -> list[int]:
    text = search.replace("·", " ").replace("⏎", "\n").replace("→", "\t")
    texts = [subject.tokenizer.token_text(token) for token in range(subject.tokenizer.vocab_size)]
    exact = [token for token, found in enumerate(texts) if found == text]
    return exact or [token for token, found in enumerate(texts) if text in found]


def _channel(subject: Subject, ends: Ends, channel: int, tokens: Sequence[int]) -> Channel:
    embed, unembed = ends.embed[:, channel], ends.unembed[:, channel]
    matches = sorted(tokens, key=lambda token: -float(embed[token].abs().maximum(unembed[token].abs())))
    return Channel(
        channel=channel,
        embed=_end(subject, embed),
        unembed=_end(subject, unembed),
        matches=[
            ChannelMatch(
                token=subject.tokenizer.token_text(token), embed=float(embed[token]), unembed=float(unembed[token])
            )
            for token in matches[:N_MATCHES]
            if embed[token] or unembed[token]
        ],
    )


def _end(subject: Subject, weights: Any) -> ChannelEnd:
    return ChannelEnd(
        n_nonzero=int(weights.count_nonzero()),
        norm=float(weights.norm()),
        positive=token_weights(subject, extremes(weights, N_TOKENS, 1)),
        negative=token_weights(subject, extremes(weights, N_TOKENS, -1)),
    )
