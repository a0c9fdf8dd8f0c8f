"""A circuit on other people's pages: the graph alone, to be framed, and a still picture for link previews."""

from functools import lru_cache
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response

from app import urls
from app.deps import ThePages, TheStore
from app.errors import refusals
from app.pictures import png, svg
from app.schemas import CircuitDetail

router = APIRouter(tags=["sharing"])

#: What sites that show link previews ask for.
SIZE = (1200, 630)
DAY = {"cache-control": "public, max-age=86400"}


@router.get(
    urls.CIRCUIT_PREVIEW,
    summary="A picture of this circuit for link previews, 1200 x 630 pixels",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **refusals(404)},
)
def preview(circuit_id: str, store: TheStore) -> Response:
    return Response(_drawn(store.circuit_json(circuit_id)), media_type="image/png", headers=DAY)


@lru_cache(maxsize=64)
def _drawn(json: str) -> bytes:
    circuit = CircuitDetail.model_validate_json(json)
    return png(svg(circuit, size=SIZE), SIZE[0])


@router.get(urls.CIRCUIT_EMBED, include_in_schema=False)
def embed_page(
    circuit_id: str,
    store: TheStore,
    pages: ThePages,
    notes: str | None = None,
    theme: Literal["light", "dark"] | None = None,
) -> Response:
    """The same view as the circuit's page, with the same query; `theme` where the framing page has one of its own."""
    circuit = store.circuit(circuit_id)
    annotation = None if notes is None else store.annotation_of(circuit_id, notes)
    return pages("embed.html", circuit.task_title, circuit=circuit, annotation=annotation, theme=theme)
