"""What only the weights of a model tell, kept in the data directory: a fresh start lists models and loads none."""

import logging
import os
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from model.subject import Subject
from model.tasks import Language
from model.weights import Kind, count_by_kind

log = logging.getLogger(__name__)

#: A model's files that say nothing of its weights; they are edited while the app runs.
_RECORDS = ("card.json", "training.json", "corpus.json")


class Facts(NamedTuple):
    """What only the weights can tell. Weights are those of the matrices that training holds sparse."""

    fingerprint: str
    n_weights: int
    n_nonzero: int
    language: Language
    kinds: tuple[Kind, ...]


class _Written(NamedTuple):
    """Facts, and the files that they are of: name, nanosecond of the last change, bytes."""

    files: tuple[tuple[str, int, int], ...]
    facts: Facts


_WRITTEN: TypeAdapter[_Written] = TypeAdapter(_Written)


def facts_of(subject: Subject) -> Facts:
    kinds = tuple(count_by_kind(subject.model))
    n_weights, n_nonzero = sum(kind.n_weights for kind in kinds), sum(kind.n_nonzero for kind in kinds)
    return Facts(subject.fingerprint, n_weights, n_nonzero, subject.language, kinds)


class KnownFacts:
    """One file a model in `folder`; they are right while the model's own files are as they were."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, model: Path) -> Facts | None:
        """None where nothing that can be read is known of this folder as it now is."""
        try:
            written = _WRITTEN.validate_json(self._path(model).read_bytes())
            return written.facts if written.files == _files(model) else None
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            log.warning("what was known of model %s cannot be read: %s", model.name, type(error).__name__)
            return None

    def write(self, model: Path, facts: Facts) -> None:
        """Where that cannot be, the model is loaded again at the next start."""
        path = self._path(model)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(_WRITTEN.dump_json(_Written(_files(model), facts)))
            part.replace(path)
        except OSError as error:
            log.warning("what is known of model %s is not kept: %s", model.name, type(error).__name__)

    def _path(self, model: Path) -> Path:
        return self.folder / f"{model.name}.json"


def _files(model: Path) -> tuple[tuple[str, int, int], ...]:
    with os.scandir(model) as entries:
        found = [entry for entry in entries if entry.is_file() and entry.name not in _RECORDS]
        return tuple(sorted((e.name, e.stat().st_mtime_ns, e.stat().st_size) for e in found))
