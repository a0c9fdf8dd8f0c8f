"""Files that the app writes beside the database: bytes by name, in a folder or at any address that fsspec knows.

Each is written whole or not at all: under another name first, which then takes its place.
"""

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import fsspec
from fsspec import AbstractFileSystem
from fsspec.utils import get_protocol

from model.errors import InputError

log = logging.getLogger(__name__)

T = TypeVar("T")

PART = ".part"


class ArtifactsAway(OSError):
    """The place of the artifacts does not do what is asked of it. One sentence; the cause is in `__cause__`."""


class Artifacts:
    """Names are made by the app: words and slashes, never what a user gave. Threads may share it."""

    def __init__(self, address: str | Path) -> None:
        """Raises an InputError for an address that no filesystem here knows. Nothing is asked of it yet."""
        self.address = str(address)
        self.shown = shown(self.address)
        self._lock = threading.RLock()
        self._fs: AbstractFileSystem | None = None
        self._root = ""
        try:
            fsspec.get_filesystem_class(get_protocol(self.address))
        except (ValueError, ImportError) as error:
            raise InputError(f"SPARSESCOPE_ARTIFACTS is {self.shown}: {_said(error)}") from error

    @property
    def is_local(self) -> bool:
        return get_protocol(self.address) in ("file", "local")

    def _opened(self) -> AbstractFileSystem:
        """Some filesystems connect when they are made, so that is done when something is asked of them."""
        if self._fs is None:
            # Listings are never remembered: other processes write to the same place.
            self._fs, self._root = fsspec.url_to_fs(self.address, skip_instance_cache=True, use_listings_cache=False)
        return self._fs

    def write(self, name: str, data: bytes) -> None:
        def write(fs: AbstractFileSystem) -> None:
            path = self._path(name)
            part = f"{path}{PART}"
            try:
                fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                fs.pipe_file(part, data)
                fs.mv(part, path)
            except BaseException:
                with contextlib.suppress(Exception):
                    fs.rm_file(part)
                raise

        self._ask(write, f"{name} cannot be written")

    def put(self, name: str, path: Path) -> None:
        """The same for a file, which may be larger than memory."""

        def put(fs: AbstractFileSystem) -> None:
            at = self._path(name)
            fs.makedirs(at.rpartition("/")[0], exist_ok=True)
            fs.put_file(str(path), f"{at}{PART}")
            fs.mv(f"{at}{PART}", at)

        self._ask(put, f"{name} cannot be written")

    def get(self, name: str, path: Path) -> None:
        """Copy to a file of this machine. Raises ArtifactsAway too where there is none."""
        if self._ask(lambda fs: fs.get_file(self._path(name), str(path)) or True, f"{name} cannot be read") is None:
            raise ArtifactsAway(f"{name} is missing at {self.shown}")

    def read(self, name: str) -> bytes | None:
        """None where there is none."""
        found: bytes | None = self._ask(lambda fs: fs.cat_file(self._path(name)), f"{name} cannot be read")
        return found

    def delete(self, name: str) -> None:
        def delete(fs: AbstractFileSystem) -> None:
            for path in (self._path(name), f"{self._path(name)}{PART}"):
                if fs.exists(path):
                    fs.rm_file(path)

        self._ask(delete, f"{name} cannot be deleted")

    def names(self, under: str) -> list[str]:
        """The names that begin with `under/`, one level deep, in order. What was never finished is none."""
        found = self._ask(lambda fs: fs.ls(self._path(under), detail=False), "the artifacts cannot be listed") or []
        bases = {str(path).rstrip("/").rpartition("/")[2] for path in found}
        return sorted(f"{under}/{base}" for base in bases if base and not base.endswith(PART))

    def check(self) -> None:
        """Write something, read it and delete it again. Raises ArtifactsAway."""
        name = f"checks/{secrets.token_hex(8)}"
        self.write(name, b"here")
        found = self.read(name)
        self.delete(name)
        if found != b"here":
            raise ArtifactsAway(f"{self.shown} does not give back what was written to it")

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _ask(self, do: Callable[[AbstractFileSystem], T], failure: str) -> T | None:
        """None where the file is missing. Elsewhere a connection that has gone stale is opened anew, once."""
        with self._lock:
            for is_last in (self.is_local, True):
                try:
                    return do(self._opened())
                except FileNotFoundError:
                    return None
                except OSError as error:
                    if self.is_local:
                        raise  # a full disk is told by its number
                    cause: Exception = error
                except Exception as error:  # each filesystem has exceptions of its own
                    cause = error
                if is_last:
                    break
                log.info("%s is asked again: %s", self.shown, _said(cause))
                self._fs = None
            raise ArtifactsAway(f"{failure} at {self.shown}: {_said(cause)}") from cause


def shown(address: str) -> str:
    """An address as people may see it, without the password in it."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def _said(error: BaseException) -> str:
    """The error's own words in one line."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 200 else f"{words[:199]}…"
