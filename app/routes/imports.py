"""Circuits and models in: their forms, a check that keeps nothing, and the keeping."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from app import urls
from app.deps import TheArrivals, TheCatalogue, TheImports, TheMakers, ThePages, TheQueue, TheVisitor
from app.errors import Refusal, refusals
from app.import_plans import Given
from app.pages import asks_for_page
from app.schemas import MeansRequest
from app.schemas.imports import ImportCheck, Imported, ImportLimits, ModelArrival

router = APIRouter(tags=["imports"])


def given(
    file: Annotated[UploadFile | None, File(description="the file, unless its text is in `text`")] = None,
    text: Annotated[str, Form(description="a JSON text, unless there is a file")] = "",
    model: Annotated[str, Form(max_length=64, description="where the file does not say")] = "",
    task: Annotated[str, Form(max_length=80, description="where the file does not say; a title for prompts")] = "",
    candidates: Annotated[str, Form(max_length=80, description="two tokens, where viz_data.pt does not tell")] = "",
) -> Given:
    has_file = file is not None and bool(file.filename)
    content = file.file.read() if file is not None and has_file else text.encode(errors="replace")
    name = (file.filename or "") if file is not None and has_file else ""
    return Given(content, name.replace("\\", "/").rsplit("/", 1)[-1], model.strip(), task.strip(), candidates)


TheGiven = Annotated[Given, Depends(given)]


@router.get(urls.twin(urls.IMPORT), summary="What can be imported, and how much of it")
def limits(imports: TheImports, arrivals: TheArrivals, catalogue: TheCatalogue) -> ImportLimits:
    return ImportLimits(
        model_files=list(arrivals.files),
        most_model_bytes=arrivals.most_bytes,
        circuit_forms=["sparsescope", "released", "sparse-pretrain", "prompt-pairs"],
        models=[model.name for model in catalogue.models()],
    )


@router.get(urls.IMPORT, include_in_schema=False)
def import_page(catalogue: TheCatalogue, arrivals: TheArrivals, pages: ThePages) -> Response:
    return pages(
        "import.html", "Import", models=catalogue.models(), tasks=catalogue.tasks(), most_bytes=arrivals.most_bytes,
        files=arrivals.files,
    )  # fmt: skip


@router.post(
    urls.IMPORT_CHECK,
    summary="Check a circuit or prompt pairs without keeping them: every fault, or what would be kept",
    responses=refusals(413),
)
def check(given: TheGiven, imports: TheImports) -> ImportCheck:
    return imports.check(given)


@router.post(
    urls.IMPORT,
    status_code=201,
    response_model=Imported,
    summary="Keep a circuit or prompt pairs; what is kept already answers 200",
    responses={200: {"model": Imported, "description": "kept before"}, **refusals(404, 409, 413)},
)
def keep(
    given: TheGiven, imports: TheImports, makers: TheMakers, maker: TheVisitor, request: Request, response: Response
) -> Imported | Response:
    """A circuit stands in no public list until its maker publishes it."""
    found = imports.keep(given)
    if found.circuit is not None:
        makers.note("circuits", found.circuit.id, maker, is_new=found.is_new)
    if asks_for_page(request):
        return RedirectResponse(found.url, status_code=303)
    response.status_code = 201 if found.is_new else 200
    response.headers["location"] = found.url
    return found


@router.post(
    urls.MODELS,
    status_code=201,
    response_model=ModelArrival,
    summary="Add a model: a zip of its folder, or the files in it",
    description="It is listed at once; its corpus means are computed by a job unless the folder brings them.",
    responses=refusals(409, 413),
)
def add_model(
    arrivals: TheArrivals,
    queue: TheQueue,
    visitor: TheVisitor,
    request: Request,
    response: Response,
    files: Annotated[list[UploadFile], File(description="one .zip, or beeg_config.json, final_model.pt and so on")],
    name: Annotated[str, Form(max_length=64, description="else the name of the zip")] = "",
) -> ModelArrival | Response:
    named = [(file.filename or "", file.file) for file in files]
    if len({given for given, _ in named}) < len(named):
        raise Refusal(422, "two of the files have the same name")
    found = arrivals.from_files({given: file for given, file in named if given}, name.strip())
    job = None if found.has_means else queue.add(MeansRequest(model=found.name), visitor)
    if asks_for_page(request):
        return RedirectResponse(urls.model(found.name), status_code=303)
    response.headers["location"] = urls.model(found.name)
    return ModelArrival(
        name=found.name, url=urls.model(found.name), fingerprint=found.fingerprint,
        tokenizer="own" if found.has_tokenizer else "token ids", job=job, notes=found.notes,
    )  # fmt: skip
