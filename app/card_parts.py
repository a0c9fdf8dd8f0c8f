"""Measured controls that were kept: immutable records under ids derived from circuit, control and settings."""

import hashlib
import json
import logging
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import select

from app.database import Database
from app.schemas.card import CardFile, CardPart, ControlName
from app.tables import CardPartRow

log = logging.getLogger(__name__)


class CardParts:
    """Reads and writes parts of cards; several threads and processes may do so at once."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, part_id: str) -> CardPart | None:
        with self.database.reading() as session:
            found = session.scalar(select(CardPartRow.record).where(CardPartRow.id == part_id))
            return None if found is None else _read(found)

    def of_circuit(self, circuit: str) -> list[CardPart]:
        """Every part of a circuit's card, oldest first."""
        query = select(CardPartRow.record).where(CardPartRow.circuit == circuit)
        with self.database.reading() as session:
            found = [part for text in session.scalars(query) if (part := _read(text)) is not None]
        return sorted(found, key=lambda part: (part.created_at, part.id))

    def keep(self, part: CardPart) -> CardPart:
        """Store a part once; the record under its id, which may be an earlier one."""
        with self.database.writing() as session:
            row = session.get(CardPartRow, part.id)
            if row is not None and (known := _read(row.record)) is not None:
                return known
            session.merge(
                CardPartRow(
                    id=part.id,
                    circuit=part.circuit,
                    control=part.result.control,
                    created_at=part.created_at,
                    record=part.model_dump_json(),
                )
            )
        return part

    def import_bundle(self, folder: Path) -> int:
        """Take in the cards that come with the app; returns how many parts were new."""
        n_new = 0
        for path in sorted(folder.glob("*.json")):
            try:
                read = CardFile.model_validate_json(path.read_bytes())
            except ValidationError as error:
                log.error("%s is not a card and was left out: %s", path.name, error.errors()[0]["msg"])
                continue
            for part in read.parts:
                if self.get(part.id) is None:
                    self.keep(part)
                    n_new += 1
        return n_new


@lru_cache(maxsize=512)
def _read(text: str) -> CardPart | None:
    """A record; None for one of an earlier version that lacks what is said now: it is measured again."""
    try:
        return CardPart.model_validate_json(text)
    except ValidationError as error:
        log.info("a control of an earlier version was left out: %s", error.errors()[0]["msg"])
        return None


def part_id(circuit: str, control: ControlName, decides: dict[str, object]) -> str:
    """16 hex digits of a hash of all that decides the figures."""
    content = {"format": "sparsescope-card-part/1", "circuit": circuit, "control": control, **decides}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
