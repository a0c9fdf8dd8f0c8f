"""Models by name: where they lie, what their cards say, and the loaded ones, each loaded once."""

import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from app.errors import Refusal, no_such
from model.config import ModelConfig, read_json
from model.device import choose_device
from model.errors import CheckpointError
from model.subject import Subject, load_subject

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class Facts(NamedTuple):
    """What only the weights can tell."""

    fingerprint: str
    n_weights: int
    n_nonzero: int


@dataclass(frozen=True)
class Shelf:
    """A model as it lies on disk, not loaded: its folder, its configuration, its card."""

    name: str
    folder: Path
    config: ModelConfig
    card: dict[str, Any]

    def curve(self) -> list[dict[str, Any]]:
        """The training curve, if the folder has one."""
        path = self.folder / "curve.json"
        return list(read_json(path).get("curve", [])) if path.exists() else []


class Library:
    """The models under some folders. A name found twice is taken from the first folder."""

    def __init__(self, folders: Sequence[Path], device: str) -> None:
        self.folders = tuple(folders)
        self.device = choose_device(device)
        self._subjects: dict[str, Subject] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        found = {
            path.parent.name: None
            for folder in self.folders
            for path in sorted(folder.glob("*/config.json"))
            if _NAME.fullmatch(path.parent.name)
        }
        return list(found)

    def shelf(self, name: str) -> Shelf:
        """What is known of a model without loading it. Raises a 404 Refusal that names the choices."""
        names = self.names()
        if name not in names:
            raise no_such("model", name, names)
        folder = next(folder / name for folder in self.folders if (folder / name / "config.json").exists())
        card = folder / "card.json"
        config = ModelConfig.from_dict(read_json(folder / "config.json"))
        return Shelf(name, folder, config, read_json(card) if card.exists() else {})

    def shelves(self) -> list[Shelf]:
        """Every model whose folder can be read; a broken one is left out and logged."""
        shelves = []
        for name in self.names():
            try:
                shelves.append(self.shelf(name))
            except CheckpointError as error:
                log.error("model %s is left out: %s", name, error)
        return shelves

    def facts(self, shelf: Shelf) -> Facts:
        model = self.subject(shelf.name)
        parameters = list(model.model.parameters())
        n_nonzero = sum(int(p.count_nonzero()) for p in parameters)
        return Facts(model.fingerprint, sum(p.numel() for p in parameters), n_nonzero)

    def subject(self, name: str) -> Subject:
        """The loaded model; the first to ask loads it, others wait for that."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._subjects:
                shelf = self.shelf(name)
                log.info("loading model %s", name)
                self._subjects[name] = load_subject(shelf.folder, self.device)
            return self._subjects[name]

    def subject_of(self, name: str, fingerprint: str) -> Subject:
        """The loaded model that a record was made with. Raises a 409 Refusal if the weights are others now."""
        subject = self.subject(name)
        if subject.fingerprint != fingerprint:
            raise Refusal(
                409,
                f"this circuit belongs to model {name!r} with fingerprint {fingerprint[:12]}, "
                f"but the model of that name here has {subject.fingerprint[:12]}",
            )
        return subject
