"""Who asks: a random cookie that tells one visitor from another and says nothing else about them.

Only a hash of the cookie is ever kept or compared, so what the store holds does not let anybody act as a visitor. A
program that sends no cookie is a new visitor on every request; each answer hands it one.
"""

import hashlib
import re
import secrets
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import urls

COOKIE = "sparsescope_visitor"
YEAR_S = 365 * 24 * 3600

_SECRET = re.compile(r"[A-Za-z0-9_-]{22,64}")
#: What a page loads beside itself: many at once, and none needs to know who asks.
_NOBODY = (urls.STATIC, urls.PLOTLY, urls.HEALTH)


class Visitors:
    """Puts the visitor into the request's state, as `visitor`, and a cookie on the answer to one who has none."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_NOBODY):
            await self.app(scope, receive, send)
            return
        known = secret_in(Headers(scope=scope).get("cookie", ""))
        secret = known or secrets.token_urlsafe(24)
        scope.setdefault("state", {})["visitor"] = visitor_of(secret)

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookie = f"{COOKIE}={secret}; Path=/; Max-Age={YEAR_S}; HttpOnly; SameSite=Lax"
                cookie += "; Secure" if scope.get("scheme") == "https" else ""
                headers = MutableHeaders(scope=message)
                if "public" not in headers.get("cache-control", ""):  # a shared cache would hand it to others
                    headers.append("set-cookie", cookie)
            await send(message)

        await self.app(scope, receive, send if known else send_named)


def visitor_of(secret: str) -> str:
    """The visitor whose cookie says `secret`, as the store knows them."""
    return hashlib.sha256(secret.encode()).hexdigest()[:32]


def secret_in(cookies: str) -> str | None:
    """What the visitor's cookie says; None where there is none that this app could have given."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(cookies)
    except CookieError:
        return None
    morsel = jar.get(COOKIE)
    return morsel.value if morsel is not None and _SECRET.fullmatch(morsel.value) else None
