"""Pretraining loss against circuit size, one point a model."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Wire
from app.schemas.models import HeldOutLosses, Role

LossKind = Literal["generated", "real", "mixed"]


class FrontierTask(Wire):
    """A task that some model shown has a circuit for; `common` to all shown, it is in the geometric mean."""

    task: str
    title: str
    common: bool


class SmallestCircuit(Wire):
    """The smallest circuit of a model that does a task at the target loss."""

    task: str
    circuit: str
    url: str
    n_nodes: int
    n_edges: int
    loss_nats: float


class FrontierPoint(Wire):
    model: str
    title: str
    url: str = Field(description="its circuits")
    n_layer: int
    d_model: int
    n_nonzero: int
    density: float
    role: Role | None
    is_dense: bool
    losses: HeldOutLosses
    shown: bool
    why_not: str | None = Field(description="why it is not shown")
    n_edges: float | None = Field(description="geometric mean over the common tasks, or edges for the one task chosen")
    times_smaller: float | None = Field(description="edges of the dense twin over its own")
    smallest: list[SmallestCircuit] = Field(description="one a task; a task that is not here has no such circuit")


class Frontier(Wire):
    """Only circuits whose held-out loss, within its 95% interval, meets the target; without edges counts as one."""

    target_loss_nats: float
    loss: LossKind
    task: str | None = Field(description="the one task that sizes are of; null for the geometric mean")
    tasks: list[FrontierTask]
    dense_twin: str | None
    points: list[FrontierPoint]
