"""Answers that are made once: a page or its JSON is sent again as it was, until something that it shows has changed.

1. An answer is right for a store at one revision, models at one stamp, one set of scripts and templates, and one kind
   of reader: a visitor who made something has pages of their own, all others see the same.
2. One request makes it, those that come meanwhile wait for that.
3. It carries a tag of its content; who has it already is told so, 304, and is sent nothing.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import urls
from app.access import Access
from app.assets import FOLDER, version
from app.database import Database
from app.guide import DOCS
from app.library import Library
from app.makers import NOBODY
from app.pages import TEMPLATES, asks_for_page
from app.revision import Standing, standing

_PAGES = (
    urls.HOME, urls.FRONTIER, urls.GALLERY, urls.COMPARE, urls.MODEL, urls.TASKS, urls.TASK_NEW, urls.TASK,
    urls.CIRCUITS, urls.CIRCUIT, urls.CARD, urls.GUIDE_PAGE,
)  # fmt: skip
_DATA = (
    urls.MODELS_JSON, urls.MODEL_CHANNELS_JSON, urls.CIRCUIT_NODE_JSON, urls.NODE_TASK_JSON, urls.NODE_RESPONSE_JSON,
    urls.CIRCUIT_LINEAGE_JSON, urls.CIRCUIT_EMBED, *map(urls.twin, _PAGES[1:]),
)  # fmt: skip
#: What only the store, the library, the scripts and the reader decide. A name of a pattern may hold a `/` as `%2F`.
PATTERNS = frozenset((*_PAGES, *_DATA))
_KEPT = re.compile("|".join(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)) for pattern in sorted(PATTERNS)))

#: A browser asks each time whether what it has is still right.
_ASK_AGAIN = "private, no-cache"


@dataclass(frozen=True)
class Answer:
    headers: list[tuple[bytes, bytes]]
    body: bytes
    tag: str
    route: Any

    @property
    def n_bytes(self) -> int:
        return len(self.body) + 1_000


@dataclass
class Shelf:
    """The answers, at most `max_bytes` of them; what was not asked for longest goes first."""

    max_bytes: int
    n_bytes: int = 0
    answers: "OrderedDict[Any, Answer]" = field(default_factory=OrderedDict)

    def get(self, key: Any) -> Answer | None:
        if key in self.answers:
            self.answers.move_to_end(key)
        return self.answers.get(key)

    def put(self, key: Any, answer: Answer) -> None:
        if answer.n_bytes > self.max_bytes // 4:
            return
        before = self.answers.pop(key, None)
        self.n_bytes += answer.n_bytes - (before.n_bytes if before else 0)
        self.answers[key] = answer
        while self.n_bytes > self.max_bytes:
            self.n_bytes -= self.answers.popitem(last=False)[1].n_bytes

    def clear(self) -> None:
        self.answers.clear()
        self.n_bytes = 0


class Now(NamedTuple):
    """What every answer shows; one that was made at an earlier revision is never asked for again."""

    revision: int
    models: object
    files: tuple[object, ...]


class Kept:
    """Stands outside of what packs answers, so that they are packed once, and inside of what names visitors."""

    def __init__(self, app: ASGIApp, database: Database, library: Library, access: Access, max_bytes: int) -> None:
        self.app = app
        self.database, self.library, self.access = database, library, access
        self.shelf = Shelf(max_bytes)
        self._now = Now(-1, (), ())
        self._making: dict[Any, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _KEPT.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        key = await self._key(scope)
        making = self._making.get(key)
        if making is not None:
            await making.wait()
        answer = self.shelf.get(key)
        if answer is not None:
            await _send_kept(answer, scope, send)
        elif making is not None:  # it came to nothing that is kept
            await self.app(scope, receive, send)
        else:
            made = self._making[key] = asyncio.Event()
            try:
                await self._make(key, scope, receive, send)
            finally:
                del self._making[key]
                made.set()

    async def _key(self, scope: Scope) -> Any:
        request = Request(scope)
        reader = scope["state"]["visitor"]

        def read() -> tuple[Standing, Any]:
            with self.database.asking() as connection:
                return standing(connection, reader), self.library.stamp()

        # In a file a look takes less than the way to a thread and back, and readers never wait there.
        at_hand = self.database.dialect == "sqlite"
        (revision, is_maker), stamp = read() if at_hand else await run_in_threadpool(read)
        now = Now(revision, stamp, tuple(map(version, (FOLDER, TEMPLATES, DOCS))))
        if now != self._now and revision >= self._now.revision:
            self._now = now
            self.shelf.clear()
        return (
            str(request.url), request.headers.get("host"), asks_for_page(request),
            "gzip" in request.headers.get("accept-encoding", ""), self.access.standing(request),
            reader if is_maker else NOBODY, self._now if now == self._now else now,
        )  # fmt: skip

    async def _make(self, key: Any, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as if the client had nothing, keep that where it is a whole answer, and send what the client lacks."""
        held = Headers(scope=scope).get("if-none-match", "")
        conditions = (b"if-none-match", b"if-modified-since", b"range")
        asked = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in conditions]}
        start: Message = {}
        body = bytearray()
        passed_on = False

        async def gather(message: Message) -> None:
            nonlocal start, passed_on
            if passed_on:
                await send(message)
            elif message["type"] == "http.response.start":
                start = message
                if message["status"] != 200 or "set-cookie" in Headers(raw=message["headers"]):
                    passed_on = True
                    await send(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if message.get("more_body") and len(body) > self.shelf.max_bytes // 4:
                    passed_on = True
                    await send(start)
                    await send({"type": "http.response.body", "body": bytes(body), "more_body": True})
                    body.clear()

        try:
            await self.app(asked, receive, gather)
        finally:
            scope["route"] = asked.get("route")  # figures are gathered by it
        if passed_on or not start:
            return
        headers = MutableHeaders(raw=list(start["headers"]))
        tag = headers.get("etag") or f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers["etag"] = tag
        headers.setdefault("cache-control", _ASK_AGAIN)
        headers["content-length"] = str(len(body))
        answer = Answer(headers.raw, bytes(body), tag, scope.get("route"))
        self.shelf.put(key, answer)
        await _send_kept(answer, scope, send, held)


async def _send_kept(answer: Answer, scope: Scope, send: Send, held: str | None = None) -> None:
    scope["route"] = answer.route
    given = Headers(scope=scope).get("if-none-match", "") if held is None else held
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    if answer.tag.removeprefix("W/") in tags or "*" in tags:
        told = (b"etag", b"cache-control", b"vary")
        headers = [(name, value) for name, value in answer.headers if name in told]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": list(answer.headers)})
    await send({"type": "http.response.body", "body": answer.body})
