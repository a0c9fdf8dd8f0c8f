"""The card of a circuit: each control as measured, which are missing, and what all of it allows one to believe."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import CircuitId, Comparison, Interval, Measure, PromptPair, Wire
from app.schemas.circuits import RecordedSettings

ControlName = Literal[
    "necessity",
    "calibration",
    "random_circuits",
    "ablation_modes",
    "faithfulness",
    "corpus",
    "elsewhere",
    "shuffled_weights",
    "shuffled_labels",
]


#: What logits went through before a figure was taken. none: as they are. own: the scale and shift that the circuit
#: carries. refitted: for each the scale and shift that suit it best on these very pairs.
CalibrationUse = Literal["none", "own", "refitted"]


class Necessity(Wire):
    """The full model with only the circuit's nodes at their mean: what it loses without them. Logits as they are."""

    control: Literal["necessity"]
    full_model: Measure
    without_circuit: Measure
    loss_change_nats: Interval
    does_task: bool = Field(description="whether it still does the task without them")


class CalibrationAlone(Wire):
    """What scale and shift do without the circuit: the empty circuit as it is and refitted, beside the circuit as it
    is and with the calibration it carries; all on the same pairs."""

    control: Literal["calibration"]
    full_model: Measure = Field(description="logits as they are")
    circuit: Measure = Field(description="with its own calibration, where it carries one")
    uncalibrated_circuit: Measure = Field(description="logits as they are")
    empty_circuit: Measure = Field(description="logits as they are")
    refitted_empty_circuit: Measure = Field(description="with the scale and shift that suit it best on these pairs")
    scale: float | None = Field(description="by which the circuit multiplies its logits; null where it does not")
    shift: float | None
    empty_does_task: bool = Field(description="whether the empty circuit does the task, as it is or refitted")


class RandomCircuits(Wire):
    """Circuits of as many nodes at each site, drawn from `seed`, on the same pairs; no edge of theirs is cut.

    With `calibration` refitted each of them, and the circuit too, has the scale and shift that suit it best here.
    """

    control: Literal["random_circuits"]
    calibration: CalibrationUse
    n_draws: int
    seed: int
    n_pairs: int
    losses_nats: list[float] = Field(description="in the order of the draws")
    circuit_loss_nats: float
    share_at_most: float = Field(description="share of random circuits whose loss is at most the circuit's")


class AblationModes(Wire):
    """The circuit with all other nodes ablated in three ways; cut edges carry their source's mean in each.

    With `calibration` refitted each of the three has the scale and shift that suit it best on these pairs;
    `uncalibrated` are then the same three on logits as they are.
    """

    control: Literal["ablation_modes"]
    calibration: CalibrationUse
    uncalibrated: dict[Literal["mean", "zero", "resample"], Measure] | None
    mean: Measure
    zero: Measure
    resample: Measure
    seed: int
    does_task: dict[Literal["mean", "zero", "resample"], bool]
    flips: bool = Field(description="whether the three disagree about the task being done")


class FaithfulPoint(Wire):
    """The first `n_nodes` of the ranking, which is `fraction` of all nodes, rounded down."""

    fraction: float
    n_nodes: int
    f: Interval


class Faithfulness(Wire):
    """MIB: f = (m(circuit) - m(empty)) / (m(full) - m(empty)), m the mean logit difference; areas by trapezoids.

    All three m are of logits as they are. The circuit's own calibration, given to all three, leaves f as it is: the
    shift cancels over the two classes and the scale between numerator and denominator.
    """

    control: Literal["faithfulness"]
    calibration: CalibrationUse
    points: list[FaithfulPoint]
    cpr: Interval = Field(description="area under f, from fraction .001 to 1")
    cmd: Interval = Field(description="area under |1 - f|")
    circuit_fraction: float
    circuit_f: Interval
    full_logit_diff_nats: float
    empty_logit_diff_nats: float
    n_pairs: int
    n_model_nodes: int
    ranking: Literal["pruning order, then estimated effect", "effect, then estimated effect"]


class NodeBehaviour(Wire):
    """A node on text inside the circuit against inside the full model, at the same tokens."""

    node: str
    correlation: Interval | None = Field(description="over tokens; null where the node is constant on either side")
    spread_ratio: float | None = Field(description="standard deviation in the circuit over that in the full model")
    state: Literal["same", "changed", "constant"]


class CorpusBehaviour(Wire):
    """A node has changed where the correlation is below `threshold`, or where it is constant on one side alone."""

    control: Literal["corpus"]
    nodes: list[NodeBehaviour]
    n_changed: int
    threshold: float
    n_windows: int
    n_tokens: int
    text: str = Field(description="which text it was")


class OtherPrompts(Wire):
    """Pairs of a kind that the task does not make; `why_none` says why there are none."""

    name: str
    words: str
    n_pairs: int
    full_model: Measure | None
    circuit: Measure | None
    agreement: Interval | None = Field(description="share of prompts that both answer alike")
    full_model_does_task: bool
    circuit_does_task: bool
    why_none: str | None
    example: PromptPair | None


class Elsewhere(Wire):
    """Prompts unlike those of the task, by kind. The full model's logits are as they are, `calibration` is of the
    circuit's."""

    control: Literal["elsewhere"]
    calibration: CalibrationUse
    kinds: list[OtherPrompts]
    seed: int


class ShuffledPrune(Wire):
    """The circuit's own pruning where there is nothing to find; losses are on the shuffled model or labels.

    `calibration` is of the circuit found there: own, fitted on its own train pairs; the full model's logits are as
    they are.
    """

    calibration: CalibrationUse
    n_nodes: int
    n_edges: int = Field(description="nonzero weights between kept nodes that are not cut")
    measure: Measure = Field(description="the circuit found there, on held-out pairs")
    full_model: Measure = Field(description="the whole shuffled model, or the model on shuffled labels")
    fresh_loss_nats: float = Field(description="on the train pairs that chose the size")
    reached_target: bool
    seed: int
    settings: RecordedSettings
    n_train_pairs: int = Field(description="train pairs that the steps drew from")
    n_fresh_pairs: int = Field(description="train pairs that chose the size")
    prune_elapsed_s: float
    same_settings: bool = Field(description="whether these are the settings that the circuit was pruned with")
    text: str = Field(description="what the means were taken over")


class ShuffledWeights(ShuffledPrune):
    """The entries of every matrix permuted, the means taken anew."""

    control: Literal["shuffled_weights"]


class ShuffledLabels(ShuffledPrune):
    """Which of the two answers counts as right permuted over all prompts, train, fresh and held-out."""

    control: Literal["shuffled_labels"]


ControlResult = Annotated[
    Necessity
    | CalibrationAlone
    | RandomCircuits
    | AblationModes
    | Faithfulness
    | CorpusBehaviour
    | Elsewhere
    | ShuffledWeights
    | ShuffledLabels,
    Field(discriminator="control"),
]


class CardPart(Wire):
    """One control as it was measured: an immutable record; `id` follows from circuit, control and settings."""

    id: str
    circuit: CircuitId
    created_at: datetime
    elapsed_s: float
    result: ControlResult
    versions: dict[str, str]


class MissingControl(Wire):
    """A control that nobody has computed. `by` says how to get it: within a request, or as a job."""

    control: ControlName
    why: str
    by: Literal["request", "job"]


class OtherSeed(Wire):
    """A circuit for the same task from another seed: of training (another model) or of pruning alone."""

    circuit: CircuitId
    url: str
    model: str
    seed_of: Literal["training", "pruning"]
    n_nodes: int
    n_edges: int
    loss_nats: Interval
    overlap: float = Field(
        description="pruning: nodes that both keep over nodes that either keeps. training: nodes cannot be matched, so "
        "the same of the counts at each site, smaller over larger, summed"
    )


class OtherSeeds(Wire):
    """Circuits of the same family of models, or of the same model; `why_none` says why there are none."""

    circuits: list[OtherSeed]
    family: str | None
    why_none: str | None


class CardFinding(Wire):
    """A rule over the card's figures; `words` say why it holds, fails or is open."""

    rule: str
    status: Literal["holds", "fails", "open"]
    words: str


class CardVerdict(Wire):
    """One sentence: what the circuit may be believed for, by rules from the figures."""

    level: Literal["not_believed", "doubted", "unproven", "believed"]
    sentence: str
    findings: list[CardFinding]


class Card(Wire):
    """Everything that stands beside a circuit. Sufficiency is `measures`: the circuit kept, all else at its mean."""

    format: Literal["sparsescope-card/1"]
    circuit: CircuitId
    url: str
    model: str
    task: str
    task_title: str
    n_nodes: int
    n_edges: int
    target_loss_nats: float
    measures: Comparison
    verdict: CardVerdict
    parts: list[CardPart]
    missing: list[MissingControl]
    seeds: OtherSeeds


class CardFile(Wire):
    """The measured controls of a circuit as they travel with it."""

    format: Literal["sparsescope-card/1"]
    circuit: CircuitId
    parts: list[CardPart]


class CardJob(Wire):
    """Controls to compute as a job. With `n_steps` the shuffled prunes take so many gradient steps, of at most 8 pairs
    each, on no more train pairs than these see, and say so."""

    controls: list[ControlName] = Field(min_length=1, max_length=9)
    n_steps: int | None = Field(None, ge=1, le=5000)
