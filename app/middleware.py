"""What every request passes: a limit on bodies, refusal of other sites' posts, headers that keep the page's own."""

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import urls
from app.logs import REQUEST_ID
from app.schemas import ErrorAnswer, Problem

#: Plotly adds two style elements to a page: an empty one, which it then fills by script, and the fixed one of a map
#: library that is built into it. They are let in by the hashes of their text, so no other style in a page is; what it
#: sets as attributes of its own elements is let in as such.
PLOTLY_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='",
)
SECURITY_HEADERS = {
    "content-security-policy": (
        f"default-src 'self'; style-src 'self' {' '.join(PLOTLY_STYLES)}; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


#: The one kind of page that other sites may frame: it shows a circuit and changes nothing.
FRAMED = {
    "content-security-policy": SECURITY_HEADERS["content-security-policy"].replace(
        "frame-ancestors 'none'", "frame-ancestors *"
    )
}


class Guard:
    """Adds security headers to every answer, and refuses bodies past the limit and posts from other sites."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, uploads: Mapping[str, int] | None = None) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.uploads = uploads or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                framed = FRAMED if scope["path"].startswith(f"{urls.EMBED}/") else {}
                for name, value in (SECURITY_HEADERS | framed).items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(urls.STATIC):
                    headers.setdefault("cache-control", "no-cache")  # revalidated by etag, so an upgrade shows at once
                elif scope["path"].startswith(urls.PLOTLY):
                    headers.setdefault("cache-control", "public, max-age=86400")
            await send(message)

        headers = Headers(scope=scope)
        most = self.uploads.get(scope["path"], self.max_body_bytes)
        too_large = f"the body is too large; at most {most:,} bytes are read"
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > most:
            await _refuse(413, too_large)(scope, receive, send_guarded)
            return
        if scope["method"] == "POST" and headers.get("sec-fetch-site") == "cross-site":
            await _refuse(403, "posts from another site's pages are refused")(scope, receive, send_guarded)
            return
        n_read = 0

        async def receive_limited() -> Message:
            nonlocal n_read
            message = await receive()
            n_read += len(message.get("body", b""))
            if n_read > most:
                raise HTTPException(413, too_large)
            return message

        await self.app(scope, receive_limited, send_guarded)


class Bounded:
    """Refuses to send an answer past the limit. Files are as large as they are, and streams have no size."""

    def __init__(self, app: ASGIApp, max_answer_bytes: int) -> None:
        self.app = app
        self.max_answer_bytes = max_answer_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith((urls.STATIC, urls.PLOTLY)):
            await self.app(scope, receive, send)
            return
        refused = False

        async def send_bounded(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                size = int(MutableHeaders(scope=message).get("content-length", 0))
                refused = size > self.max_answer_bytes
                if refused:
                    most = (
                        f"the answer would be {size:,} bytes; at most {self.max_answer_bytes:,} are sent, ask for less"
                    )
                    await _refuse(413, most)(scope, receive, send)
            if not refused:
                await send(message)

        await self.app(scope, receive, send_bounded)


def _refuse(status: int, message: str) -> JSONResponse:
    problem = Problem(status=status, message=message, request_id=REQUEST_ID.get() or None)
    return JSONResponse(ErrorAnswer(error=problem).model_dump(exclude_none=True), status_code=status)
