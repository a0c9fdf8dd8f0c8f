"""Notes on circuits: kept as revisions that never change, shown again with the circuit under a link."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from app import urls
from app.annotations import annotate
from app.cached import cached_json
from app.deps import TheMakers, TheStore, TheVisitor
from app.errors import refusals
from app.schemas import Annotation, AnnotationRequest, AnnotationSummary

router = APIRouter(tags=["annotations"])


@router.get(
    urls.twin(urls.CIRCUIT_ANNOTATIONS), summary="Revisions of a circuit's notes, published or yours, newest first",
    responses=refusals(404),
)  # fmt: skip
def annotations(circuit_id: str, store: TheStore, reader: TheVisitor) -> list[AnnotationSummary]:
    store.check_circuit(circuit_id)
    return store.annotations_of(circuit_id, reader)


@router.post(
    urls.CIRCUIT_ANNOTATIONS,
    status_code=201,
    summary="Keep a revision of a circuit's notes; the same notes again answer 200 with the same record",
    responses={200: {"model": Annotation, "description": "kept before: the record of then"}, **refusals(404, 413)},
)
def keep(
    circuit_id: str,
    request: AnnotationRequest,
    response: Response,
    store: TheStore,
    makers: TheMakers,
    maker: TheVisitor,
) -> Annotation:
    annotation, is_new = annotate(store, circuit_id, request)
    makers.note("annotations", annotation.id, maker, is_new=is_new)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = annotation.url
    return annotation


@router.get(
    urls.twin(urls.ANNOTATION), summary="One revision of a circuit's notes", response_model=Annotation,
    responses=refusals(404),
)  # fmt: skip
def annotation(annotation_id: str, request: Request, store: TheStore) -> Response:
    return cached_json(request, store.annotation(annotation_id).model_dump_json())


@router.get(urls.ANNOTATION, include_in_schema=False)
def annotation_page(annotation_id: str, store: TheStore) -> Response:
    """The notes have no page of their own: they are shown with their circuit."""
    return RedirectResponse(store.annotation(annotation_id).link)
