"""Circuits out: the forms there are, their schemas, and a circuit written in one."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from app import forms, urls
from app.deps import TheExports
from app.errors import no_such, refusals
from app.exports import find
from app.schemas.forms import FormSummary, schema_of

router = APIRouter(tags=["forms"])

MEDIA_TYPES: dict[str, Any] = {form.media_type: {} for form in forms.FORMS.values()}


@router.get(urls.FORMS_JSON, summary="The forms that circuits travel in")
def all_forms() -> list[FormSummary]:
    return forms.summaries()


@router.get(
    urls.SCHEMA,
    summary="JSON Schema of a form's files",
    description="`name` is a form's name, `-`, and its version: `sparsescope-1`.",
    responses=refusals(404),
)
def schema(name: str) -> dict[str, Any]:
    for form_name, form in forms.FORMS.items():
        if form.schema is not None and name == f"{form_name}-{form.version}":
            return schema_of(form.schema, urls.schema(form_name, form.version))
    raise no_such("schema", name, [f"{n}-{f.version}" for n, f in forms.FORMS.items() if f.schema is not None])


@router.get(
    urls.CIRCUIT_EXPORT,
    summary="A circuit as a file in one of the forms",
    response_class=Response,
    responses={200: {"content": MEDIA_TYPES}, **refusals(404, 409)},
)
def export(circuit_id: str, form: str, exports: TheExports) -> Response:
    name, known = find(form)
    headers = {"content-disposition": f'attachment; filename="{forms.file_name(name, circuit_id)}"'}
    return Response(exports.write(circuit_id, name), media_type=known.media_type, headers=headers)
