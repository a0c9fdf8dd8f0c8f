"""Whether the server is up."""

from fastapi import APIRouter

from app import __version__, urls
from app.deps import TheLibrary
from app.schemas import Health

router = APIRouter(tags=["health"])


@router.get(urls.HEALTH, summary="Whether the server is up")
def health(library: TheLibrary) -> Health:
    return Health(status="ok", version=__version__, device=str(library.device), models=len(library.names()))
