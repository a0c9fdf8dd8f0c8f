"""Two circuits beside each other, as a page and as JSON."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from app import urls
from app.deps import TheComparing, ThePages
from app.errors import refusals
from app.schemas import CIRCUIT_PATTERN
from app.schemas.compare import CircuitComparison

router = APIRouter(tags=["circuits"])

OneOf = Annotated[str, Query(pattern=CIRCUIT_PATTERN)]


def compared(a: OneOf, b: OneOf, comparing: TheComparing) -> CircuitComparison:
    return comparing(a, b)


TheComparison = Annotated[CircuitComparison, Depends(compared)]


@router.get(
    urls.twin(urls.COMPARE),
    summary="Two circuits: sizes, measures, and what they share against other seeds and against chance",
    responses=refusals(404, 409),
)
def compare(comparison: TheComparison) -> CircuitComparison:
    return comparison


@router.get(urls.COMPARE, include_in_schema=False)
def compare_page(comparison: TheComparison, pages: ThePages) -> Response:
    a, b = comparison.a, comparison.b
    return pages("compare.html", f"{a.task_title}: {a.id[:8]} and {b.id[:8]}", comparison=comparison)
