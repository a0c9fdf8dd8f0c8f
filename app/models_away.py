"""Models that people brought, where every process finds them: at the address of the artifacts, when that is elsewhere.

A model's files go there first, then the list of them; a process that meets a list copies what it lacks into its own
folder of models. So a model is nowhere half there, here or elsewhere.
"""

import json
import logging
import re
import secrets
import shutil
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from app.artifacts import Artifacts
from app.regularly import regularly

log = logging.getLogger(__name__)

_LISTS, _FILES = "models", "model_files"
_FILE = re.compile(r"[a-z_]{1,32}\.(json|safetensors)")
_NAME = re.compile(r"models/([a-z0-9][a-z0-9_.-]{0,63})\.json")
#: However many ask for a model that is nowhere, the address is asked this often.
LOOK_S = 0.25
LOOK_EVERY_S = 3.0


class ModelsAway:
    """Threads may share it. Methods raise ArtifactsAway where the address does not answer."""

    def __init__(self, artifacts: Artifacts, folder: Path) -> None:
        self.artifacts, self.folder = artifacts, folder
        self._lock = threading.Lock()
        self._looked = float("-inf")

    def keep(self, name: str) -> None:
        """Put a model of the folder, or what it has gained since, where others find it."""
        files = sorted(path.name for path in (self.folder / name).iterdir() if _FILE.fullmatch(path.name))
        there = self._files(name)
        for file in files:
            if file not in there:
                self.artifacts.put(f"{_FILES}/{name}/{file}", self.folder / name / file)
        self.artifacts.write(f"{_LISTS}/{name}.json", json.dumps({"files": files}).encode())

    def look(self) -> None:
        """Copy what others have brought since the last look."""
        with self._lock:
            if time.monotonic() - self._looked < LOOK_S:
                return
            for entry in self.artifacts.names(_LISTS):
                if match := _NAME.fullmatch(entry):
                    self._copy(match[1])
            self._looked = time.monotonic()

    def _copy(self, name: str) -> None:
        here = self.folder / name
        missing = [file for file in self._files(name) if not (here / file).is_file()]
        if not missing:
            return
        log.info("model %s is copied from %s", name, self.artifacts.shown)
        staged = self.folder.parent / "staging" / secrets.token_hex(8)
        staged.mkdir(parents=True)
        try:
            for file in missing:
                self.artifacts.get(f"{_FILES}/{name}/{file}", staged / file)
            if here.is_dir():
                for file in missing:
                    (staged / file).rename(here / file)
            else:
                self.folder.mkdir(parents=True, exist_ok=True)
                staged.rename(here)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def _files(self, name: str) -> list[str]:
        """Those of a model that is there whole; what is no file of a model is passed over."""
        found = self.artifacts.read(f"{_LISTS}/{name}.json")
        if found is None:
            return []
        return [file for file in json.loads(found)["files"] if _FILE.fullmatch(file)]


def models_away(artifacts: Artifacts, data_dir: Path) -> ModelsAway | None:
    """None where the artifacts lie on this machine: then its processes share the folder of models."""
    return None if artifacts.is_local else ModelsAway(artifacts, data_dir / "models")


def looking(away: ModelsAway | None) -> AbstractContextManager[None]:
    """Look every few seconds, so that lists have what was brought elsewhere."""
    if away is None:
        return nullcontext()

    def look() -> None:
        try:
            away.look()
        except OSError as error:
            log.warning("models brought elsewhere are not seen just now: %s", error)

    return regularly(look, LOOK_EVERY_S, "sparsescope-models")
