"""Circuits: lists of them, one whole, one node of one, and a prompt of one's own run through one."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import urls
from app.cached import cached_json
from app.circuit_page import TEMPLATE, circuit_page
from app.deps import (
    TheCards,
    TheCatalogue,
    TheComparing,
    TheExperiments,
    TheForks,
    TheMakers,
    ThePages,
    TheStore,
    TheSweeps,
    TheVisitor,
)
from app.errors import refusals
from app.schemas import AnnotatedCircuit, CircuitDetail, CircuitSummary, NodeDetail, PromptRun, RunAnswer

router = APIRouter(tags=["circuits"])


@router.get(urls.twin(urls.CIRCUITS), summary="All circuits, or those of a model or task", responses=refusals(404))
def circuits(
    catalogue: TheCatalogue, reader: TheVisitor, model: str | None = None, task: str | None = None
) -> list[CircuitSummary]:
    """Published circuits and your own: what others made and did not publish is found by its address alone."""
    return catalogue.circuits(model, task, reader)


@router.get(urls.CIRCUITS, include_in_schema=False)
def circuits_page(
    catalogue: TheCatalogue,
    makers: TheMakers,
    reader: TheVisitor,
    pages: ThePages,
    model: str | None = None,
    task: str | None = None,
) -> Response:
    found = catalogue.circuits(model, task, reader)
    unlisted = makers.unlisted_circuits()
    return pages("circuits.html", "Circuits", circuits=found, model=model, task=task, unlisted=unlisted)


@router.get(
    urls.CIRCUIT_NODE_JSON,
    summary="One node of a circuit: weights, activations, what it reads and writes",
    response_model=NodeDetail,
    responses=refusals(404, 409),
)
def node(circuit_id: str, node_id: str, request: Request, experiments: TheExperiments) -> Response:
    return cached_json(request, experiments.node(circuit_id, node_id).model_dump_json())


@router.get(
    urls.twin(urls.CIRCUIT),
    summary="One circuit: the graph, its figures, where it came from, and its card",
    response_model=CircuitDetail | AnnotatedCircuit,
    responses=refusals(404),
)
def circuit(circuit_id: str, request: Request, store: TheStore, cards: TheCards, notes: str | None = None) -> Response:
    """With `notes`, the id of an annotation, the circuit carries it. Its card says too what has not been measured."""
    json = store.circuit_json(circuit_id)
    if notes is not None:
        annotation = store.annotation_of(circuit_id, notes)
        json = f'{json[:-1]},"annotation":{annotation.model_dump_json()}}}'
    card = cards.card(circuit_id)
    json = f'{json[:-1]},"card":{card.model_dump_json()}}}'
    return cached_json(request, json, may_change=bool(card.missing))


@router.get(urls.CIRCUIT, include_in_schema=False)
def page_of_circuit(
    circuit_id: str,
    store: TheStore,
    catalogue: TheCatalogue,
    comparing: TheComparing,
    cards: TheCards,
    pages: ThePages,
    reader: TheVisitor,
    forks: TheForks,
    sweeps: TheSweeps,
    notes: str | None = None,
) -> Response:
    context = circuit_page(
        store.circuit(circuit_id), store=store, catalogue=catalogue, comparing=comparing, cards=cards, forks=forks,
        sweep_prompts=sweeps.at_once, reader=reader, notes=notes,
    )  # fmt: skip
    return pages(TEMPLATE, **context)


@router.post(
    urls.CIRCUIT_RUNS,
    summary="Run a prompt through the full model and the circuit",
    responses=refusals(404, 409, 413),
)
def run(circuit_id: str, prompt: PromptRun, experiments: TheExperiments) -> RunAnswer:
    return experiments.run(circuit_id, prompt)
