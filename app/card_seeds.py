"""Circuits for the same task from other seeds: of training, in models of one family, and of pruning, in one model."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from app.library import Library, Shelf
from app.schemas import CircuitDetail, CircuitSummary
from app.schemas.card import OtherSeed, OtherSeeds
from app.store import Store
from model.overlap import jaccard

#: Of a training record what differs from run to run of one recipe.
OF_A_RUN = {"seed", "n_nonzero", "steps_run", "elapsed_s", "device"}


def other_seeds(store: Store, library: Library, circuit: CircuitDetail) -> OtherSeeds:
    """The smallest circuit of each other model of the family, and those of other pruning seeds."""
    family = family_of(library, circuit.model)
    found = [*_of_pruning(store, circuit), *_of_training(store, library, circuit, family)]
    why = None
    if not found:
        alone = "this model is of no family" if family is None else f"no other model of the family {family} has"
        why = f"{alone}{', so no other has' if family is None else ''} a circuit for {circuit.task}, and no other "
        why += "pruning seed was tried"
    return OtherSeeds(circuits=found, family=family, why_none=why)


def family_of(library: Library, model: str) -> str | None:
    family = library.shelf(model).card.get("family")
    return family if isinstance(family, str) else None


def _of_pruning(store: Store, circuit: CircuitDetail) -> Iterator[OtherSeed]:
    own = {node.id for node in circuit.nodes}
    for summary in store.circuits(circuit.model, circuit.task):
        other = store.circuit(summary.id)
        if other.model_fingerprint != circuit.model_fingerprint or other.provenance.derived or other.provenance.forked:
            continue
        if other.provenance.settings.seed == circuit.provenance.settings.seed:
            continue
        theirs = {node.id for node in other.nodes}
        yield _seed(other, "pruning", jaccard(len(own & theirs), len(own), len(theirs)) or 0.0)


def _of_training(store: Store, library: Library, circuit: CircuitDetail, family: str | None) -> Iterator[OtherSeed]:
    """One circuit a model: the one with the fewest edges. Models of another shape or recipe are no other seed."""
    if family is None:
        return
    own = library.shelf(circuit.model)
    counts = Counter(node.site for node in circuit.nodes)
    for name in library.names():
        shelf = library.shelf(name)
        if name == circuit.model or shelf.card.get("family") != family:
            continue
        if shelf.config != own.config or recipe(shelf) != recipe(own):
            continue
        summary = _smallest(store.circuits(name, circuit.task))
        if summary is not None:
            other = store.circuit(summary.id)
            yield _seed(other, "training", shared_counts(counts, Counter(node.site for node in other.nodes)))


def recipe(shelf: Shelf) -> dict[str, Any]:
    """How a model was trained, but for the seed and what a run came to."""
    return {name: value for name, value in shelf.training.items() if name not in OF_A_RUN}


def _smallest(circuits: Sequence[CircuitSummary]) -> CircuitSummary | None:
    return min(circuits, key=lambda c: (c.n_edges, c.n_nodes, c.id), default=None)


def shared_counts(a: Counter[str], b: Counter[str]) -> float:
    """Counts at each site, smaller over larger, summed: 1 where they are the same, 0 where no site has both."""
    larger = sum((a | b).values())
    return sum((a & b).values()) / larger if larger else 1.0


def _seed(other: CircuitDetail, seed_of: str, overlap: float) -> OtherSeed:
    return OtherSeed.model_validate(
        {
            "circuit": other.id,
            "url": other.url,
            "model": other.model,
            "seed_of": seed_of,
            "n_nodes": other.n_nodes,
            "n_edges": other.n_edges,
            "loss_nats": other.loss_nats,
            "overlap": overlap,
        }
    )
