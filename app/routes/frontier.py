"""The frontier: pretraining loss against circuit size, one point a model."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from app import urls
from app.deps import TheCatalogue, ThePages, TheVisitor
from app.errors import refusals
from app.frontier import FrontierQuery
from app.schemas import Frontier, LossKind

router = APIRouter(tags=["models"])


def frontier_query(
    loss: LossKind = "mixed",
    target: Annotated[float, Query(gt=0, le=5)] = 0.15,
    task: str | None = None,
    model: Annotated[list[str] | None, Query()] = None,
) -> FrontierQuery:
    return FrontierQuery(target, loss, task or None, model or ())


TheQuery = Annotated[FrontierQuery, Depends(frontier_query)]


@router.get(
    urls.twin(urls.FRONTIER),
    summary="Pretraining loss against circuit size, for every model",
    description="`model`, again for each, are the models shown; without it, all that have a task in common.",
    responses=refusals(404),
)
def frontier(query: TheQuery, catalogue: TheCatalogue, reader: TheVisitor) -> Frontier:
    return catalogue.frontier(query, reader)


@router.get(urls.FRONTIER, include_in_schema=False)
def frontier_page(query: TheQuery, catalogue: TheCatalogue, reader: TheVisitor, pages: ThePages) -> Response:
    return pages("frontier.html", "Frontier", frontier=catalogue.frontier(query, reader))
