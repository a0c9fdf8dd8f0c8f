"""A circuit as a program: its code, its equations, and how its answers agree on prompts that nobody has used."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Interval, Wire

Variant = Literal["exact", "simplified"]


class Equation(Wire):
    """One step. Where `title` is set a block begins and the rest is empty; all else is at token t."""

    name: str = Field(description="the value's name in the program")
    node: str | None
    label: str | None
    text: str
    mathml: str
    title: str | None


class ProgramMeasure(Wire):
    """Shares of prompts with the same answer; intervals are over pairs."""

    with_circuit: Interval
    with_full_model: Interval
    accuracy: Interval
    loss_nats: Interval
    largest_gap: float = Field(description="largest distance from the circuit's calibrated logit difference")


class ProgramTrial(Wire):
    """Both programs on held-out prompts that neither pruning nor the circuit's own figures saw."""

    n_pairs: int
    n_prompts: int
    seed: int
    exact: ProgramMeasure
    simplified: ProgramMeasure
    circuit: ProgramMeasure
    elapsed_s: float


class SimplifiedProgram(Wire):
    """The same with fewer digits and less to compute; `changes` has a sentence for each, chosen on train prompts."""

    python_url: str
    code: str
    n_lines: int = Field(description="of code, less the tables by token")
    digits: int | None = Field(description="significant digits of the weights; null: all")
    changes: list[str]
    n_train_prompts: int


class Program(Wire):
    """`code` is one Python file that needs numpy alone; `simplified` and `trial` come once it has been measured."""

    circuit: str
    url: str
    python_url: str
    notes: str | None = Field(description="the annotation that node comments are from")
    code: str
    n_lines: int
    n_bytes: int
    equations: list[Equation]
    simplified: SimplifiedProgram | None
    trial: ProgramTrial | None
