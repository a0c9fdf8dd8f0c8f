"""Two stored circuits beside each other, and what their overlap is worth: against other seeds, and against chance."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, groupby
from typing import Literal

from app.experiments import Experiments
from app.makers import NOBODY
from app.once import Once
from app.schemas import CircuitDetail, CircuitSummary
from app.schemas.compare import (
    Chance,
    CircuitComparison,
    ComparedCircuit,
    ComparedEdge,
    ComparedNode,
    ExactChance,
    NoChance,
    OtherModel,
    SameModel,
    SampledChance,
    SeedOverlap,
    SeedsMeasured,
    SeedsMissing,
    SetOverlap,
    Side,
    SiteCount,
    Spread,
)
from model.overlap import edge_chance, jaccard, node_chance
from model.sites import maskable_sites, site_order, site_width
from model.subject import Subject

N_DRAWS = 100
SEED = 0
OTHER_MODEL = (
    "These are different models. Each numbers its channels, heads and neurons in its own way, and nothing makes "
    "neuron 3 of one the neuron 3 of the other, even where only the seed differs: nodes are not matched, sizes and "
    "measures are compared."
)

Of = Literal["a", "b", "both"]


class Comparing:
    """Reads stored circuits; random circuits are drawn on the model that both are of."""

    def __init__(self, experiments: Experiments) -> None:
        self.store = experiments.store
        self.library = experiments.library
        self.chances = Once(self._chances, 256)

    def __call__(self, a_id: str, b_id: str) -> CircuitComparison:
        """Raises a Refusal where a circuit is missing, or its model is no longer the one it was made with."""
        a, b = self.store.circuit(a_id), self.store.circuit(b_id)
        subjects = [self.library.subject_of(c.model, c.model_fingerprint) for c in (a, b)]
        same_model = a.model_fingerprint == b.model_fingerprint
        return CircuitComparison(
            a=_side(a),
            b=_side(b),
            same_task=a.task == b.task,
            sites=_sites(a, b, subjects),
            overlap=self._overlap(a, b) if same_model else OtherModel(kind="other_model", why=OTHER_MODEL),
        )

    def choices(self, circuit: CircuitDetail, reader: str = NOBODY) -> list[tuple[str, list[CircuitSummary]]]:
        """What a circuit may well be compared with, in groups: its model and task, its task, its model."""
        of_task = [c for c in self.store.circuits(task=circuit.task, reader=reader) if c.id != circuit.id]
        of_model = [c for c in self.store.circuits(model=circuit.model, reader=reader) if c.task != circuit.task]
        groups = [
            ("same model, same task", [c for c in of_task if c.model == circuit.model]),
            ("same task, other models", [c for c in of_task if c.model != circuit.model]),
            ("same model, other tasks", of_model),
        ]
        return [(words, found) for words, found in groups if found]

    def _overlap(self, a: CircuitDetail, b: CircuitDetail) -> SameModel:
        nodes_by_chance, edges_by_chance = self.chances(a.model, _counts(a), _counts(b))
        seeds = [self._seeds(a, "a", b), self._seeds(b, "b", a)]
        if _run(a) == _run(b):
            seeds = [seeds[0].model_copy(update={"of": "both"})]
        return SameModel(
            kind="same_model",
            nodes=set_overlap(_nodes(a), _nodes(b)),
            edges=set_overlap(_edges(a), _edges(b)),
            nodes_by_chance=nodes_by_chance,
            edges_by_chance=edges_by_chance,
            seeds=seeds,
            node_list=_node_list(a, b),
            edge_list=_edge_list(a, b),
        )

    def _chances(
        self, model: str, a: tuple[tuple[str, int], ...], b: tuple[tuple[str, int], ...]
    ) -> tuple[Chance, Chance]:
        subject = self.library.subject(model)
        exact = node_chance(subject.config, dict(a), dict(b))
        drawn = edge_chance(subject.model, dict(a), dict(b), n_draws=N_DRAWS, seed=SEED)
        none = NoChance(method="none")
        return (
            none if exact is None else ExactChance(method="exact", mean=exact.mean, low=exact.low, high=exact.high),
            none
            if drawn is None
            else SampledChance(
                method="sample", n_draws=N_DRAWS, seed=SEED, mean=drawn.mean, low=drawn.low, high=drawn.high
            ),
        )

    def _seeds(self, circuit: CircuitDetail, of: Of, other: CircuitDetail) -> SeedOverlap:
        """The circuits of the same run but for its seed, in pairs of different seeds; other sizes are left out."""
        summaries = self.store.circuits(circuit.model, circuit.task)
        found = [self.store.circuit(summary.id) for summary in summaries]
        alike = [c for c in found if _run(c) == _run(circuit) and c.provenance.derived is None]
        runs = sorted(alike, key=lambda c: (_seed(c), c.id))
        pairs = [(c, d) for c, d in combinations(runs, 2) if _seed(c) != _seed(d)]
        settings = circuit.provenance.settings
        if not pairs:
            more = settings.model_copy(update={"seed": settings.seed + 1})
            return SeedsMissing(kind="missing", of=of, model=circuit.model, task=circuit.task, settings=more)
        return SeedsMeasured(
            kind="measured",
            of=of,
            task=circuit.task,
            seeds=[seed for seed, _ in groupby(runs, key=_seed)],
            n_pairs=len(pairs),
            nodes=_spread([set_overlap(_nodes(c), _nodes(d)).jaccard for c, d in pairs]),
            edges=_spread([set_overlap(_edges(c), _edges(d)).jaccard for c, d in pairs]),
            is_this_pair=[{c.id, d.id} for c, d in pairs] == [{circuit.id, other.id}],
        )


def set_overlap(a: set[str], b: set[str]) -> SetOverlap:
    shared = len(a & b)
    return SetOverlap(
        n_shared=shared, n_only_a=len(a) - shared, n_only_b=len(b) - shared, jaccard=jaccard(shared, len(a), len(b))
    )


def _spread(values: Sequence[float | None]) -> Spread:
    """Two empty sets are the same set: they overlap wholly."""
    numbers = [1.0 if value is None else value for value in values]
    return Spread(mean=sum(numbers) / len(numbers), low=min(numbers), high=max(numbers))


def _seed(circuit: CircuitDetail) -> int:
    return circuit.provenance.settings.seed


def _run(circuit: CircuitDetail) -> tuple[object, ...]:
    """What the run was asked for, its seed left out."""
    settings = circuit.provenance.settings.model_dump(exclude={"seed"})
    return circuit.model_fingerprint, circuit.task, tuple(sorted(settings.items()))


def _nodes(circuit: CircuitDetail) -> set[str]:
    return {node.id for node in circuit.nodes}


def _edges(circuit: CircuitDetail) -> set[str]:
    """Edges that the circuit does not cut."""
    return {f"{edge.source}->{edge.target}" for edge in circuit.edges}


def _counts(circuit: CircuitDetail) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(node.site for node in circuit.nodes).items()))


def _side(circuit: CircuitDetail) -> ComparedCircuit:
    shared = {name: getattr(circuit, name) for name in CircuitSummary.model_fields}
    return ComparedCircuit(
        **shared,
        target_loss_nats=circuit.target_loss_nats,
        settings=circuit.provenance.settings,
        measures=circuit.measures,
    )


def _sites(a: CircuitDetail, b: CircuitDetail, subjects: Sequence[Subject]) -> list[SiteCount]:
    """The sites at which either keeps a node, in forward order."""
    counts = [Counter(node.site for node in circuit.nodes) for circuit in (a, b)]
    widths = [{site: site_width(s.config, site) for site in maskable_sites(s.config)} for s in subjects]
    return [
        SiteCount(
            site=site,
            layer=int(site.split(".", 1)[0]),
            n_a=counts[0][site],
            n_b=counts[1][site],
            width_a=widths[0].get(site, 0),
            width_b=widths[1].get(site, 0),
        )
        for site in sorted({*counts[0], *counts[1]}, key=site_order)
    ]


def _which(in_a: bool, in_b: bool) -> Side:
    return "both" if in_a and in_b else "a" if in_a else "b"


def _node_list(a: CircuitDetail, b: CircuitDetail) -> list[ComparedNode]:
    """Nodes of either, in forward order."""
    of_a, of_b = ({node.id: node for node in circuit.nodes} for circuit in (a, b))
    nodes = sorted((of_b | of_a).values(), key=lambda node: (site_order(node.site), node.index))
    return [
        ComparedNode(
            id=node.id,
            site=node.site,
            layer=node.layer,
            label=node.label,
            side=_which(node.id in of_a, node.id in of_b),
            effect_nats_a=of_a[node.id].effect_nats if node.id in of_a else None,
            effect_nats_b=of_b[node.id].effect_nats if node.id in of_b else None,
        )
        for node in nodes
    ]


def _edge_list(a: CircuitDetail, b: CircuitDetail) -> list[ComparedEdge]:
    """Edges of either: those of A in its order, then those of B alone."""
    of_a, of_b = ({(edge.source, edge.target): edge for edge in circuit.edges} for circuit in (a, b))
    return [
        ComparedEdge(**edge.model_dump(), side=_which(ends in of_a, ends in of_b))
        for ends, edge in (of_a | {ends: edge for ends, edge in of_b.items() if ends not in of_a}).items()
    ]
