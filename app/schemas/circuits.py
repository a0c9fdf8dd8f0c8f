"""A circuit whole: its graph, its figures, where it came from; and one node of it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from app.schemas.base import Comparison, CurvePoint, Interval, PromptPair, Wire
from model.prune_settings import PruneSettings as _Settings

DEFAULTS = _Settings()


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


class Scaling(Wire):
    """What a circuit's logits go through before its loss is taken: all times `scale`, then `shift` is added to class
    1's candidate and taken from class 2's. It belongs to the circuit, and its id to it."""

    scale: float
    shift: float


class PruneSettings(Wire):
    """Settings of pruning (paper A.5); defaults are tuned for the bundled models."""

    n_steps: int = Field(DEFAULTS.n_steps, ge=1, le=5000, description="gradient steps")
    pairs_per_step: int = Field(DEFAULTS.pairs_per_step, ge=1, le=128, description="prompt pairs in a step")
    k_coef: float = Field(DEFAULTS.k_coef, ge=0, le=1, description="nats of penalty for each kept node")
    edge_coef: float = Field(DEFAULTS.edge_coef, ge=0, le=1, description="nats of penalty for each kept edge; paper: 0")
    ease_penalty: bool = Field(
        DEFAULTS.ease_penalty, description="ease the penalty as the task loss nears the target; off is the paper's"
    )
    lr: float = Field(DEFAULTS.lr, gt=0, le=1, description="AdamW learning rate at the start")
    weight_decay: float = Field(DEFAULTS.weight_decay, ge=0, le=1)
    beta2: float = Field(DEFAULTS.beta2, gt=0, lt=1)
    warmup_fraction: float = Field(DEFAULTS.warmup_fraction, ge=0, le=0.9)
    heaviside_temp: float = Field(DEFAULTS.heaviside_temp, gt=0, le=10)
    init_noise_bias: float = Field(DEFAULTS.init_noise_bias, ge=-1, le=1)
    init_noise_scale: float = Field(DEFAULTS.init_noise_scale, ge=0, le=1)
    warm_start: bool = Field(
        DEFAULTS.warm_start,
        description="nodes with large estimated effects start with large taus; off: dealt by chance, as in the paper",
    )
    patience: int = Field(
        DEFAULTS.patience,
        ge=0,
        le=5000,
        description="end the steps when for so many no notably smaller circuit has met the target; 0: take all",
    )
    drop_below: float = Field(DEFAULTS.drop_below, ge=-1, lt=0, description="a node whose tau falls below is let go")
    target_loss_nats: float = Field(
        DEFAULTS.target_loss_nats, gt=0, le=5, description="the circuit is as small as this loss allows"
    )
    margin_nats: float = Field(
        DEFAULTS.margin_nats, ge=0, le=1, description="its size is chosen this far below the target, on train pairs"
    )
    calibrated: bool = Field(
        DEFAULTS.calibrated,
        description="the target is for calibrated logits (scaled, shifted between the candidates); off: as they are",
    )
    greedy: bool = Field(
        DEFAULTS.greedy, description="drop nodes afterwards whose removal keeps the loss under the target"
    )
    cut_edges: bool = Field(DEFAULTS.cut_edges, description="then cut the edges that the target can do without")
    seed: int = Field(0, ge=0, le=2**31 - 1)


def _as_recorded(settings: Any) -> Any:
    """A record that says nothing of a warm start and of patience was made before there were any."""
    if isinstance(settings, dict) and "warm_start" not in settings:
        return {**settings, "warm_start": False, "patience": 0}
    return settings


#: Settings of a run that has been.
RecordedSettings = Annotated[PruneSettings, BeforeValidator(_as_recorded)]


class SearchTrial(Wire):
    """One run of a search; the loss is on fresh train pairs."""

    settings: dict[str, float]
    n_nodes: int
    n_edges: int
    loss_nats: float
    reached_target: bool


class Search(Wire):
    """The search for a circuit's settings (Optuna's TPE sampler): every trial, in order; the first is the defaults."""

    sampler: Literal["tpe"]
    seed: int
    trials: list[SearchTrial]


class OrderedSize(Wire):
    """The first `n_nodes` of a pruning order as a circuit; the loss is on fresh train pairs."""

    n_nodes: int
    n_edges: int
    loss_nats: float


class PruningOrder(Wire):
    """The order in which a run would give nodes up, most wanted first, and the loss at sizes along it.

    The circuit itself is the first of `order`; nodes after it were dropped last. `sizes` are measured on `n_pairs`.
    """

    order: list[str]
    sizes: list[OrderedSize]
    n_pairs: int


class ReachedSize(Wire):
    """A circuit that a run had after so many seconds and that met the target, smaller than all before; the last, in the
    phase `calibrating`, is the one that was kept."""

    elapsed_s: float
    phase: str
    n_nodes: int
    n_edges: int
    loss_nats: float = Field(
        description="while learning an estimate, from the pairs of a few steps; then measured on the pairs that choose "
        "the size, and of the one that was kept on all fresh pairs"
    )


class Derived(Wire):
    """The circuit is the first `n_nodes` of the pruning order of another, which itself keeps `n_of`."""

    circuit: str
    n_nodes: int
    n_of: int


class Forked(Wire):
    """The circuit is another with these nodes dropped and added."""

    circuit: str
    dropped: list[str]
    added: list[str]


class ImportedFrom(Wire):
    """The file that a circuit came from, and what it says of it; losses are nats a prompt."""

    form: Literal["sparsescope", "released", "sparse-pretrain"]
    file_name: str
    full_model_loss_nats: float | None
    circuit_loss_nats: float | None
    node_loss_nats: dict[str, float] = Field(description="the circuit's loss less one node, by node")
    notes: list[str]


class Provenance(Wire):
    """Where a circuit came from: the run that made it, enough to run it again; or the file, in `imported`."""

    method: Literal["prune", "import"]
    settings: RecordedSettings
    n_steps_run: int
    elapsed_s: float
    calibration: Calibration | None
    curve: list[CurvePoint]
    reached: list[ReachedSize] = Field(default=[], description="the frontier against wall time; empty where not noted")
    search: Search | None = None
    order: PruningOrder | None = None
    derived: Derived | None = None
    forked: Forked | None = None
    imported: ImportedFrom | None = None
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
    n_cut_edges: int = Field(
        0, description="weights between kept nodes that were cut; the paper's count of edges is n_edges + n_cut_edges"
    )
    loss_nats: Interval = Field(
        description="held-out loss of the circuit, all else at its mean, calibrated where it has a calibration"
    )
    calibration: Scaling | None = Field(None, description="None: the circuit is measured on its logits as they are")
    full_model_loss_nats: float


class CircuitDetail(CircuitSummary):
    """A whole circuit: the graph, its figures and where it came from. The id is derived from its content.

    The JSON of a circuit carries its card; read as this, without notes or card, it is left behind.
    """

    format: Literal["sparsescope-circuit/1"]
    model_fingerprint: str
    n_layer: int
    nodes: list[Node]
    edges: list[Edge]
    cut_edges: list[Edge] = Field(
        default=[], description="weights between kept nodes of which the target sees only the source's mean"
    )
    final_resid: list[int] | None = Field(
        default=None,
        description="channels that reach the last norm, all others being at their mean there, as released circuits "
        "mask them; None: none is masked",
    )
    links: list[Link]
    terminals: list[Terminal]
    measures: Comparison
    target_loss_nats: float
    example: PromptPair
    provenance: Provenance

    @model_validator(mode="before")
    @classmethod
    def _without_card(cls, data: Any) -> Any:
        if isinstance(data, dict) and "card" in data and "card" not in cls.model_fields:
            return {name: value for name, value in data.items() if name != "card"}
        return data


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
