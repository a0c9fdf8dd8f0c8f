"""Short links: a view of this server's pages under ten characters, for ever. None leads anywhere else."""

import base64
import hashlib
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from app import urls
from app.database import Database
from app.errors import Refusal, no_such, shortened
from app.schemas.sharing import ShortLink
from app.store import Store
from app.tables import ShortLinkRow

N_CHARACTERS = 10
_SEGMENT = r"(?P<\1>[A-Za-z0-9_][A-Za-z0-9_.:-]*)"
_PAGES = [re.compile(re.sub(r"\\{(\w+)\\}", _SEGMENT, re.escape(pattern))) for pattern in urls.PAGES]


class ShortLinks:
    """Their ids are hashes of what they open: the same view has one link, and nobody guesses another's."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database = database
        self.store = store

    def keep(self, path: str) -> tuple[ShortLink, bool]:
        """The link that opens this path and query, and whether it is new. Raises a Refusal for what is not ours."""
        self._check(path)
        digest = base64.b32encode(hashlib.sha256(path.encode()).digest()).decode().lower().rstrip("=")
        with self.database.writing() as session:
            for length in range(N_CHARACTERS, len(digest) + 1):  # longer only where two views share a beginning
                row = session.get(ShortLinkRow, digest[:length])
                if row is None:
                    row = ShortLinkRow(id=digest[:length], path=path, created_at=datetime.now(UTC))
                    session.add(row)
                    return _wire(row), True
                if row.path == path:
                    return _wire(row), False
        raise AssertionError("two views of one SHA-256")

    def get(self, link_id: str) -> ShortLink:
        """Raises a 404 Refusal; it names no other link."""
        with self.database.reading() as session:
            row = session.get(ShortLinkRow, link_id)
        if row is None:
            raise Refusal(404, f"no short link {shortened(link_id)}; they are made by POST {urls.SHORT_LINKS}")
        return _wire(row)

    def _check(self, path: str) -> None:
        parts = urlsplit(path)
        elsewhere = parts.scheme or parts.netloc or parts.fragment or path.startswith("//") or "\\" in path
        match = None if elsewhere else next((m for page in _PAGES if (m := page.fullmatch(parts.path))), None)
        if match is None:
            raise Refusal(
                422,
                f"path is {shortened(path)}; it must be path and query of a page of this server, "
                "like /circuits/0123456789abcdef?node=3.mlp.post_act:117",
            )
        named = match.groupdict()
        if "circuit_id" in named:
            self.store.check_circuit(named["circuit_id"])
        if "annotation_id" in named:
            self.store.annotation(named["annotation_id"])
        if "ablation_id" in named and not self.store.has_ablation(named["ablation_id"]):
            raise no_such("ablation", named["ablation_id"], [])


def _wire(row: ShortLinkRow) -> ShortLink:
    return ShortLink(id=row.id, url=urls.short_link(row.id), path=row.path, created_at=row.created_at)
