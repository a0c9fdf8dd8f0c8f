"""One node of a circuit from many sides: on the task's pairs, on held-out text, as a function."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app import urls
from app.cached import cached_json
from app.deps import TheNodeAnalyses
from app.errors import refusals
from app.schemas import CorpusAnswer, NeuronResponse, NodeOnTask

router = APIRouter(tags=["nodes"])
NPairs = Annotated[int, Query(ge=2, le=256, description="held-out pairs")]


@router.get(
    urls.NODE_TASK_JSON,
    summary="A node's activations on the task's held-out pairs: both classes and their difference",
    response_model=NodeOnTask,
    responses=refusals(404, 409),
)
def on_task(
    circuit_id: str, node_id: str, request: Request, analyses: TheNodeAnalyses, n_pairs: NPairs = 64
) -> Response:
    return cached_json(request, analyses.on_task(circuit_id, node_id, n_pairs).model_dump_json())


@router.get(
    urls.NODE_CORPUS_JSON,
    summary="A node's activations on held-out text: distribution, and examples from its top and bottom",
    responses=refusals(404, 409),
)
def on_corpus(circuit_id: str, node_id: str, analyses: TheNodeAnalyses) -> CorpusAnswer:
    return analyses.on_corpus(circuit_id, node_id)


@router.get(
    urls.NODE_RESPONSE_JSON,
    summary="A neuron as a function: what goes in, what comes out, what it writes",
    response_model=NeuronResponse,
    responses=refusals(404, 409),
)
def response(
    circuit_id: str, node_id: str, request: Request, analyses: TheNodeAnalyses, n_pairs: NPairs = 64
) -> Response:
    return cached_json(request, analyses.response(circuit_id, node_id, n_pairs).model_dump_json())
