"""Ablations: intervene, keep what came of it, show it under the same link, measure it again."""

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from app import snippets, urls
from app.cached import cached_json
from app.deps import TheLab, TheMakers, ThePages, TheStore, TheVisitor
from app.errors import refusals
from app.recheck import check_again
from app.schemas import Ablation, AblationRequest, CircuitDetail, CircuitSummary
from app.schemas.lab import AblationCheck, Estimate
from app.store import Store

router = APIRouter(tags=["ablations"])

#: Circuits that a claim about the full model names.
N_OTHERS = 6


@router.post(
    urls.ABLATIONS,
    status_code=201,
    summary="Intervene and measure; the same request again answers 200 with the same record",
    responses={200: {"model": Ablation, "description": "asked before: the record of then"}, **refusals(404, 409, 413)},
)
def ablate(request: AblationRequest, response: Response, lab: TheLab, makers: TheMakers, maker: TheVisitor) -> Ablation:
    ablation, is_new = lab.ablate(request)
    makers.note("ablations", ablation.id, maker, is_new=is_new)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = ablation.url
    return ablation


@router.post(
    urls.ABLATION_ESTIMATES,
    summary="Estimate what an intervention does from eight of its pairs, with the error that so few leave",
    responses=refusals(404, 409, 413),
)
def estimate(request: AblationRequest, lab: TheLab) -> Estimate:
    return lab.estimate(request)


@router.post(
    urls.ABLATION_CHECKS,
    summary="Measure an ablation again from nothing: reproduced or drifted, by how much, and how much was allowed",
    responses=refusals(404, 409),
)
def check(ablation_id: str, lab: TheLab) -> AblationCheck:
    return check_again(lab, ablation_id)


@router.get(urls.twin(urls.ABLATION), summary="One ablation's record", response_model=Ablation, responses=refusals(404))
def ablation(ablation_id: str, request: Request, store: TheStore) -> Response:
    return cached_json(request, store.ablation_json(ablation_id))


@router.get(
    urls.ABLATION_PYTHON,
    summary="A Python script that asks for an ablation, measures it again and prints both",
    response_class=PlainTextResponse,
    responses=refusals(404),
)
def python(ablation_id: str, request: Request, store: TheStore) -> str:
    return snippets.as_python(origin(request), store.ablation(ablation_id))


@router.get(
    urls.ABLATION_CURL,
    summary="A shell command that asks for an ablation",
    response_class=PlainTextResponse,
    responses=refusals(404),
)
def curl(ablation_id: str, request: Request, store: TheStore) -> str:
    return snippets.as_curl(origin(request), store.ablation(ablation_id))


@router.get(urls.ABLATION, include_in_schema=False)
def ablation_page(ablation_id: str, request: Request, store: TheStore, pages: ThePages) -> Response:
    ablation = store.ablation(ablation_id)
    circuit, others = circuits_of(store, ablation)
    scripts = {"Python": snippets.as_python, "curl": snippets.as_curl}
    return pages(
        "ablation.html",
        f"Ablation {ablation.id}",
        ablation=ablation,
        circuit=circuit,
        others=others,
        parts=ablation.request.asked(),
        scripts={name: make(origin(request), ablation) for name, make in scripts.items()},
    )


def circuits_of(store: Store, ablation: Ablation) -> tuple[CircuitDetail | None, list[CircuitSummary]]:
    """The circuit that was cut, or beside which the full model was; of the latter also others of its model and task."""
    target = ablation.request.target
    circuit = None
    if target.circuit is not None and store.has_circuit(target.circuit):
        circuit = store.circuit(target.circuit)
    if target.kind == "circuit":
        return circuit, []
    known = [c for c in store.circuits_of(ablation.model, ablation.model_fingerprint) if c.task == ablation.task]
    others = [c for c in sorted(known, key=lambda c: (c.n_nodes, c.id)) if circuit is None or c.id != circuit.id]
    return circuit, others[:N_OTHERS]


def origin(request: Request) -> str:
    return str(request.base_url).rstrip("/")
