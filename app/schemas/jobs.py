"""Jobs, the steps they report, and whether the server is up."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import CircuitId, Name, Wire
from app.schemas.card import ControlName
from app.schemas.circuits import PruneSettings, ReachedSize
from app.schemas.lab import SweepRequest

JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


class PruneRequest(Wire):
    kind: Literal["prune"] = "prune"
    model: Name
    task: Name
    settings: PruneSettings = PruneSettings()


class SearchRequest(Wire):
    """Prunes with many settings; the circuit with the fewest edges at the target is kept. The first trial has these
    settings, Optuna's TPE sampler proposes the others."""

    kind: Literal["search"] = "search"
    model: Name
    task: Name
    settings: PruneSettings = PruneSettings()
    n_trials: int = Field(12, ge=1, le=256, description="runs of pruning")


class CardRequest(Wire):
    """Controls of a circuit's card; with `n_steps` its shuffled prunes take fewer gradient steps."""

    kind: Literal["card"] = "card"
    circuit: CircuitId
    controls: list[ControlName]
    n_steps: int | None = None


class MeansRequest(Wire):
    """Corpus means of a model that brought none."""

    kind: Literal["means"] = "means"
    model: Name


class SweepJob(SweepRequest):
    """A sweep that is too large for a request; once done it is found where small ones are asked for."""

    kind: Literal["sweep"] = "sweep"
    circuit: CircuitId


JobRequest = Annotated[
    PruneRequest | SearchRequest | CardRequest | MeansRequest | SweepJob, Field(discriminator="kind")
]


class JobProgress(Wire):
    """Where a job is. `phase` is a word for people: learning, bisecting, dropping, measuring; of a card's job it begins
    with the control."""

    phase: str
    step: int
    n_steps: int
    elapsed_s: float
    eta_s: float | None = Field(
        description="until the last gradient step, at the pace of the last ten seconds; null in the phases after it"
    )


class StepEvent(Wire):
    """One step of a running prune, as sent by the event stream (`event: step`)."""

    step: int
    n_steps: int
    phase: str
    loss_nats: float
    n_nodes: int
    n_edges: int | None
    elapsed_s: float


class JobLogLine(Wire):
    """A line of a job's log, as sent by the event stream (`event: log`)."""

    at: datetime
    message: str


class Job(Wire):
    """Work that outlives a request. The stream at `events_url` sends `step`, `state` and `log` events.

    An interrupted job has lost its worker and goes on, from its last checkpoint, as soon as there is one.
    """

    id: str
    url: str
    events_url: str
    request: JobRequest
    state: JobState
    visitor: str = Field(description="the beginning of a name for who asked; visitors take turns")
    queue_place: int | None = Field(description="0 is next; null unless the job waits")
    starts_in_s: float | None = Field(
        description="until its turn, from the steps of what runs and the last jobs of each kind; null if not measured"
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: JobProgress | None
    resumed_from_step: int | None = Field(description="where it last went on after it was interrupted")
    stop_asked: bool = Field(description="it was asked to end with what it has")
    circuit: str | None = Field(description="once done: the circuit made, measured or swept; null for means")
    error: str | None


class JobDetail(Job):
    """A job with the frontier that its run has reached against wall time."""

    reached: list[ReachedSize] = Field(
        description="of a prune: sizes at which circuits met the target, each smaller than all before; the last one, "
        "once it is calibrated, is the circuit that is kept"
    )


class Health(Wire):
    status: Literal["ok"]
    version: str
    device: str
    models: int
