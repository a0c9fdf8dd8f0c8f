"""Ablations: cut nodes, keep what came of it, show it again under the same link."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import urls
from app.cached import cached_json
from app.deps import TheExperiments, ThePages, TheStore
from app.errors import refusals
from app.schemas import Ablation, AblationRequest

router = APIRouter(tags=["ablations"])


@router.post(
    urls.ABLATIONS,
    status_code=201,
    summary="Cut nodes and measure; the same request again answers 200 with the same record",
    responses={200: {"model": Ablation, "description": "asked before: the record of then"}, **refusals(404, 409, 413)},
)
def ablate(request: AblationRequest, response: Response, experiments: TheExperiments) -> Ablation:
    ablation, is_new = experiments.ablate(request)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = ablation.url
    return ablation


@router.get(urls.twin(urls.ABLATION), summary="One ablation's record", response_model=Ablation, responses=refusals(404))
def ablation(ablation_id: str, request: Request, store: TheStore) -> Response:
    return cached_json(request, store.ablation_json(ablation_id))


@router.get(urls.ABLATION, include_in_schema=False)
def ablation_page(ablation_id: str, store: TheStore, pages: ThePages) -> Response:
    ablation = store.ablation(ablation_id)
    target = ablation.request.target
    circuit = store.circuit(target.circuit) if target.kind == "circuit" else None
    return pages("ablation.html", f"Ablation {ablation.id}", ablation=ablation, circuit=circuit)
