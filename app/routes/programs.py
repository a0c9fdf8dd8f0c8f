"""A circuit as a program: the page with its code, equations and table, and the file."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app import urls
from app.deps import ThePages, ThePrograms, TheStore, TheVisitor
from app.errors import refusals
from app.schemas.program import Program, Variant

router = APIRouter(tags=["programs"])

Notes = Annotated[str | None, Query(description="an annotation whose labels become comments")]
Measured = Annotated[
    bool, Query(description="simplify it on train prompts and run both on 1,000 fresh ones, unless that was done")
]


@router.get(
    urls.twin(urls.PROGRAM), summary="A circuit as a program, as equations and as a table", responses=refusals(404, 409)
)
def program(circuit_id: str, programs: ThePrograms, notes: Notes = None, measure: Measured = False) -> Program:
    return programs.program(circuit_id, notes, measured=measure)


@router.get(
    urls.PROGRAM_PYTHON, summary="The program as a file: Python with numpy alone", response_class=Response,
    responses={200: {"content": {"text/x-python": {}}}, **refusals(404, 409)},
)  # fmt: skip
def python(circuit_id: str, programs: ThePrograms, notes: Notes = None, variant: Variant = "exact") -> Response:
    """The simplified variant is made and measured first where that has not been done."""
    name = f"circuit-{circuit_id}{'' if variant == 'exact' else '-simplified'}.py"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(programs.python(circuit_id, notes, variant), media_type="text/x-python", headers=headers)


@router.get(urls.PROGRAM, include_in_schema=False)
def program_page(
    circuit_id: str,
    store: TheStore,
    programs: ThePrograms,
    pages: ThePages,
    reader: TheVisitor,
    notes: Notes = None,
    measure: Measured = False,
) -> Response:
    circuit = store.circuit(circuit_id)
    found = programs.program(circuit_id, notes, measured=measure)
    return pages(
        "program.html", f"Program of {circuit.task_title}", circuit=circuit, program=found,
        revisions=store.annotations_of(circuit_id, reader),
    )  # fmt: skip
