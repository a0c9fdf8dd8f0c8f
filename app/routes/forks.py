"""Forks of circuits, and where a circuit came from."""

from fastapi import APIRouter, Response

from app import urls
from app.deps import TheForks, TheMakers, TheVisitor
from app.errors import refusals
from app.forks import summary_of
from app.schemas import CircuitSummary
from app.schemas.sharing import ForkRequest, Lineage

router = APIRouter(tags=["circuits"])


@router.post(
    urls.CIRCUIT_FORKS,
    status_code=201,
    summary="Drop nodes from a circuit, add nodes of its model, and measure what that makes as a circuit of its own",
    description="The same nodes again, however they were come by, are the same circuit: it answers 200 as it was.",
    responses={200: {"model": CircuitSummary, "description": "kept before"}, **refusals(404, 409, 413)},
)
def fork(
    circuit_id: str, request: ForkRequest, response: Response, forks: TheForks, makers: TheMakers, maker: TheVisitor
) -> CircuitSummary:
    record, is_new = forks.fork(circuit_id, request)
    makers.note("circuits", record.id, maker, is_new=is_new)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = record.url
    return summary_of(record)


@router.get(
    urls.CIRCUIT_LINEAGE_JSON,
    summary="The circuits that a circuit was forked from, nearest first, and its forks that are published or yours",
    responses=refusals(404),
)
def lineage(circuit_id: str, forks: TheForks, reader: TheVisitor) -> Lineage:
    return forks.lineage(circuit_id, reader)
