"""The home page: models, featured circuits, how to start."""

from fastapi import APIRouter
from fastapi.responses import Response

from app import urls
from app.deps import TheCatalogue, ThePages
from app.schemas import ModelSummary

router = APIRouter(tags=["models"])


@router.get(urls.HOME, include_in_schema=False)
def home_page(catalogue: TheCatalogue, pages: ThePages) -> Response:
    return pages("home.html", "Sparsescope", models=catalogue.models(), circuits=catalogue.featured_circuits())


@router.get(urls.MODELS_JSON, summary="All models")
def models(catalogue: TheCatalogue) -> list[ModelSummary]:
    return catalogue.models()
