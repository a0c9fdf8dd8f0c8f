"""JSON that a browser may keep: sent with a tag of its content, not sent again while the tag is the same."""

import hashlib

from fastapi import Request
from fastapi.responses import Response

HEADERS = {"cache-control": "public, max-age=3600"}


def cached_json(request: Request, json: str, *, may_change: bool = False) -> Response:
    """The JSON with its ETag; 304 without it if the client holds it already. What may change is asked for each time."""
    etag = f'"{hashlib.sha256(json.encode()).hexdigest()[:20]}"'
    headers = HEADERS | {"etag": etag} | ({"cache-control": "no-cache"} if may_change else {})
    held = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in held or "*" in held:
        return Response(status_code=304, headers=headers)
    return Response(json, media_type="application/json", headers=headers)
