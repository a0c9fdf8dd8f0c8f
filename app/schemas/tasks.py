"""Tasks as they are listed and looked at, and a user's own as it is given and checked."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.schemas.base import Measure, Name, PromptPair, Wire
from app.schemas.circuits import CircuitSummary


class TaskSummary(Wire):
    name: str
    title: str
    question: str
    url: str
    example: PromptPair
    language: Literal["python", "dyck", "tokens"]
    own: bool = Field(description="whether a user gave its pairs")
    prunable: bool = Field(description="false where its prompts came with a circuit: none are left to measure on")


class OwnPairs(Wire):
    """What there is of a user's own task. No prompt is both pruned on and held out."""

    n_train: int
    n_heldout: int
    checked_with: str = Field(description="the model whose tokeniser checked the pairs")
    created_at: datetime


class ModelScore(Wire):
    """One model's unpruned measure of a task, as its card has it; null where it was never put on the card."""

    model: str
    title: str
    url: str
    measure: Measure | None


class TaskDetail(TaskSummary):
    doc: str
    scores: list[ModelScore] = Field(description="models of the task's language")
    samples: list[PromptPair]
    circuits: list[CircuitSummary]
    pairs: OwnPairs | None = Field(description="null for a task whose pairs are made on request")


class TaskRequest(Wire):
    """Prompt pairs of one's own: `{"prompts": [{"clean", "corrupt", "answers": [..], "wrong_answers": [..]}]}`."""

    title: str = Field(min_length=1, max_length=80)
    question: str = Field("", max_length=200, description="what the model must tell")
    model: Name = Field(description="the model whose tokeniser checks the pairs")
    pairs: str | dict[str, Any] = Field(description="AutoCircuit's form: as an object, or as the text of such a file")


class PairTokens(Wire):
    """A pair as the model reads it: the tokens of both prompts and its two answers, one token each."""

    prompts: tuple[list[str], list[str]]
    answers: tuple[str, str]


class TaskCheck(Wire):
    """What prompt pairs come to: every fault in a sentence, how they are split, the tokens of the first."""

    faults: list[str] = Field(description="the first 50")
    n_faults: int
    n_pairs: int = Field(description="pairs without a fault, repeated ones counted once")
    n_train: int
    n_heldout: int
    preview: list[PairTokens]


class TaskMeasure(Wire):
    """A task as one model does it, unpruned, on held-out pairs: measured now, not read from the model's card."""

    model: str
    task: str
    measure: Measure
