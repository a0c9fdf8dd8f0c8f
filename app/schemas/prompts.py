"""One prompt, or two in contrast: every node at every token, the ledger of the answer, a head's attention."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Interval, Wire
from app.schemas.experiments import Prediction


class TraceRun(Wire):
    """`activations[n][t]` is the trace's n-th node at its t-th token."""

    prediction: Prediction
    activations: list[list[float]]


class PromptTrace(Wire):
    """A prompt run through the full model and the circuit, with what every kept node does at every token."""

    tokens: list[str]
    nodes: list[str]
    full_model: TraceRun
    circuit: TraceRun
    elapsed_ms: float


class ContrastRequest(Wire):
    """Two prompts to set against each other. Without `candidates`, the task's own are used."""

    prompts: tuple[str, str] = Field(description="1 to 20,000 characters each")
    candidates: tuple[str, str] | None = None


class NodeDifference(Wire):
    """First minus second prompt, at each aligned place; `largest` is that of largest magnitude in the circuit."""

    node: str
    label: str
    full_model: list[float]
    circuit: list[float]
    largest: float
    at: int = Field(description="the aligned place of `largest`")


class Contrast(Wire):
    """What two prompts do differently. `places[i]` are the positions in both that belong together.

    The common beginning and the common end are aligned; what lies between, one to one from its end as far as the
    shorter goes. `nodes` holds only nodes that differ somewhere in the circuit, most different first.
    """

    tokens: tuple[list[str], list[str]]
    places: list[tuple[int, int]]
    nodes: list[NodeDifference]
    n_same: int = Field(description="kept nodes that do not differ at any place in the circuit")
    full_model: tuple[Prediction, Prediction]
    circuit: tuple[Prediction, Prediction]
    elapsed_ms: float


class LedgerEntry(Wire):
    """What one source adds to the logit difference, nats.

    `embedding`: the last token's embedding; `positions`: its position's; `node`: a kept node that writes the stream;
    `rest`: all other channels of the block `source` (in the circuit constants, their means; biases included);
    `clipped`: what AbsTopK took from the stream after a block; `held`: what a mask at the final residual changed;
    `norm_bias`: the final norm's bias; `bigram`: the last token's row of the bigram table; `logit_bias`: the bias.
    """

    kind: Literal["embedding", "positions", "node", "rest", "clipped", "held", "norm_bias", "bigram", "logit_bias"]
    source: str
    label: str
    logit_diff: float


class LedgerRun(Wire):
    """The entries sum to `total`; it differs from `measured` by rounding alone."""

    entries: list[LedgerEntry]
    total: float
    measured: float
    norm_scale: float = Field(description="what the final norm multiplied by, held at this value")


class Ledger(Wire):
    """The first candidate's logit minus the second's as an exact sum, the final norm's scale held as measured."""

    candidates: tuple[str, str]
    full_model: LedgerRun
    circuit: LedgerRun
    elapsed_ms: float


class AttentionRequest(Wire):
    layer: int = Field(ge=0, le=999)
    head: int = Field(ge=0, le=9999)
    prompt: str = Field(min_length=1, max_length=20_000)


class ChannelScores(Wire):
    """`scores[j]`: what one channel of the head adds to the last token's score of token j, q*k/sqrt(d_head)."""

    channel: int
    q_kept: bool
    k_kept: bool
    scores: list[float]


class HeadRun(Wire):
    """`pattern[i][j]` is how much token i looks at token j <= i; with `sink[i]` each row sums to 1."""

    pattern: list[list[float]]
    sink: list[float] | None = Field(description="the sink's share of each token; null in a model without sinks")
    sink_logit: float | None
    channels: list[ChannelScores] = Field(description="channels of which the circuit keeps q or k")
    rest: list[float] = Field(description="all other channels together")


class AttentionAnswer(Wire):
    layer: int
    head: int
    tokens: list[str]
    full_model: HeadRun
    circuit: HeadRun
    elapsed_ms: float


class WhatIf(Wire):
    """The task with one head's softmax replaced; `change_nats` is after minus before, pair by pair."""

    normaliser: Literal["softmax", "entmax15", "sparsemax"]
    loss_nats: Interval
    accuracy: Interval
    change_nats: Interval


class Sharpness(Wire):
    """What sharper attention in one head would do to the task: exact, on held-out pairs. The circuit's losses are under
    its calibration where `calibrated`."""

    circuit_id: str
    layer: int
    head: int
    n_pairs: int
    split: Literal["heldout"]
    calibrated: bool
    full_model: list[WhatIf]
    circuit: list[WhatIf]
    elapsed_ms: float
