"""Scripts and styles: under a path that names their version they are kept for ever, and they are packed once."""

import gzip
import hashlib
import os
import time
from collections.abc import Callable
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app import urls
from app.settings import STATIC_FOLDER

FOLDER = STATIC_FOLDER
FOR_EVER = "public, max-age=31536000, immutable"
_PACKED = {".js", ".css", ".svg"}


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
    """Files as they are, with or without a version before the path; text is packed on its first use."""

    def __init__(self, stamp: Callable[[], str] = version, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._stamp = stamp
        self._packed: dict[tuple[str, int], bytes] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        stamp, _, rest = path.partition("/")
        response = await super().get_response(rest if stamp.startswith("~") else path, scope)
        if isinstance(response, FileResponse):
            response = await self._pack(response, scope)
        if stamp == f"~{self._stamp()}":
            response.headers["cache-control"] = FOR_EVER
        return response

    async def _pack(self, response: FileResponse, scope: Scope) -> Response:
        path, headers = Path(response.path), Headers(scope=scope)
        if path.suffix not in _PACKED or "gzip" not in headers.get("accept-encoding", "") or "range" in headers:
            return response
        key = (str(path), os.stat(path).st_mtime_ns)
        if key not in self._packed:
            self._packed[key] = await run_in_threadpool(lambda: gzip.compress(path.read_bytes(), 6))
        kept = {name: response.headers[name] for name in ("etag", "last-modified")}
        body = b"" if scope["method"] == "HEAD" else self._packed[key]
        more = {"content-encoding": "gzip", "vary": "Accept-Encoding", "content-length": str(len(self._packed[key]))}
        return Response(body, media_type=response.media_type, headers=kept | more)
