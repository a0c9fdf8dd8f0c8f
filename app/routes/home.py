"""The home page: models, featured circuits, how to start."""

from fastapi import APIRouter
from fastapi.responses import Response

from app import urls
from app.deps import TheCatalogue, TheMakers, ThePages, TheStore, TheVisitor
from app.gallery import gallery
from app.model_groups import model_groups
from app.schemas import ModelSummary

router = APIRouter(tags=["models"])


@router.get(urls.HOME, include_in_schema=False)
def home_page(
    catalogue: TheCatalogue, makers: TheMakers, store: TheStore, reader: TheVisitor, pages: ThePages
) -> Response:
    groups = model_groups(catalogue.models(reader))
    models = [model for group in groups for model in (*group.models, *group.repeats)]
    circuits = catalogue.featured_circuits(reader)
    if models:  # those of the model that comes first on the page come first
        circuits.sort(key=lambda circuit: circuit.model != models[0].name)
    tour = catalogue.tour_circuit()
    shown = gallery(makers, store, most=6)
    return pages(
        "home.html", "Sparsescope", models=models, groups=groups, circuits=circuits, tour=tour, published=shown
    )


@router.get(urls.MODELS_JSON, summary="All models")
def models(catalogue: TheCatalogue, reader: TheVisitor) -> list[ModelSummary]:
    return catalogue.models(reader)
