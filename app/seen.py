"""What is seen of a request from outside: its id, its time, a line in the log, numbers for a monitor."""

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import urls
from app.logs import FIELDS, REQUEST_ID
from app.metrics import Metrics

log = logging.getLogger(__name__)

HEADER = "x-request-id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
#: Asked every few seconds by machines, or fetched by the dozen; counted, but not logged.
_QUIET = (urls.HEALTH, urls.READY, urls.METRICS, urls.STATIC, urls.PLOTLY)
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}


class Seen:
    """The outermost middleware. A proxy may give a request its id; else it gets one, and the answer says it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
        REQUEST_ID.set(request_id)  # for as long as this request's task, in which the handler of last resort runs too
        started, status, elapsed_s = time.perf_counter(), 500, 0.0

        async def send_seen(message: Message) -> None:
            nonlocal status, elapsed_s
            if message["type"] == "http.response.start":
                status, elapsed_s = message["status"], time.perf_counter() - started
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_seen)
        finally:
            elapsed_s = elapsed_s or time.perf_counter() - started
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            self.metrics.answered(method, template(scope), status, elapsed_s)
            if not scope["path"].startswith(_QUIET):
                fields = {"method": method, "path": scope["path"], "status": status, "ms": round(1000 * elapsed_s, 1)}
                log.info("%s %s %d", method, scope["path"], status, extra={FIELDS: fields})


def template(scope: Scope) -> str:
    """The pattern of the route that answered, so that there are as many as there are routes."""
    route = scope.get("route")
    if route is not None:
        return str(getattr(route, "path", "other"))
    mount = next((path for path in (urls.STATIC, urls.PLOTLY) if scope["path"].startswith(path)), None)
    return mount or "none"
