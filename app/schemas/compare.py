"""Two circuits beside each other: what both have, against the overlap of seeds and of chance."""

from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import Comparison, Wire
from app.schemas.circuits import CircuitSummary, PruneSettings

#: Which of two circuits has a thing.
Side = Literal["both", "a", "b"]


class ComparedCircuit(CircuitSummary):
    """One of the two, with the loss it was pruned for and its measures on held-out pairs."""

    target_loss_nats: float
    settings: PruneSettings
    measures: Comparison


class SiteCount(Wire):
    """Nodes kept at a site. `width_*`: how many nodes that site has in the model; 0 where it has no such site."""

    site: str
    layer: int
    n_a: int
    n_b: int
    width_a: int
    width_b: int


class SetOverlap(Wire):
    """Two sets. Jaccard is shared over union; null where both are empty."""

    n_shared: int
    n_only_a: int
    n_only_b: int
    jaccard: float | None


class ExactChance(Wire):
    """Expected of random circuits with the same number of nodes at each site: exact, a sum of hypergeometric terms."""

    method: Literal["exact"]
    mean: float
    low: float = Field(description="95% of random pairs lie between low and high")
    high: float


class SampledChance(Wire):
    """Expected of random circuits with the same number of nodes at each site: over a seeded sample of pairs."""

    method: Literal["sample"]
    n_draws: int
    seed: int
    mean: float
    low: float
    high: float


class NoChance(Wire):
    """There is nothing to expect: random circuits of these sizes have none of it."""

    method: Literal["none"]


Chance = Annotated[ExactChance | SampledChance | NoChance, Field(discriminator="method")]


class Spread(Wire):
    """Pairwise Jaccards: their mean and the smallest and largest."""

    mean: float
    low: float
    high: float


class SeedsMeasured(Wire):
    """Circuits of this model, task and settings that differ in the seed: every pair of different seeds."""

    kind: Literal["measured"]
    of: Literal["a", "b", "both"]
    task: str
    seeds: list[int]
    n_pairs: int
    nodes: Spread
    edges: Spread
    is_this_pair: bool = Field(description="the only such pair is the two circuits compared here")


class SeedsMissing(Wire):
    """No circuit differs from this one in the seed alone; `settings` prune one that does."""

    kind: Literal["missing"]
    of: Literal["a", "b", "both"]
    model: str
    task: str
    settings: PruneSettings


SeedOverlap = Annotated[SeedsMeasured | SeedsMissing, Field(discriminator="kind")]


class ComparedNode(Wire):
    """A node of either circuit; `effect_nats_*`: that circuit's loss with it at its mean, minus without."""

    id: str
    site: str
    layer: int
    label: str
    side: Side
    effect_nats_a: float | None
    effect_nats_b: float | None


class ComparedEdge(Wire):
    source: str
    target: str
    weight: float
    side: Side


class SameModel(Wire):
    """Both circuits are of one model, so a node of the one is the same thing in the other."""

    kind: Literal["same_model"]
    nodes: SetOverlap
    edges: SetOverlap
    nodes_by_chance: Chance
    edges_by_chance: Chance
    seeds: list[SeedOverlap]
    node_list: list[ComparedNode]
    edge_list: list[ComparedEdge]


class OtherModel(Wire):
    """The circuits are of different models: sizes can be compared, nodes cannot be matched."""

    kind: Literal["other_model"]
    why: str


class CircuitComparison(Wire):
    """Two circuits: sizes and measures of both, and, where the model is the same, what they share."""

    a: ComparedCircuit
    b: ComparedCircuit
    same_task: bool
    sites: list[SiteCount]
    overlap: Annotated[SameModel | OtherModel, Field(discriminator="kind")]
