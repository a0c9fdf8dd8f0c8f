"""Pretraining loss against circuit size: the smallest circuit of each model and task, and their geometric means.

Edges are counted as the paper does: all nonzero weights between kept nodes, whether cut afterwards or not.

1. Of each model and task, the circuit with the fewest edges among those that meet the target loss on held-out pairs:
   the target is not below the 95% interval, for a circuit pruned to exactly the target lies above it half the time.
2. Models are shown together as long as some task is common to them all, those with most tasks first.
3. A model's size is the geometric mean of edges over the tasks common to all shown (paper section 3); what a model
   lacks is missing, never filled in.
"""

from collections.abc import Mapping, Sequence
from math import exp, log
from typing import NamedTuple

from app import urls
from app.errors import no_such
from app.schemas import (
    CircuitSummary,
    Frontier,
    FrontierPoint,
    FrontierTask,
    LossKind,
    ModelSummary,
    SmallestCircuit,
)

#: A model of which less is zero than this is dense.
DENSE = 0.99

BestByTask = Mapping[str, CircuitSummary]


class FrontierQuery(NamedTuple):
    """`models` empty shows as many as have a task in common; `task` gives sizes on one task alone."""

    target_loss_nats: float
    loss: LossKind
    task: str | None
    models: Sequence[str]


def frontier(models: Sequence[ModelSummary], circuits: Sequence[CircuitSummary], query: FrontierQuery) -> Frontier:
    """Raises a 404 Refusal for a model or task that is none. Circuits must be of the models as they are now."""
    names = [model.name for model in models]
    for name in query.models:
        if name not in names:
            raise no_such("model", name, names)
    best = {name: smallest(circuits, name, query.target_loss_nats) for name in names}
    shown = [n for n in names if n in query.models and best[n]] if query.models else shown_together(best)
    common = set.intersection(*(set(best[name]) for name in shown)) if shown else set()
    titles = {circuit.task: circuit.task_title for name in shown for circuit in best[name].values()}
    if query.task is not None and query.task not in titles:
        raise no_such("task with a circuit at the target", query.task, sorted(titles))
    sizes = {name: size_of(best[name], [query.task] if query.task else sorted(common)) for name in shown}
    dense = [model for model in models if model.name in shown and is_dense(model)]
    points = [
        point(model, best[model.name], sizes, dense, None if model.name in shown else why_not(best[model.name]))
        for model in models
    ]
    return Frontier(
        target_loss_nats=query.target_loss_nats,
        loss=query.loss,
        task=query.task,
        tasks=[
            FrontierTask(task=task, title=titles[task], common=task in common)
            for task in sorted(titles, key=lambda task: (task not in common, task))
        ],
        dense_twin=dense[0].name if dense else None,
        points=sorted(points, key=lambda p: (not p.shown, p.n_edges is None, p.n_edges)),
    )


def edges(circuit: CircuitSummary) -> int:
    """Nonzero weights between kept nodes."""
    return circuit.n_edges + circuit.n_cut_edges


def smallest(circuits: Sequence[CircuitSummary], model: str, target: float) -> dict[str, CircuitSummary]:
    """For each task the circuit with the fewest edges, then nodes, that meets the target."""
    found: dict[str, CircuitSummary] = {}
    meeting = [c for c in circuits if c.model == model and c.loss_nats.low <= target]
    for circuit in sorted(meeting, key=lambda c: (edges(c), c.n_nodes, c.id)):
        found.setdefault(circuit.task, circuit)
    return found


def shown_together(best: Mapping[str, BestByTask]) -> list[str]:
    """Models that share a task, all of them; the ones with most tasks decide which."""
    shown: list[str] = []
    common: set[str] | None = None
    for name in sorted(best, key=lambda name: (-len(best[name]), name)):
        both = set(best[name]) if common is None else common & set(best[name])
        if both:
            shown.append(name)
            common = both
    return [name for name in best if name in shown]


def size_of(best: BestByTask, tasks: Sequence[str]) -> float | None:
    """Geometric mean of edges; None where a task has no circuit or there is no task."""
    if not tasks or any(task not in best for task in tasks):
        return None
    return exp(sum(log(max(1, edges(best[task]))) for task in tasks) / len(tasks))


def is_dense(model: ModelSummary) -> bool:
    return model.role == "dense_twin" or model.density > DENSE


def why_not(best: BestByTask) -> str:
    if not best:
        return "no circuit at the target loss"
    return "not chosen, or it shares no task with the models shown"


def point(
    model: ModelSummary,
    best: BestByTask,
    sizes: Mapping[str, float | None],
    dense: Sequence[ModelSummary],
    why_not: str | None,
) -> FrontierPoint:
    """`times_smaller` is against the dense model made to match this one, else against the first dense model."""
    twin = next((d for d in dense if d.twin_of == model.name), dense[0] if dense else None)
    size, twin_size = sizes.get(model.name), sizes.get(twin.name) if twin else None
    return FrontierPoint(
        model=model.name,
        title=model.title,
        url=f"{urls.CIRCUITS}?model={model.name}",
        n_layer=model.config.n_layer,
        d_model=model.config.d_model,
        n_nonzero=model.n_nonzero,
        density=model.density,
        role=model.role,
        is_dense=is_dense(model),
        losses=model.losses,
        shown=why_not is None,
        why_not=why_not,
        n_edges=size,
        times_smaller=twin_size / size if size and twin_size else None,
        smallest=[
            SmallestCircuit(
                task=task,
                circuit=circuit.id,
                url=circuit.url,
                n_nodes=circuit.n_nodes,
                n_edges=edges(circuit),
                loss_nats=circuit.loss_nats.value,
            )
            for task, circuit in sorted(best.items())
        ],
    )
