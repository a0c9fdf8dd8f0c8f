"""Scripts and styles: under a path that names their version they are kept for ever; they are read and packed once."""

import gzip
import hashlib
import os
import time
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from app import urls
from app.settings import STATIC_FOLDER

FOLDER = STATIC_FOLDER
FOR_EVER = "public, max-age=31536000, immutable"
_PACKED = {".js", ".css", ".svg"}
_CONDITIONS = {b"if-none-match", b"if-modified-since", b"range"}
#: There are some 150 files, of which the plotting library is by far the largest.
MOST_HELD, MOST_HELD_BYTES = 400, 8_000_000


def version(folder: Path = FOLDER) -> str:
    """Twelve hex digits that change when any file of `folder` does, within a second."""
    return _version(folder, int(time.monotonic()))


@lru_cache(maxsize=4)
def _version(folder: Path, _second: int) -> str:
    seen = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        stat = path.stat()
        seen.update(f"{path.relative_to(folder)} {stat.st_mtime_ns} {stat.st_size}\n".encode())
    return seen.hexdigest()[:12]


def asset(name: str) -> str:
    """Where a page finds a file of `static/`; modules there import their neighbours, so they share the version."""
    return f"{urls.STATIC}/~{version()}/{name}"


@cache
def plotly_version() -> str:
    return metadata.version("plotly")


def plotly() -> str:
    """Where a page finds the plotting library, under the version of its package."""
    return f"{urls.PLOTLY}/~{plotly_version()}/plotly.min.js"


class Assets(StaticFiles):
    """Files as they are, with or without a version before the path. What is asked for under the version of now is read
    and packed on its first use, and then sent from memory."""

    def __init__(self, stamp: Callable[[], str] = version, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._stamp = stamp
        self._held: dict[tuple[str, bool], Held] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = self._held.get(_key(scope)) if scope["type"] == "http" and scope["method"] == "GET" else None
        if held is None or held.stamp != self._stamp() or not held.is_whole(scope):
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(held.headers)})
        await send({"type": "http.response.body", "body": held.body})

    async def get_response(self, path: str, scope: Scope) -> Response:
        stamp, _, rest = path.partition("/")
        response = await super().get_response(rest if stamp.startswith("~") else path, scope)
        now = self._stamp()
        is_for_ever = stamp == f"~{now}"
        if is_for_ever:
            response.headers["cache-control"] = FOR_EVER
        if isinstance(response, FileResponse) and "range" not in Headers(scope=scope):
            response = await run_in_threadpool(_whole, response, scope)
            if is_for_ever and scope["method"] == "GET" and len(response.body) <= MOST_HELD_BYTES:
                if len(self._held) >= MOST_HELD:
                    self._held.clear()
                self._held[_key(scope)] = Held(now, response.raw_headers, bytes(response.body))
        return response


class Held(NamedTuple):
    stamp: str
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def is_whole(self, scope: Scope) -> bool:
        """Whether all of it is asked for, whatever the client has."""
        return not any(name in _CONDITIONS for name, _ in scope["headers"])


def _key(scope: Scope) -> tuple[str, bool]:
    return scope["path"], "gzip" in Headers(scope=scope).get("accept-encoding", "")


def _whole(file: FileResponse, scope: Scope) -> Response:
    """A file read, and packed where that is of use."""
    path = Path(file.path)
    body, kept = path.read_bytes(), dict(file.headers)
    kept.pop("accept-ranges", None)
    if path.suffix in _PACKED and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
        body = _packed(path, os.stat(path).st_mtime_ns)
        kept |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    kept["content-length"] = str(len(body))
    return Response(b"" if scope["method"] == "HEAD" else body, headers=kept)


@lru_cache(maxsize=MOST_HELD)
def _packed(path: Path, _mtime_ns: int) -> bytes:
    return gzip.compress(path.read_bytes(), 6)
