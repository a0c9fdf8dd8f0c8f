"""Runs of one's own prompts and ablations: what is asked and what is answered."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import CircuitId, Interval, Measure, Name, NodeId, PromptPair, Wire
from app.schemas.circuits import Scaling
from app.schemas.lab import (
    CorpusEffect,
    Cut,
    Estimate,
    Interplay,
    Intervention,
    NoCorpusEffect,
    Steering,
)
from app.schemas.tasks import PairTokens

AblationMode = Literal["mean", "zero"]
Reference = Literal["full_model", "circuit", "empty_circuit", "uncalibrated_circuit", "calibrated_empty_circuit"]


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
    """The full model on a task. `circuit` is the one beside which it was asked; it decides no figure."""

    kind: Literal["model"]
    model: Name
    task: Name
    circuit: CircuitId | None = None


class AblationRequest(Wire):
    """Intervene in a circuit (all outside it already at its mean) or in the full model.

    `nodes` with `mode` is the short form for cutting nodes; `interventions` say each what and how. The seed chooses the
    task's pairs, what is resampled and the nodes that steering is compared with.
    """

    target: Annotated[CircuitTarget | ModelTarget, Field(discriminator="kind")]
    interventions: list[Intervention] = Field([], max_length=20_000)
    nodes: list[NodeId] = Field([], max_length=20_000)
    mode: AblationMode = "mean"
    n_pairs: int = Field(64, ge=1, le=512)
    seed: int = Field(0, ge=0, le=2**31 - 1)

    def asked(self) -> list[Intervention]:
        """All interventions, those of the short form first."""
        return [*(Cut(mode=self.mode, on=node) for node in self.nodes), *self.interventions]


class ChangedPair(Wire):
    """A pair whose loss moved: logit differences (right minus wrong) of its two prompts, before and after."""

    pair: PromptPair
    logit_diff_before: tuple[float, float]
    logit_diff_after: tuple[float, float]
    loss_change_nats: float
    tokens: PairTokens | None = None


class Ablation(Wire):
    """What interventions did: an immutable record. `before` and `after` are on the same held-out pairs, and exact.

    Within a circuit with a `calibration` its scale and shift act before and after, and on `calibrated_empty_circuit`;
    the full model, `empty_circuit` and `uncalibrated_circuit` are on logits as they are. Records of earlier versions
    lack what is null.
    """

    id: str
    url: str
    created_at: datetime
    request: AblationRequest
    model: str
    model_fingerprint: str
    task: str
    before: Measure
    after: Measure
    reference: dict[Reference, Measure]
    calibration: Scaling | None = Field(None, description="of the circuit that was cut; null: logits as they are")
    loss_change_nats: Interval
    changed: list[ChangedPair]
    estimate: Estimate | None = Field(None, description="what was stated before all pairs were measured")
    interplay: Interplay | None = Field(None, description="of 2 to 32 interventions")
    steering: Steering | None = None
    corpus: Annotated[CorpusEffect | NoCorpusEffect, Field(discriminator="kind")] | None = None
    pairs_fingerprint: str | None = Field(None, description="SHA-256 of the pairs that were measured")
    elapsed_ms: float
    versions: dict[str, str]
