"""Whether a server can do its work, on the wire."""

from typing import Literal

from app.schemas.base import Wire


class Check(Wire):
    name: Literal["store", "migrations", "worker"]
    ok: bool
    message: str


class Ready(Wire):
    """`ready` where every check is ok; the answer is 503 where it is not."""

    ready: bool
    checks: list[Check]
