"""What comes in: a model folder, a circuit in one of the forms, and what is said of it before it is kept."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Wire
from app.schemas.circuits import CircuitSummary
from app.schemas.jobs import Job

ImportForm = Literal["sparsescope", "released", "sparse-pretrain", "prompt-pairs"]


class ModelArrival(Wire):
    """A model that was taken in. Its means are computed by `job`, unless the folder brought them."""

    name: str
    url: str
    fingerprint: str
    tokenizer: Literal["own", "token ids"] = Field(description="token ids: the folder brought none")
    job: Job | None
    notes: list[str]


class ImportLimits(Wire):
    """What is read, and how much of it."""

    model_files: list[str]
    most_model_bytes: int
    circuit_forms: list[ImportForm]
    models: list[str] = Field(description="models that a circuit can be of")


class StoredFigures(Wire):
    """What a file says of its circuit, nats a prompt; released files store sums over a pair, which are halved."""

    full_model_loss_nats: float | None = None
    circuit_loss_nats: float | None = None
    node_loss_nats: dict[str, float] = Field(default={}, description="the circuit's loss less one node")


class ImportCheck(Wire):
    """What a file comes to, before anything is kept: a sentence for each fault, else what would be stored."""

    form: ImportForm | None
    faults: list[str] = Field(description="the first 50; with any, nothing can be kept")
    notes: list[str] = Field(description="what the file holds besides, and what was told from it")
    model: str | None = None
    task: str | None = None
    n_nodes: int | None = None
    n_edges: int | None = None
    n_pairs: int | None = None
    stored: StoredFigures | None = None
    example: tuple[str, str] | None = Field(None, description="the first pair of prompts, where the file brings any")


class Imported(Wire):
    """What was kept: a circuit, or a task where the file held prompt pairs."""

    form: ImportForm
    url: str
    circuit: CircuitSummary | None
    task: str
    is_new: bool
    notes: list[str]
