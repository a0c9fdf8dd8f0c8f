"""Models as they are listed and looked at."""

from typing import Literal

from pydantic import Field

from app.schemas.base import CurvePoint, Measure, Wire


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


class ModelSummary(Wire):
    name: str
    title: str
    description: str
    url: str
    fingerprint: str
    config: ModelConfig
    language: Literal["python", "dyck"] = Field(description="what it reads; only tasks of it are asked")
    n_weights: int
    n_nonzero: int
    density: float
    n_nodes: int
    n_circuits: int
    val_loss_nats: float | None
    solved_tasks: int = Field(description="tasks with unpruned held-out loss <= 0.15 nats")


class ModelDetail(ModelSummary):
    tasks: list[TaskScore]
    training_curve: list[CurvePoint]
    training: dict[str, str | int | float | bool | None]
