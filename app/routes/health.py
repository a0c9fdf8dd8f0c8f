"""Whether the server is up, whether it can work, and its numbers for a monitor."""

from fastapi import APIRouter
from fastapi.responses import Response

from app import __version__, urls
from app.deps import TheDatabase, TheLibrary, TheMetrics
from app.health import readiness
from app.metrics import CONTENT_TYPE
from app.schemas import Health
from app.schemas.health import Ready

router = APIRouter(tags=["health"])


@router.get(urls.HEALTH, summary="Whether the server is up")
def health(library: TheLibrary) -> Health:
    return Health(status="ok", version=__version__, device=str(library.device), models=len(library.names()))


@router.get(
    urls.READY, summary="Whether it can work: the store answers, its tables are up to date, a worker lives",
    responses={503: {"model": Ready, "description": "it cannot, and why"}},
)  # fmt: skip
def ready(database: TheDatabase, response: Response) -> Ready:
    found = readiness(database)
    response.status_code = 200 if found.ready else 503
    return found


@router.get(urls.METRICS, include_in_schema=False)
def metrics(metrics: TheMetrics) -> Response:
    """In the form of Prometheus."""
    return Response(metrics.text(), media_type=CONTENT_TYPE)
