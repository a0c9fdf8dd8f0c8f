"""Circuits: lists of them, one whole, one node of one, and a prompt of one's own run through one."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import urls
from app.cached import cached_json
from app.deps import TheCatalogue, TheExperiments, ThePages, TheStore
from app.errors import refusals
from app.schemas import CircuitDetail, CircuitSummary, NodeDetail, PromptRun, RunAnswer

router = APIRouter(tags=["circuits"])


@router.get(urls.twin(urls.CIRCUITS), summary="All circuits, or those of a model or task", responses=refusals(404))
def circuits(catalogue: TheCatalogue, model: str | None = None, task: str | None = None) -> list[CircuitSummary]:
    return catalogue.circuits(model, task)


@router.get(urls.CIRCUITS, include_in_schema=False)
def circuits_page(
    catalogue: TheCatalogue, pages: ThePages, model: str | None = None, task: str | None = None
) -> Response:
    found = catalogue.circuits(model, task)
    return pages("circuits.html", "Circuits", circuits=found, model=model, task=task)


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
    summary="One circuit: the graph, its figures and where it came from",
    response_model=CircuitDetail,
    responses=refusals(404),
)
def circuit(circuit_id: str, request: Request, store: TheStore) -> Response:
    return cached_json(request, store.circuit_json(circuit_id))


@router.get(urls.CIRCUIT, include_in_schema=False)
def circuit_page(circuit_id: str, store: TheStore, catalogue: TheCatalogue, pages: ThePages) -> Response:
    circuit = store.circuit(circuit_id)
    title = f"{circuit.task_title}: {circuit.n_nodes} nodes"
    return pages("circuit.html", title, circuit=circuit, model=catalogue.model_summary(circuit.model))


@router.post(
    urls.CIRCUIT_RUNS,
    summary="Run a prompt through the full model and the circuit",
    responses=refusals(404, 409, 413),
)
def run(circuit_id: str, prompt: PromptRun, experiments: TheExperiments) -> RunAnswer:
    return experiments.run(circuit_id, prompt)
