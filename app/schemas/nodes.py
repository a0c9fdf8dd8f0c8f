"""One node seen from many sides: over the task's pairs, over held-out text, as a function."""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import Interval, Wire


class ClassValues(Wire):
    """One value a prompt, pair by pair, for both classes; means with 95% bootstrap intervals over pairs."""

    class_1: list[float]
    class_2: list[float]
    mean_1: Interval
    mean_2: Interval
    difference: Interval = Field(description="class 1 minus class 2, pair by pair")


class TaskValues(Wire):
    """A node's activations along each prompt made one value, in three ways."""

    last: ClassValues = Field(description="at the prompt's last token")
    mean: ClassValues = Field(description="mean over the prompt's tokens")
    largest: ClassValues = Field(description="the activation of largest magnitude, with its sign")


class NodeOnTask(Wire):
    """A node over held-out pairs of its circuit's task."""

    circuit_id: str
    node: str
    task: str
    n_pairs: int
    split: Literal["heldout"]
    full_model: TaskValues
    circuit: TaskValues


class CorpusExample(Wire):
    """A stretch of text: `values[i]` is the node's activation at `tokens[i]`; `tokens[focus]` is the one chosen."""

    tokens: list[str]
    values: list[float]
    focus: int


class CorpusShare(Wire):
    """Tokens from the `share` of all tokens with the largest and the smallest activations, at even steps through it."""

    share: float
    top: list[CorpusExample]
    bottom: list[CorpusExample]


class CorpusRun(Wire):
    """A node at every token of the held-out text; `counts` are of the answer's `edges`."""

    zero_share: float = Field(description="share of tokens at which the activation is exactly zero")
    mean: float
    low: float
    high: float
    counts: list[int]
    shares: list[CorpusShare]


class NodeOnCorpus(Wire):
    """Activations are kept in half precision: three significant digits. `edges` bound the histogram's bins."""

    kind: Literal["measured"]
    circuit_id: str
    node: str
    n_documents: int
    n_tokens: int
    edges: list[float]
    full_model: CorpusRun
    circuit: CorpusRun
    elapsed_ms: float = Field(description="most of it once a circuit; then the values of all its nodes are kept")


class NoCorpus(Wire):
    """There is no held-out text that this model reads; `message` says so in one sentence."""

    kind: Literal["none"]
    message: str


CorpusAnswer = Annotated[NodeOnCorpus | NoCorpus, Field(discriminator="kind")]


class ResponseWrite(Wire):
    """A channel that a neuron writes: its contribution is `weight` times what comes out of it."""

    node: str
    label: str
    weight: float
    in_circuit: bool


class PreCounts(Wire):
    """How often what goes into the neuron falls between two neighbours of `edges`."""

    full_model: list[int]
    circuit: list[int]


class NeuronResponse(Wire):
    """A neuron as a function: `post[i]` comes out where `pre[i]` goes in, before AbsTopK, which may silence it."""

    circuit_id: str
    node: str
    activation: Literal["gelu", "relu"]
    bias: float = Field(description="what goes in when all that the neuron reads is zero")
    pre: list[float]
    post: list[float]
    writes: list[ResponseWrite] = Field(description="largest magnitude first")
    edges: list[float]
    task_counts: PreCounts = Field(description="at every token of the task's held-out pairs")
    n_pairs: int
    n_tokens: int = Field(description="of those pairs")
    corpus_counts: PreCounts | None = Field(description="at tokens of the held-out text; none where there is no text")
    n_corpus_tokens: int
