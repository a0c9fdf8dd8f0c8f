"""One model: its shape, its card, how well it does each task, its circuits, its channels, how it was trained."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from app import urls
from app.catalogue import ChannelQuery
from app.deps import TheCatalogue, ThePages, TheStore, TheVisitor
from app.errors import refusals
from app.schemas import ChannelPage, ChannelSort, ModelDetail

router = APIRouter(tags=["models"])

MOST_CHANNELS = 200


def channel_query(
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_CHANNELS)] = 12,
    sort: ChannelSort = "embed_norm",
    search: Annotated[str, Query(max_length=80)] = "",
) -> ChannelQuery:
    return ChannelQuery(offset, limit, sort, search)


TheQuery = Annotated[ChannelQuery, Depends(channel_query)]


@router.get(urls.twin(urls.MODEL), summary="One model", responses=refusals(404))
def model(name: str, catalogue: TheCatalogue, reader: TheVisitor) -> ModelDetail:
    return catalogue.model(name, reader)


@router.get(
    urls.MODEL_CHANNELS_JSON,
    summary="Residual channels: the tokens that write each, the logits it moves",
    description="`search` is a channel (`c31`) or a token's text, whole or else a part of it.",
    responses=refusals(404),
)
def channels(name: str, query: TheQuery, catalogue: TheCatalogue) -> ChannelPage:
    return catalogue.channels(name, query)


@router.get(urls.MODEL, include_in_schema=False)
def model_page(
    name: str,
    query: TheQuery,
    catalogue: TheCatalogue,
    store: TheStore,
    pages: ThePages,
    reader: TheVisitor,
    task: str | None = None,
) -> Response:
    """`task` is chosen in the prune form; the rest is of the table of channels."""
    model = catalogue.model(name, reader)
    return pages(
        "model.html",
        model.title,
        model=model,
        circuits=store.circuits(model=name, reader=reader),
        chosen=None if task is None else catalogue.task(task),
        channels=catalogue.channels(name, query),
    )
