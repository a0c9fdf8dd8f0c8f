"""Who may write, and how much anybody may compute: what every request is asked before its handler sees it.

What is public is read by anybody. All that is not a GET needs the token, unless it is named below with its reason;
a server without a token is one on localhost, where whoever asks is at home. So a new route is closed until it is
opened here.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import os
import time
from collections.abc import AsyncIterator
from typing import Literal
from urllib.parse import urlsplit

from fastapi import Request

from app import urls
from app.allowance import Allowance
from app.errors import Refusal
from app.settings import Settings
from model.errors import InputError

COOKIE = "sparsescope_session"
SESSION_S = 30 * 24 * 3600
SHORTEST_TOKEN = 16
#: Of the forty threads that answer requests, most stay free for what computes nothing.
MOST_SLOTS = 12

#: Requests by which one becomes a writer, or ceases to be one.
OPEN: dict[str, str] = {
    urls.SIGN_IN: "it asks for the token itself, ten times a minute",
    urls.SIGN_OUT: "it only forgets the visitor's own cookie",
}
#: POSTs that only compute: they change nothing that was there, and hold no words for others to read.
COMPUTES: dict[str, str] = {
    urls.CIRCUIT_RUNS: "a prompt is run and forgotten",
    urls.CIRCUIT_TRACES: "a prompt is run and forgotten",
    urls.CIRCUIT_CONTRASTS: "two prompts are run and forgotten",
    urls.CIRCUIT_LEDGERS: "a prompt is run and forgotten",
    urls.CIRCUIT_ATTENTION: "a prompt is run and forgotten",
    urls.CIRCUIT_SWEEPS: "cuts are measured and forgotten",
    urls.FAILURES: "prompts are run and forgotten",
    urls.TASK_CHECK: "prompt pairs are checked and forgotten",
    urls.ABLATION_ESTIMATES: "a cut is estimated and forgotten",
    urls.ABLATION_CHECKS: "an ablation is measured again and compared",
    urls.SHORT_LINKS: "a short name for an address of this server, which anybody may share",
    urls.ABLATIONS: "a cut is measured; its record is figures under an id that follows from the request",
}
#: GETs that run the model, draw a picture or write a file; a page that a person waits for as well as its JSON.
COMPUTING_GETS = frozenset(
    {
        urls.CIRCUIT_NODE_JSON,
        urls.NODE_TASK_JSON,
        urls.NODE_CORPUS_JSON,
        urls.NODE_RESPONSE_JSON,
        urls.NODE_LABEL_JSON,
        urls.HEAD_SHARPNESS_JSON,
        urls.CIRCUIT_SIZES_JSON,
        urls.CIRCUIT_SIZE_JSON,
        urls.CIRCUIT_SWEEPS_CSV,
        urls.MODEL_TASK_JSON,
        urls.MODEL,
        urls.MODEL_CHANNELS_JSON,
        urls.CIRCUIT_EXPORT,
        urls.CIRCUIT_PREVIEW,
        urls.PROGRAM_PYTHON,
        urls.SPARSITY,
        urls.SPARSITY_NEURON,
        urls.SPARSITY_CHANNEL,
        *(
            path
            for page in (urls.COMPARE, urls.FAILURES, urls.STRESS, urls.RULES, urls.PROGRAM)
            for path in (page, urls.twin(page))
        ),
    }
)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Standing = Literal["at_home", "signed_in", "visitor", "read_only"]


class Access:
    """Answers for one server: its token, whether it is read-only, what each visitor has used."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.token.get_secret_value() if settings.token is not None else None
        self._read_only = settings.read_only
        self._host = settings.host
        check_settings(settings)
        self.computing = Allowance(settings.computations_per_minute, settings.computations_at_once)
        self.signing_in = Allowance(per_minute=10, at_once=10)
        self.n_slots = settings.computing_slots or min(MOST_SLOTS, max(2, os.cpu_count() or 1))
        self._looks, self._experiments = asyncio.Semaphore(self.n_slots), asyncio.Semaphore(self.n_slots)

    @property
    def asks(self) -> bool:
        """Whether there is anything to sign in to."""
        return self._token is not None and not self._read_only

    def standing(self, request: Request) -> Standing:
        if self._read_only:
            return "read_only"
        if self._token is None:
            return "at_home"
        return "signed_in" if self._shows_token(request) else "visitor"

    def may_write(self, request: Request) -> bool:
        return self.standing(request) in ("at_home", "signed_in")

    async def admit(self, request: Request) -> AsyncIterator[None]:
        """Raises a Refusal for what this request may not do; counts what it computes while it runs. Few compute at
        once: more would only share the same cores, and each would take longer."""
        pattern, safe = getattr(request.scope.get("route"), "path", ""), request.method in SAFE
        if not safe:
            self._check_origin(request)
            if pattern not in COMPUTES and pattern not in OPEN:
                self._check_writer(request)
        computes = pattern in COMPUTING_GETS if safe else pattern in COMPUTES
        if not computes:
            yield
            return
        if self.may_write(request):
            async with self.slots(safe):
                yield
            return
        visitor = visitor_address(request)
        take(self.computing, visitor, "computations")
        if not self.computing.enter(visitor):
            at_once = self.computing.at_once
            raise Refusal(429, f"{at_once} computations of yours are running already; wait for one to end", retry_s=1)
        try:
            async with self.slots(safe):
                yield
        finally:
            self.computing.leave(visitor)

    def slots(self, looks: bool) -> asyncio.Semaphore:
        """Where a computation waits its turn, outside of the threads that serve all else. Panels do not wait behind
        experiments."""
        return self._looks if looks else self._experiments

    # -- the token ---------------------------------------------------------------------------

    def is_token(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())

    def session(self) -> str:
        """What the cookie of whoever has signed in says: until when, and a proof that this server said so."""
        until = str(int(time.time()) + SESSION_S)
        return f"{until}.{self._proof(until)}"

    def _shows_token(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return True
        until, _, proof = request.cookies.get(COOKIE, "").partition(".")
        known = hmac.compare_digest(proof.encode(), self._proof(until).encode())
        return known and until.isdecimal() and int(until) > time.time()

    def _proof(self, until: str) -> str:
        """Another token makes every cookie worthless."""
        key = f"session:{self._token}".encode()
        return hmac.new(key, until.encode(), hashlib.sha256).hexdigest()

    # -- refusals ----------------------------------------------------------------------------

    def _check_writer(self, request: Request) -> None:
        standing = self.standing(request)
        if standing == "read_only":
            raise Refusal(403, "this server is read-only: it shows and computes, and takes no edits")
        if standing == "visitor":
            raise Refusal(
                401,
                f"this needs the server's token: sign in at {urls.SIGN_IN}, "
                "or send it as `Authorization: Bearer TOKEN`",
            )

    def _check_origin(self, request: Request) -> None:
        """A browser says from which page a request came; only this server's own pages may change something."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if origin is None:
            return  # not a page: a program, which sends no cookie by itself
        host = urlsplit(origin)
        if site not in ("same-origin", "none") and (site is not None or host.netloc != request.headers.get("host")):
            raise Refusal(403, "posts from another site's pages are refused")
        if self._token is None and not self._read_only and not is_local(host.hostname or ""):
            # Another name that leads here: a page of that name could act as whoever is at home.
            raise Refusal(403, f"this server has no token and takes posts from localhost alone, not from {origin}")


def check_settings(settings: Settings) -> None:
    """Raises InputError for a server that strangers could write to."""
    if settings.token is not None and len(settings.token.get_secret_value()) < SHORTEST_TOKEN:
        raise InputError(f"the token is too short; it must have at least {SHORTEST_TOKEN} characters")
    if settings.token is None and not settings.read_only and not is_local(settings.host):
        raise InputError(
            f"host {settings.host!r} is open to others: set SPARSESCOPE_TOKEN, at least {SHORTEST_TOKEN} characters, "
            "for those who may start jobs and edit, or SPARSESCOPE_READ_ONLY=true"
        )


def is_local(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def visitor_address(request: Request) -> str:
    """Whose limits a request counts against: an address, or the network that one holder of IPv6 addresses has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network(f"{host}/64", strict=False))


def take(allowance: Allowance, visitor: str, what: str) -> None:
    """Raises a 429 Refusal that says when to come back."""
    wait_s = allowance.wait_s(visitor)
    if wait_s:
        retry_s = max(1, round(wait_s))
        raise Refusal(
            429, f"{allowance.per_minute} {what} a minute are allowed; try again in {retry_s} s", retry_s=retry_s
        )
