"""One model: its configuration, how well it does each task, its circuits and how it was trained."""

from fastapi import APIRouter
from fastapi.responses import Response

from app import urls
from app.deps import TheCatalogue, ThePages, TheStore
from app.errors import refusals
from app.schemas import ModelDetail

router = APIRouter(tags=["models"])


@router.get(urls.twin(urls.MODEL), summary="One model", responses=refusals(404))
def model(name: str, catalogue: TheCatalogue) -> ModelDetail:
    return catalogue.model(name)


@router.get(urls.MODEL, include_in_schema=False)
def model_page(
    name: str, catalogue: TheCatalogue, store: TheStore, pages: ThePages, task: str | None = None
) -> Response:
    """`task` is chosen in the prune form."""
    model = catalogue.model(name)
    chosen = None if task is None else catalogue.task(task)
    return pages("model.html", model.title, model=model, circuits=store.circuits(model=name), chosen=chosen)
