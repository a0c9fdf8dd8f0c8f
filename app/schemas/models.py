"""Models as they are listed and looked at: shape, nonzeros, losses, card."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Measure, Wire

Role = Literal["best", "sparser", "denser", "dense_twin", "seed", "dyck"]


class ModelConfig(Wire):
    n_layer: int
    d_model: int
    d_mlp: int
    n_head: int
    d_head: int
    vocab_size: int
    block_size: int
    activation: str
    norm: Literal["rms", "layer"]
    sink: bool
    afrac: float | None
    bigram_table: bool


class TaskScore(Wire):
    """A task as one model does it, unpruned, on held-out pairs; `circuits` are the ids kept here."""

    task: str
    title: str
    measure: Measure
    circuits: list[str]


class HeldOutLosses(Wire):
    """Next-token loss at the end of training on held-out text, nats a token; `mixed` weighs both kinds alike."""

    generated: float | None
    real: float | None
    mixed: float | None


class ModelSummary(Wire):
    name: str
    title: str
    description: str
    url: str
    fingerprint: str
    config: ModelConfig
    language: Literal["python", "dyck", "tokens"] = Field(description="what it reads; only tasks of it are asked")
    family: str | None = Field(description="models made to be compared, like python-3x512")
    role: Role | None
    seed: int | None
    twin_of: str | None = Field(description="the model whose loss this one was made to match")
    n_weights: int
    n_nonzero: int
    density: float
    n_nodes: int
    n_circuits: int
    has_means: bool = Field(
        description="whether its corpus means are there; until then nothing is pruned or cut to them"
    )
    val_loss_nats: float | None
    losses: HeldOutLosses
    n_tasks: int = Field(description="tasks measured")
    solved_tasks: int = Field(description="tasks with unpruned held-out loss <= 0.15 nats")


class MatrixCount(Wire):
    """Nonzeros of one kind of matrix, over all layers. The bigram table, biases, norms and sinks are always dense."""

    kind: str
    n_weights: int
    n_nonzero: int


class TrainingPoint(Wire):
    """One point of the training curve; losses are nats a token."""

    step: int
    tokens: int | None
    train_loss_nats: float | None
    val_generated_nats: float | None
    val_real_nats: float | None
    density: float | None
    n_nonzero: int


class CorpusPart(Wire):
    """One kind of text of the corpus that a model was trained on."""

    kind: str
    train_tokens: int | None
    val_tokens: int | None
    train_documents: int | None
    val_documents: int | None
    chars_per_token: float | None


class CorpusPackage(Wire):
    """A package whose source was read; `stated` is where it states its licence."""

    name: str
    version: str
    licence: str
    stated: str


class CorpusRecord(Wire):
    vocab_size: int | None
    parts: list[CorpusPart]
    packages: list[CorpusPackage]


class Compute(Wire):
    """`flops` is 6 times all weights of the matrices, zeros too, times tokens seen."""

    flops: float | None
    device: str | None
    hours: float | None


class KnownFailure(Wire):
    """Something the model does badly; with `task`, one whose unpruned held-out loss is above 0.15 nats."""

    task: str | None
    sentence: str


class ModelCard(Wire):
    n_tokens_seen: int | None
    real_fraction: float | None = Field(description="of the tokens seen, the part from real code")
    compute: Compute
    corpus: CorpusRecord | None = Field(description="null where the model's folder does not say")
    known_failures: list[KnownFailure]


class ModelDetail(ModelSummary):
    matrices: list[MatrixCount]
    card: ModelCard
    tasks: list[TaskScore]
    training_curve: list[TrainingPoint]
    training: dict[str, str | int | float | bool | None]
