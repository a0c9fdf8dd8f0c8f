"""What all requests and answers share: names, the refusal, figures with their intervals."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NODE_PATTERN = r"^\d{1,3}\.(attn|mlp)\.[a-z_]{1,16}:\d{1,6}$"
NAME_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
CIRCUIT_PATTERN = r"^[0-9a-f]{16}$"

NodeId = Annotated[str, StringConstraints(pattern=NODE_PATTERN)]
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
CircuitId = Annotated[str, StringConstraints(pattern=CIRCUIT_PATTERN)]


class Wire(BaseModel):
    """The base of everything that is sent: unknown fields are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(Wire):
    """Why a request was refused, in one sentence; where many things were wrong, with a sentence for each."""

    status: int
    message: str
    faults: list[str] | None = Field(None, description="prompt pairs: every fault, the first 50; else left out")
    n_faults: int | None = Field(None, description="how many faults there are")
    request_id: str | None = Field(None, description="the same as in `x-request-id` and in the server's log")


class ErrorAnswer(Wire):
    error: Problem


class Interval(Wire):
    """A mean with its 95% bootstrap interval over pairs."""

    value: float
    low: float
    high: float


class Measure(Wire):
    """How well something does a task: `n_pairs` prompt pairs, two prompts each."""

    loss_nats: Interval
    accuracy: Interval
    logit_diff: Interval
    n_pairs: int
    split: Literal["train", "heldout"]


class Comparison(Wire):
    """The same pairs on the full model, the circuit (all else at its mean) and the empty circuit."""

    full_model: Measure
    circuit: Measure
    empty_circuit: Measure
    uncalibrated_circuit: Measure | None = Field(
        None, description="the circuit on its logits as they are, where it has a calibration"
    )


class CurvePoint(Wire):
    """One point of a training or pruning curve."""

    step: int
    loss_nats: float
    size: int = Field(description="training: nonzero weights; pruning: nodes kept")


class PromptPair(Wire):
    """Two prompts that differ in what decides the answer; `answers[i]` is right for `prompts[i]`."""

    prompts: tuple[str, str]
    answers: tuple[str, str]
