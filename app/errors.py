"""What a refusal looks like: one JSON shape for programs, one page for people, one sentence for both."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException

from app.logs import REQUEST_ID
from app.middleware import SECURITY_HEADERS
from app.mishaps import what_went_wrong
from app.pages import wants_page
from app.schemas import CIRCUIT_PATTERN, NAME_PATTERN, NODE_PATTERN, VIEW_PATTERN, ErrorAnswer, Problem
from app.schemas.lab import TARGET_PATTERN
from app.schemas.sharing import PATH_PATTERN
from model.errors import InputError, UnknownName

log = logging.getLogger(__name__)

#: For `responses=` of a route: which refusals it can answer with.
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
    }
    for status, text in {
        400: "the model has no such layer, neuron or channel",
        401: "this needs the server's token",
        403: "it is another visitor's, the server is read-only, or the request came from another site's page",
        404: "no such model, task, circuit, node, annotation, ablation or job",
        409: "the state of things does not allow it",
        413: "the body is too large",
        422: "something in the request is not usable; the message says what and what is allowed",
        429: "too many requests; `retry-after` says when to come back",
        503: "the store, or the place of the artifacts, does not answer",
        507: "the server's disk is full; nothing was kept",
    }.items()
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals of a route beside 422, which every route has."""
    return {status: REFUSALS[status] for status in statuses}


#: For `responses=` of the whole app; it also puts ErrorAnswer among the schemas.
ANY_ROUTE: dict[int | str, dict[str, Any]] = {
    422: REFUSALS[422] | {"model": ErrorAnswer},
    503: REFUSALS[503],
    507: REFUSALS[507],
}


class Refusal(Exception):
    """A request that cannot be met, in one sentence; `more` are further fields of the Problem."""

    def __init__(self, status: int, message: str, *, retry_s: int | None = None, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.more = more
        self.headers = {} if retry_s is None else {"retry-after": str(retry_s)}
        if status == 401:
            self.headers["www-authenticate"] = "Bearer"


def no_such(kind: str, name: str, choices: Iterable[str], known: str = "there are") -> Refusal:
    """404 that names the value and the choices: `no task 'quotes'; there are: bracket_counting, ...`."""
    return Refusal(404, f"no {kind} {shortened(name)}; {known}: {listed(choices)}")


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names in a row, the first `most` of them."""
    names = list(names)
    if not names:
        return "none"
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def shortened(value: object, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def install(app: FastAPI) -> None:
    """Answer every error of the app in the one shape."""

    def answer(
        request: Request, status: int, message: str, headers: dict[str, str] | None = None, **more: Any
    ) -> Response:
        request_id = REQUEST_ID.get() or None
        if wants_page(request):
            context = {"page_title": f"{status}", "status": status, "message": message, "request_id": request_id}
            pages = request.app.state.templates
            return pages.TemplateResponse(request, "error.html", context, status_code=status, headers=headers)
        problem = ErrorAnswer(error=Problem(status=status, message=message, request_id=request_id, **more))
        return JSONResponse(problem.model_dump(exclude_none=True), status_code=status, headers=headers)

    @app.exception_handler(Refusal)
    def refused(request: Request, error: Refusal) -> Response:
        return answer(request, error.status, error.message, error.headers, **error.more)

    @app.exception_handler(InputError)
    def unusable(request: Request, error: InputError) -> Response:
        return answer(request, 404 if isinstance(error, UnknownName) else 422, str(error))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request, 422, sentence(error.errors()))

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        if what_went_wrong(error) == "disk":  # an upload is written down while it is read
            return full(request, error)
        message = str(error.detail)
        if error.status_code == 404 and message == "Not Found":
            message = f"there is nothing at {request.url.path}"
        status = error.status_code
        if status == 400:  # the framework's word for a body that it cannot take apart
            status = 422
            if message == "There was an error parsing the body":
                message = "the body cannot be read as JSON"
        if status == 405:
            message = f"{request.url.path} does not answer {request.method}"
        return answer(request, status, message, dict(error.headers or {}))

    def full(request: Request, error: Exception) -> Response:
        log.error("%s %s: the disk is full", request.method, request.url.path, exc_info=error)
        message = "the server's disk is full; nothing was kept, and what was there before is as it was"
        return answer(request, 507, message, {"retry-after": "60"})

    @app.exception_handler(OSError)
    def unwritable(request: Request, error: OSError) -> Response:
        what = what_went_wrong(error)
        if what == "artifacts":
            log.error("%s %s: %s", request.method, request.url.path, error)
            message = "the place of the artifacts does not answer just now; nothing was changed, try again in a moment"
            return answer(request, 503, message, {"retry-after": "5"})
        if what != "disk":
            raise error
        return full(request, error)

    @app.exception_handler(DataError)
    def unstorable(request: Request, _error: DataError) -> Response:
        return answer(request, 422, "the request holds a text that cannot be stored; leave out its NUL characters")

    @app.exception_handler(OperationalError)
    @app.exception_handler(NoConnection)
    def unreachable(request: Request, error: Exception) -> Response:
        if what_went_wrong(error) == "disk":
            return full(request, error)
        log.error("%s %s: the store does not answer", request.method, request.url.path, exc_info=error)
        message = "the store does not answer just now; nothing was changed, try again in a moment"
        return answer(request, 503, message, {"retry-after": "5"})

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        # This handler runs outside of all middleware, so what that adds to an answer is added here.
        headers = SECURITY_HEADERS | {"x-request-id": REQUEST_ID.get()}
        return answer(request, 500, "something went wrong on the server; its log says what", headers)


# -- validation errors as sentences ----------------------------------------------------------


def sentence(errors: Sequence[Any]) -> str:
    """The first validation error as one sentence: field, value, what is allowed."""
    first = errors[0]
    kind, context = first["type"], first.get("ctx", {})
    if kind == "json_invalid":
        return f"the body is not JSON: {context.get('error', first['msg'])} at character {first['loc'][-1]}"
    field = field_name(first["loc"])
    if kind == "missing":
        return "the body is missing; send JSON" if field == "the body" else f"{field} is missing"
    if kind == "extra_forbidden":
        return f"{field} is not a field of this request"
    value = first.get("input")
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    if kind in ("too_long", "too_short", "string_too_long", "string_too_short") and hasattr(value, "__len__"):
        unit = "characters" if kind.startswith("string") else "items"
        bound = context.get("max_length", context.get("min_length"))
        word = "at most" if kind.endswith("long") else "at least"
        size = f"{len(value):,} {unit}" if len(value) else "empty"
        return f"{field} is {size}; it must have {word} {bound:,} {unit if bound != 1 else unit[:-1]}{more}"
    return f"{field} is {shortened(value)}; it must be {_allowed(kind, context, first['msg'])}{more}"


_PATTERNS = {
    NODE_PATTERN: "a node, like 3.mlp.post_act:117",
    NAME_PATTERN: "a name of small letters, digits, `_`, `.` and `-`",
    CIRCUIT_PATTERN: "16 hexadecimal digits",
    TARGET_PATTERN: "a node, an edge, a head, a block or a layer, like 3.mlp.post_act:117 or 0.attn.h3",
    PATH_PATTERN: "path and query of a page of this server, like /circuits/0123456789abcdef?node=3.mlp.post_act:117",
    VIEW_PATTERN: "empty or a page's query, like ?node=3.mlp.post_act:117",
}


def _allowed(kind: str, context: dict[str, Any], message: str) -> str:
    limits = {
        "greater_than_equal": "at least {ge}",
        "greater_than": "more than {gt}",
        "less_than_equal": "at most {le}",
        "less_than": "less than {lt}",
        "literal_error": "{expected}",
        "union_tag_invalid": "of a kind that exists: {expected_tags}",
        "int_parsing": "a whole number",
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_parsing": "a number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "string_type": "text",
        "bool_parsing": "true or false",
        "bool_type": "true or false",
        "list_type": "a list",
        "tuple_type": "a list",
        "model_type": "an object",
        "model_attributes_type": "an object",
        "union_tag_not_found": "an object with a {discriminator}",
    }
    if kind == "string_pattern_mismatch":
        return _PATTERNS[context["pattern"]]
    if kind in limits:
        return limits[kind].format(**context)
    return message.removeprefix("Input should be ").removeprefix("Value error, ")


def field_name(loc: Sequence[str | int]) -> str:
    """`("body", "settings", "n_steps")` as `settings.n_steps`."""
    name = ""
    parts = list(loc[1:] if loc and loc[0] in ("body", "query", "path", "header") else loc)
    if len(parts) > 2 and parts[0] == "target":
        del parts[1]  # the tag of a tagged union, which is no field
    if len(parts) > 3 and parts[0] == "interventions":
        del parts[2]
    if parts[-1:] == ["[key]"]:  # the key of an object, which stands in the sentence as the value
        return f"a name in {field_name(parts[:-2])}"
    for part in parts:
        name += f"[{part}]" if isinstance(part, int) else f".{part}"
    return name.removeprefix(".") or "the body"
