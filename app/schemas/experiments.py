"""Runs of one's own prompts and ablations: what is asked and what is answered."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import CircuitId, Interval, Measure, Name, NodeId, PromptPair, Wire

AblationMode = Literal["mean", "zero"]


class PromptRun(Wire):
    """A prompt of one's own, answered by full model and circuit. Without `candidates`, the task's own are used."""

    prompt: str = Field(min_length=1, max_length=20_000)
    candidates: tuple[str, str] | None = None


class TokenProbability(Wire):
    token: str
    probability: float


class Prediction(Wire):
    """The next token: the most probable, and the candidates with their logits (uncalibrated)."""

    top: list[TokenProbability]
    candidates: list[TokenProbability]
    logit_diff: float = Field(description="first candidate's logit minus the second's")


class RunAnswer(Wire):
    tokens: list[str]
    full_model: Prediction
    circuit: Prediction
    elapsed_ms: float


class CircuitTarget(Wire):
    kind: Literal["circuit"]
    circuit: CircuitId


class ModelTarget(Wire):
    kind: Literal["model"]
    model: Name
    task: Name


class AblationRequest(Wire):
    """Cut `nodes` in a circuit (all outside it already at its mean) or in the full model."""

    target: Annotated[CircuitTarget | ModelTarget, Field(discriminator="kind")]
    nodes: list[NodeId] = Field(min_length=1, max_length=20_000)
    mode: AblationMode = "mean"
    n_pairs: int = Field(64, ge=1, le=512)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class ChangedPair(Wire):
    """A pair whose loss moved: logit differences (right minus wrong) of its two prompts, before and after."""

    pair: PromptPair
    logit_diff_before: tuple[float, float]
    logit_diff_after: tuple[float, float]
    loss_change_nats: float


class Ablation(Wire):
    """What a cut did: an immutable record. `before` and `after` are on the same held-out pairs."""

    id: str
    url: str
    created_at: datetime
    request: AblationRequest
    model: str
    model_fingerprint: str
    task: str
    before: Measure
    after: Measure
    reference: dict[Literal["full_model", "circuit", "empty_circuit"], Measure]
    loss_change_nats: Interval
    changed: list[ChangedPair]
    elapsed_ms: float
    versions: dict[str, str]
