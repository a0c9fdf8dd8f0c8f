"""Models by name: where they lie, what their cards say, and the loaded ones, each loaded once."""

import logging
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import Refusal, no_such
from app.facts import Facts, KnownFacts, facts_of
from app.models_away import ModelsAway
from model.config import ModelConfig, read_json
from model.device import choose_device
from model.errors import CheckpointError
from model.means import MissingMeans
from model.subject import Subject, load_subject

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
Written = tuple[int, ...]
_CONFIGS, _RECORDS = ("config.json", "beeg_config.json"), ("training.json", "card.json", "corpus.json")


@dataclass(frozen=True)
class Shelf:
    """A model as it lies on disk, not loaded: its folder, its configuration, its card, how it was trained."""

    name: str
    folder: Path
    config: ModelConfig
    card: dict[str, Any]
    training: dict[str, Any]
    curve: list[dict[str, Any]]
    corpus: dict[str, Any]

    @property
    def has_means(self) -> bool:
        return (self.folder / "means.safetensors").is_file()


class Library:
    """The models under some folders. A name found twice is taken from the first folder.

    Loaded models take up at most `max_bytes`: what has not been asked for longest is dropped, and loaded again when it
    is. One that is larger by itself is held alone.
    """

    def __init__(
        self, folders: Sequence[Path], device: str, max_bytes: int | None = None, away: ModelsAway | None = None,
        known: KnownFacts | None = None,
    ) -> None:  # fmt: skip
        self.folders = tuple(folders)
        self.away, self.known = away, known
        self.device = choose_device(device)
        self.max_bytes = max_bytes
        self._subjects: dict[str, Subject] = {}  # the one asked for last is last
        self._shelves: dict[str, tuple[tuple[str, Written], Shelf]] = {}
        self._facts: dict[str, Facts] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        return list(self._folders())

    def _folders(self) -> dict[str, tuple[str, Written]]:
        """Where each model lies and when it was written; a folder's own order is by name."""
        found: dict[str, tuple[str, Written]] = {}
        for folder in map(str, self.folders):
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                continue
            for name in names:
                if name not in found and _NAME.fullmatch(name) and (written := _written(f"{folder}/{name}")):
                    found[name] = f"{folder}/{name}", written
        return found

    def _folder(self, name: str) -> tuple[str, Written] | None:
        """The same of one model."""
        places = [f"{folder}/{name}" for folder in map(str, self.folders)] if _NAME.fullmatch(name) else []
        return next(((place, written) for place in places if (written := _written(place))), None)

    def look(self) -> None:
        """Take in models that were brought to other machines."""
        if self.away is not None:
            self.away.look()

    def keep(self, name: str) -> None:
        """Let other machines have a model of this one's, or what it has gained."""
        if self.away is not None and (self.away.folder / name).is_dir():
            self.away.keep(name)

    def stamp(self) -> tuple[object, ...]:
        """Another one once a model came, went, or was written to."""
        return tuple(self._folders().items())

    def shelf(self, name: str) -> Shelf:
        """What is known of a model without loading it. Raises a 404 Refusal that names the choices."""
        found = self._folder(name)
        if found is None:
            self.look()
            found = self._folder(name)
        if found is None:
            raise no_such("model", name, self.names())
        known = self._shelves.get(name)
        if known is None or known[0] != found:
            known = self._shelves[name] = (found, _read_shelf(name, Path(found[0])))
        return known[1]

    def described(self) -> list[tuple[Shelf, Facts]]:
        """Every model that can be loaded; a broken one is left out and logged."""
        described = []
        for name in self.names():
            try:
                shelf = self.shelf(name)
                described.append((shelf, self.facts(shelf)))
            except CheckpointError as error:
                log.error("model %s is left out: %s", name, error)
        return described

    def facts(self, shelf: Shelf) -> Facts:
        """What the weights tell is remembered, so that a list of models loads none twice."""
        if shelf.name not in self._facts:
            found = self.known.read(shelf.folder) if self.known is not None else None
            if found is None:
                found = facts_of(self.subject(shelf.name))
                if self.known is not None:
                    self.known.write(shelf.folder, found)
            self._facts[shelf.name] = found
        return self._facts[shelf.name]

    def subject(self, name: str) -> Subject:
        """The loaded model; the first to ask loads it, others wait for that."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            found = self._subjects.get(name)
            if found is None or self._means_came(found):
                shelf = self.shelf(name)
                log.info("loading model %s", name)
                found = load_subject(shelf.folder, self.device)
            self._hold(name, found)
            return found

    def loaded(self) -> dict[str, int]:
        """Names of the models that are held, and the bytes they take up; the one asked for last is last."""
        with self._lock:
            return {name: subject.n_bytes for name, subject in self._subjects.items()}

    def _hold(self, name: str, subject: Subject) -> None:
        """Make a model the last that was asked for, and drop others until they fit. Who works on a dropped one keeps
        it until that work is done."""
        with self._lock:
            self._subjects.pop(name, None)
            self._subjects[name] = subject
            if self.max_bytes is None:
                return
            total = sum(held.n_bytes for held in self._subjects.values())
            for other in list(self._subjects)[:-1]:
                if total <= self.max_bytes:
                    return
                total -= self._subjects.pop(other).n_bytes
                log.info("model %s is dropped to make room", other)

    def _means_came(self, held: Subject) -> bool:
        """Whether means were written since a model was loaded without them, here or on another machine."""
        if not isinstance(held.means, MissingMeans):
            return False
        if not self.shelf(held.name).has_means:
            self.look()
        return self.shelf(held.name).has_means

    def with_fingerprint(self, fingerprint: str) -> str | None:
        """The name of the model with these weights, if it is here."""
        return next((shelf.name for shelf, facts in self.described() if facts.fingerprint == fingerprint), None)

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


def _written(folder: str) -> Written | None:
    """When the folder and the files that a shelf is read from were written; None where it is no model's."""
    configs = tuple(_mtime_ns(f"{folder}/{name}") for name in _CONFIGS)
    if not any(configs):
        return None
    return (*configs, _mtime_ns(folder), *(_mtime_ns(f"{folder}/{name}") for name in _RECORDS))


def _mtime_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _read_shelf(name: str, folder: Path) -> Shelf:
    record = _read_if_there(folder / "training.json")
    return Shelf(
        name=name,
        folder=folder,
        config=_read_config(folder),
        card=_read_if_there(folder / "card.json"),
        training=record.get("training", {}),
        curve=record.get("curve", []),
        corpus=_read_if_there(folder / "corpus.json"),
    )


def _read_config(folder: Path) -> ModelConfig:
    ours = folder / "config.json"
    if ours.is_file():
        return ModelConfig.from_dict(read_json(ours))
    return ModelConfig.from_release(read_json(folder / "beeg_config.json"))


def _read_if_there(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}
