"""The HTTP API as a page, read from the OpenAPI document that programs get."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import urls
from app.deps import ThePages

router = APIRouter(tags=["docs"])


@router.get(urls.DOCS, include_in_schema=False)
def docs_page(request: Request, pages: ThePages) -> Response:
    document = request.app.openapi()
    operations = [
        _operation(path, method, spec) for path, item in document["paths"].items() for method, spec in item.items()
    ]
    groups: dict[str, list[dict[str, Any]]] = {}
    for operation in operations:
        groups.setdefault(operation["tag"], []).append(operation)
    return pages("docs.html", "HTTP API", groups=groups)


def _operation(path: str, method: str, spec: dict[str, Any]) -> dict[str, Any]:
    body = spec.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return {
        "tag": spec["tags"][0],
        "method": method.upper(),
        "path": path,
        "summary": spec["summary"],
        "description": spec.get("description", ""),
        "query": [p["name"] for p in spec.get("parameters", []) if p["in"] == "query"],
        "body": _name(body),
        "answers": {
            status: _name(_schema(response)) for status, response in spec["responses"].items() if status[0] == "2"
        },
        "refusals": [status for status in spec["responses"] if status[0] == "4"],
    }


def _schema(response: dict[str, Any]) -> dict[str, Any]:
    content: list[dict[str, Any]] = list(response.get("content", {}).values())
    return content[0].get("schema", {}) if content else {}


def _name(schema: dict[str, Any]) -> str:
    """A schema's name: `Job`, `list of Job`, `StepEvent or Job`; empty where it has none."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if schema.get("type") == "array":
        return f"list of {_name(schema['items'])}"
    return " or ".join(_name(choice) for choice in schema.get("anyOf", []))
