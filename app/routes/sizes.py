"""Sizes of a circuit: the order of its run as a graph, one size measured, one size kept."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app import urls
from app.cached import cached_json
from app.deps import TheMakers, TheSizes, TheVisitor
from app.errors import refusals
from app.schemas import CircuitSummary
from app.schemas.sizes import CircuitSizes, MeasuredSize

router = APIRouter(tags=["circuits"])

Size = Annotated[int, Path(ge=0)]


@router.get(
    urls.CIRCUIT_SIZES_JSON,
    summary="The pruning order of a circuit: every node of its largest set with its rank, and the loss at sizes",
    response_model=CircuitSizes,
    responses=refusals(404, 409),
)
def sizes(circuit_id: str, request: Request, sizes: TheSizes) -> Response:
    return cached_json(request, sizes.graph(circuit_id).model_dump_json())


@router.get(
    urls.CIRCUIT_SIZE_JSON,
    summary="The first n nodes of the order as a circuit, measured on 64 held-out pairs",
    responses=refusals(404, 409),
)
def size(circuit_id: str, n_nodes: Size, sizes: TheSizes) -> MeasuredSize:
    return sizes.measured(circuit_id, n_nodes)


@router.post(
    urls.CIRCUIT_SIZE,
    status_code=201,
    summary="Keep the circuit of that size as a circuit of its own; 200 where it is kept already",
    responses={200: {"model": CircuitSummary, "description": "kept before"}, **refusals(404, 409)},
)
def keep(
    circuit_id: str, n_nodes: Size, response: Response, sizes: TheSizes, makers: TheMakers, maker: TheVisitor
) -> CircuitSummary:
    record, is_new = sizes.keep(circuit_id, n_nodes)
    makers.note("circuits", record.id, maker, is_new=is_new)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = record.url
    return CircuitSummary(**{name: getattr(record, name) for name in CircuitSummary.model_fields})
