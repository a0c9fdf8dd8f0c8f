"""What the page of a circuit is made from, whether a server sends it or it is saved as a file."""

from typing import Any

from app.cards import Cards
from app.catalogue import Catalogue
from app.compare import Comparing
from app.forks import Forks
from app.makers import NOBODY
from app.schemas import CircuitDetail
from app.store import Store

TEMPLATE = "circuit.html"


def circuit_page(
    circuit: CircuitDetail,
    *,
    store: Store,
    catalogue: Catalogue,
    comparing: Comparing,
    cards: Cards,
    forks: Forks,
    reader: str = NOBODY,
    notes: str | None = None,
    sweep_prompts: int | None = None,
) -> dict[str, Any]:
    """All that `circuit.html` names, its title too, as `reader` may see it; `notes` is the id of an annotation. Sweeps
    of more prompts than `sweep_prompts` are jobs; None where every sweep is recorded."""
    return {
        "page_title": f"{circuit.task_title}: {circuit.n_nodes} nodes",
        "circuit": circuit,
        "model": catalogue.model_summary(circuit.model),
        "others": comparing.choices(circuit, reader),
        "card": cards.card(circuit.id),
        "annotation": None if notes is None else store.annotation_of(circuit.id, notes),
        "revisions": store.annotations_of(circuit.id, reader),
        "tour": catalogue.tour_circuit(),
        "sweep_prompts": sweep_prompts,
        "lineage": forks.lineage(circuit.id, reader),
    }
