"""What crosses the wire: every request, answer and event, typed to the last array.

Losses are nats, sizes are counts, times are seconds. A site or node is named as in the release:
`3.mlp.post_act:117`. The same names hold in Python, JSON, JavaScript and on the page.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NODE_PATTERN = r"^\d{1,3}\.(attn|mlp)\.[a-z_]{1,16}:\d{1,6}$"
NAME_PATTERN = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
CIRCUIT_PATTERN = r"^[0-9a-f]{16}$"

NodeId = Annotated[str, StringConstraints(pattern=NODE_PATTERN)]
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
CircuitId = Annotated[str, StringConstraints(pattern=CIRCUIT_PATTERN)]
AblationMode = Literal["mean", "zero"]
JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


class Wire(BaseModel):
    """The base of everything that is sent: unknown fields are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(Wire):
    """Why a request was refused, in one sentence."""

    status: int
    message: str


class ErrorAnswer(Wire):
    error: Problem


# -- figures ---------------------------------------------------------------------------------


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


# -- models and tasks ------------------------------------------------------------------------


class ModelConfig(Wire):
    n_layer: int
    d_model: int
    d_mlp: int
    n_head: int
    d_head: int
    vocab_size: int
    block_size: int
    activation: str
    norm: Literal["rms", "layer"]
    sink: bool
    afrac: float | None
    bigram_table: bool


class CurvePoint(Wire):
    """One point of a training or pruning curve."""

    step: int
    loss_nats: float
    size: int = Field(description="training: nonzero weights; pruning: nodes kept")


class TaskScore(Wire):
    """A task as one model does it, unpruned, on held-out pairs; `circuits` are the ids kept here."""

    task: str
    title: str
    measure: Measure
    circuits: list[str]


class ModelSummary(Wire):
    name: str
    title: str
    description: str
    url: str
    fingerprint: str
    config: ModelConfig
    n_weights: int
    n_nonzero: int
    density: float
    n_nodes: int
    n_circuits: int
    val_loss_nats: float | None
    solved_tasks: int = Field(description="tasks with unpruned held-out loss <= 0.15 nats")


class ModelDetail(ModelSummary):
    tasks: list[TaskScore]
    training_curve: list[CurvePoint]
    training: dict[str, str | int | float | bool | None]


class PromptPair(Wire):
    """Two prompts that differ in what decides the answer; `answers[i]` is right for `prompts[i]`."""

    prompts: tuple[str, str]
    answers: tuple[str, str]


class TaskSummary(Wire):
    name: str
    title: str
    question: str
    url: str
    example: PromptPair


class TaskDetail(TaskSummary):
    doc: str
    samples: list[PromptPair]
    circuits: list["CircuitSummary"]


# -- circuits --------------------------------------------------------------------------------


class Node(Wire):
    """A kept index of a maskable site. `effect_nats`: circuit loss with this node at its mean, minus without."""

    id: str
    site: str
    layer: int
    index: int
    head: int | None
    channel: int | None
    label: str
    effect_nats: float
    mean: float


class Edge(Wire):
    """A nonzero weight between two kept nodes: what circuit size counts."""

    source: str
    target: str
    weight: float


class Link(Wire):
    """A connection that is not a counted weight.

    `residual`: a writer (`resid_delta:c` or `embed:c`) to a later reader (`act_in:c`) of one channel;
    `qk`: the q and k channel that meet in a head's score; `unembed`: a writer to a candidate's logit.
    `weight` is the unembedding weight for `unembed`, else 1.
    """

    kind: Literal["residual", "qk", "unembed"]
    source: str
    target: str
    weight: float


class TokenWeight(Wire):
    token: str
    weight: float


class Terminal(Wire):
    """An end of the graph: `embed:c` (the token embedding's channel c) or `logit:t` (a candidate token's logit)."""

    id: str
    kind: Literal["embed", "logit"]
    index: int
    label: str
    tokens: list[TokenWeight] = Field(description="embed: the tokens that write this channel most, largest first")


class Calibration(Wire):
    """The logit scale and per-candidate shift fitted after pruning, with the train loss before and after."""

    scale: float
    shift: tuple[float, float]
    loss_before_nats: float
    loss_after_nats: float


class PruneSettings(Wire):
    """Settings of pruning (paper A.5); defaults are tuned for the bundled models."""

    n_steps: int = Field(200, ge=1, le=5000, description="gradient steps")
    pairs_per_step: int = Field(16, ge=1, le=128, description="prompt pairs in a step")
    k_coef: float = Field(4e-3, ge=0, le=1, description="nats of penalty for each kept node")
    lr: float = Field(1e-2, gt=0, le=1, description="AdamW learning rate at the start")
    weight_decay: float = Field(1e-3, ge=0, le=1)
    beta2: float = Field(0.95, gt=0, lt=1)
    warmup_fraction: float = Field(0.05, ge=0, le=0.9)
    heaviside_temp: float = Field(1.0, gt=0, le=10)
    init_noise_bias: float = Field(0.1, ge=-1, le=1)
    init_noise_scale: float = Field(0.01, ge=0, le=1)
    target_loss_nats: float = Field(0.15, gt=0, le=5, description="the circuit is as small as this loss allows")
    greedy: bool = Field(True, description="drop nodes afterwards whose removal keeps the loss under the target")
    seed: int = Field(0, ge=0, le=2**31 - 1)


class Provenance(Wire):
    """Where a circuit came from: the run that made it, enough to run it again."""

    method: Literal["prune"]
    settings: PruneSettings
    n_steps_run: int
    elapsed_s: float
    calibration: Calibration | None
    curve: list[CurvePoint]
    versions: dict[str, str]


class CircuitSummary(Wire):
    id: str
    url: str
    model: str
    task: str
    task_title: str
    created_at: datetime
    n_nodes: int
    n_edges: int
    loss_nats: Interval = Field(description="held-out loss of the circuit, all else at its mean")
    full_model_loss_nats: float


class CircuitDetail(CircuitSummary):
    """A whole circuit: the graph, its figures and where it came from. The id is derived from its content."""

    format: Literal["sparsescope-circuit/1"]
    model_fingerprint: str
    n_layer: int
    nodes: list[Node]
    edges: list[Edge]
    links: list[Link]
    terminals: list[Terminal]
    measures: Comparison
    target_loss_nats: float
    example: PromptPair
    provenance: Provenance


class Weight(Wire):
    """One weight at a node; `in_circuit` says whether the other end is kept."""

    node: str
    label: str
    weight: float
    in_circuit: bool


class PromptActivations(Wire):
    """A node along one prompt: `values[i]` at token `tokens[i]`, in the full model and in the circuit."""

    tokens: list[str]
    full_model: list[float]
    circuit: list[float]


class PairActivations(Wire):
    class_1: PromptActivations
    class_2: PromptActivations


class NodeDetail(Wire):
    """A node of a circuit: its weights, the tokens it reads or logits it writes, its activations on pairs."""

    circuit: str
    node: Node
    n_weights_in: int
    n_weights_out: int
    weights_in: list[Weight] = Field(description="largest first, at most 50; those in the circuit always")
    weights_out: list[Weight]
    tokens_in: list[TokenWeight] = Field(description="act_in: tokens whose embedding writes this channel most")
    logits_out: list[TokenWeight] = Field(description="resid_delta: logits that this channel moves most")
    pairs: list[PairActivations]


# -- running and ablating --------------------------------------------------------------------


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


# -- jobs ------------------------------------------------------------------------------------


class PruneRequest(Wire):
    kind: Literal["prune"] = "prune"
    model: Name
    task: Name
    settings: PruneSettings = PruneSettings()


class JobProgress(Wire):
    """Where a job is. `phase` is a word for people: learning, bisecting, dropping, measuring."""

    phase: str
    step: int
    n_steps: int
    elapsed_s: float
    eta_s: float | None


class StepEvent(Wire):
    """One step of a running prune, as sent by the event stream (`event: step`)."""

    step: int
    n_steps: int
    phase: str
    loss_nats: float
    n_nodes: int
    n_edges: int | None
    elapsed_s: float


class Job(Wire):
    """Work that outlives a request. The stream at `events_url` sends `step` and `state` events."""

    id: str
    url: str
    events_url: str
    request: PruneRequest
    state: JobState
    queue_place: int | None = Field(description="0 is next; null unless queued")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: JobProgress | None
    circuit: str | None = Field(description="the circuit made, once done")
    error: str | None


class Health(Wire):
    status: Literal["ok"]
    version: str
    device: str
    models: int
