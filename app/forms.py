"""The forms that circuits travel in: their names, what they are for, where their schemas are published."""

from typing import NamedTuple

from app import urls
from app.schemas import AnnotatedCircuit, Wire
from app.schemas.forms import AttributionGraph, EapGraph, FormName, FormSummary, ReplicationCircuit


class Form(NamedTuple):
    """`version` grows when a field changes its meaning or goes; a new field does not change it."""

    title: str
    about: str
    suffix: str
    media_type: str
    schema: type[Wire] | None = None
    version: int = 1
    imports: bool = False


FORMS: dict[FormName, Form] = {
    "sparsescope": Form(
        "Sparsescope JSON", "The whole record: graph, figures, where it came from. Comes back exactly as it was.",
        ".json", "application/json", AnnotatedCircuit, imports=True,
    ),
    "attribution-graph": Form(
        "Attribution graph", "Opens in the viewers of Neuronpedia and circuit-tracer; edges are weights.",
        ".attribution-graph.json", "application/json", AttributionGraph,
    ),
    "sparse-pretrain": Form(
        "sparse_pretrain JSON", "The circuit JSON of the replication.", ".sparse_pretrain.json", "application/json",
        ReplicationCircuit, imports=True,
    ),
    "eap-ig": Form(
        "EAP-IG / MIB JSON", "Heads and MLPs only; says what was dropped and what that costs in loss.",
        ".eap.json", "application/json", EapGraph,
    ),
    "nodes-csv": Form("Nodes as CSV", "A kept node a row.", ".nodes.csv", "text/csv"),
    "edges-csv": Form("Edges as CSV", "An edge or link a row.", ".edges.csv", "text/csv"),
    "svg": Form("Picture, SVG", "The whole graph, for papers and slides.", ".svg", "image/svg+xml"),
    "png": Form("Picture, PNG", "The same, 1,600 pixels wide.", ".png", "image/png"),
    "html": Form(
        "Offline page, HTML", "The explorer in one file that needs no network, with card and recorded ablations; "
        "takes a while to write.", ".html", "text/html",
    ),
    "python": Form("Program, Python", "What the circuit computes; needs numpy alone.", ".py", "text/x-python"),
}  # fmt: skip


def schema_url(name: FormName) -> str | None:
    form = FORMS[name]
    return None if form.schema is None else urls.schema(name, form.version)


def file_name(name: FormName, circuit_id: str) -> str:
    return f"circuit-{circuit_id}{FORMS[name].suffix}"


def summaries() -> list[FormSummary]:
    return [
        FormSummary(
            name=name, title=form.title, about=form.about, file_name=file_name(name, "{id}"),
            media_type=form.media_type, schema_url=schema_url(name), imports=form.imports,
        )
        for name, form in FORMS.items()
    ]  # fmt: skip
