"""The ablation lab: interventions that are asked for, and what is found beside the figures of a cut."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.schemas.base import Interval, Measure, Wire

TARGET_PATTERN = r"^[0-9][0-9a-z_.:>-]{0,79}$"
TargetId = Annotated[
    str,
    StringConstraints(pattern=TARGET_PATTERN),
    Field(description="a node, an edge (`source->target`), a head (`0.attn.h3`), a block (`2.mlp`) or a layer (`1`)"),
]


class Cut(Wire):
    """To the corpus mean, to zero, to what happens on a prompt of another pair (seeded), or on the pair's other one.

    An edge at its mean lets its target see the source at the mean; at zero its weight contributes nothing.
    """

    mode: Literal["mean", "zero", "resample", "patch"]
    on: TargetId


class Hold(Wire):
    """To a number, at every token."""

    mode: Literal["value"]
    on: TargetId
    value: float = Field(allow_inf_nan=False)


class Steer(Wire):
    """To (1 - t) times what happens on the pair's first prompt plus t times what happens on its second, on both."""

    mode: Literal["steer"]
    on: TargetId
    t: float = Field(ge=0, le=1)


Intervention = Annotated[Cut | Hold | Steer, Field(discriminator="mode")]


class Estimate(Wire):
    """The change of the loss on the first few of the pairs, with its 95% interval (Student's t) for all of them."""

    loss_change_nats: Interval
    n_pairs: int
    of_pairs: int
    elapsed_ms: float


class PartEffect(Wire):
    """One intervention: the loss's change by it alone, and by all the others without it."""

    on: str
    n_nodes: int
    n_edges: int
    alone_nats: Interval
    without_nats: Interval


class Interplay(Wire):
    """Several interventions at once: their joint change against the sum of the single ones."""

    parts: list[PartEffect]
    joint_nats: Interval
    sum_nats: Interval
    beyond_nats: Interval = Field(description="joint minus sum, with its own interval over pairs")


class SteerPoint(Wire):
    """Logit of the first prompt's answer minus that of the second's, mean over pairs, on either prompt."""

    t: float
    on_first: Interval
    on_second: Interval
    loss_nats: Interval


class SteerCurve(Wire):
    nodes: list[str]
    points: list[SteerPoint]


class StandIn(Wire):
    """`site` has too few other nodes, so random ones of the nearest comparable site steer in their place."""

    site: str
    taken_from: str


class SteerControl(SteerCurve):
    """Random nodes, as many of each site as are steered, or of the sites that stand in."""

    stand_ins: list[StandIn] = []


class Steering(Wire):
    """The curve of the steered nodes, and of as many nodes drawn at random beside them."""

    curve: SteerCurve
    controls: list[SteerControl]
    n_pairs: int


class CorpusEffect(Wire):
    """The full model's loss on held-out text, nats a token, before and after; intervals over windows of text."""

    kind: Literal["measured"]
    before_nats: Interval
    after_nats: Interval
    change_nats: Interval
    n_tokens: int
    n_windows: int


class NoCorpusEffect(Wire):
    kind: Literal["none"]
    reason: str


class Difference(Wire):
    """One stored figure that came out otherwise."""

    figure: str
    then: float
    now: float
    difference: float
    tolerance: float


class AblationCheck(Wire):
    """A record measured again from nothing: `drifted` where any figure moved by more than its tolerance."""

    ablation: str
    verdict: Literal["reproduced", "drifted"]
    n_figures: int
    largest_difference: float = Field(description="of all figures in nats")
    tolerance_nats: float
    tolerance_reason: str
    differences: list[Difference] = Field(description="those beyond their tolerance")
    notes: list[str]
    versions_then: dict[str, str]
    versions_now: dict[str, str]
    elapsed_ms: float


SweepMode = Literal["mean", "zero", "resample"]


class SweepRequest(Wire):
    """Cut every node and every edge of a circuit, each alone."""

    mode: SweepMode = "mean"
    n_pairs: int = Field(64, ge=1, le=512)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class SweptNode(Wire):
    node: str
    label: str
    effect_nats: Interval
    accuracy_change: float


class SweptEdge(Wire):
    source: str
    target: str
    weight: float
    effect_nats: Interval
    accuracy_change: float


class Sweep(Wire):
    """What the circuit's loss rises by when each part alone is cut, largest first; every figure is exact, before and
    after under the circuit's own calibration where `calibrated` says that it has one."""

    calibrated: bool
    circuit: str
    model: str
    task: str
    mode: SweepMode
    n_pairs: int
    seed: int
    split: Literal["heldout"]
    before: Measure
    nodes: list[SweptNode]
    edges: list[SweptEdge]
    left_out: str | None = Field(description="what was not swept, and why")
    elapsed_ms: float
