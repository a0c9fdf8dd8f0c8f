"""Models that people bring: taken into a staging folder, checked there, and moved into the library in one step."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from app.errors import Refusal, shortened
from app.library import Library
from model.checkpoint import fingerprint, save_model
from model.errors import CheckpointError
from model.forms.archive import copy_file, unpack
from model.forms.model_folder import FILES, card_of, check_folder
from model.means import load_means
from model.token_ids import TokenIds

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
CHUNK = 1 << 20


class Arrival(NamedTuple):
    """A model now in the library."""

    name: str
    fingerprint: str
    has_tokenizer: bool
    has_means: bool
    notes: list[str]


class Arrivals:
    """Nothing is half added: until its folder is renamed into place a model is nowhere, and a fault removes it all."""

    def __init__(self, library: Library, data_dir: Path, most_bytes: int) -> None:
        self.library = library
        self.models = data_dir / "models"
        self.staging = data_dir / "staging"
        self.most_bytes = most_bytes
        self.files = FILES

    def from_path(self, path: Path, name: str = "") -> Arrival:
        """A folder of this machine, or a zip of one."""
        if path.is_dir():
            with self._staged() as folder:
                notes = []
                for found in sorted(path.iterdir()):
                    if found.name in FILES:
                        copy_file(found, folder / found.name, self.most_bytes)
                    else:
                        notes.append(f"{shortened(found.name)} is passed over; it is no part of a model folder.")
                return self._admit(folder, name or path.resolve().name, notes)
        if not path.is_file():
            raise Refusal(404, f"there is no folder and no file {shortened(path.name)}")
        with path.open("rb") as opened:
            return self.from_files({path.name: opened}, name)

    def from_files(self, files: Mapping[str, IO[bytes]], name: str = "") -> Arrival:
        """Uploaded files by their names: one zip, or the files of a folder."""
        if not files:
            raise CheckpointError("no file was given; a model is a zip of its folder, or the files in it")
        with self._staged() as folder:
            if len(files) == 1 and next(iter(files)).lower().endswith(".zip"):
                ((given, archive),) = files.items()
                passed = unpack(archive, folder, FILES, self.most_bytes)
                return self._admit(folder, name or given[:-4], _passed_over(passed))
            passed = []
            n_left = self.most_bytes
            for given, source in files.items():
                base = given.replace("\\", "/").rsplit("/", 1)[-1]
                if base not in FILES:
                    passed.append(base)
                    continue
                if (folder / base).exists():
                    raise CheckpointError(f"{base} was given twice")
                n_left -= self._store(source, folder / base, n_left)
            return self._admit(folder, name or "model", _passed_over(passed))

    def _store(self, source: IO[bytes], path: Path, n_left: int) -> int:
        n_written = 0
        with path.open("xb") as target:
            while chunk := source.read(CHUNK):
                n_written += len(chunk)
                if n_written > n_left:
                    raise CheckpointError(f"the files are more than {self.most_bytes:,} bytes, the most that is taken")
                target.write(chunk)
        return n_written

    @contextmanager
    def _staged(self) -> Iterator[Path]:
        folder = self.staging / secrets.token_hex(8)
        (folder / "given").mkdir(parents=True)
        try:
            yield folder / "given"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _admit(self, given: Path, wanted: str, notes: list[str]) -> Arrival:
        """Check the folder, write it in our form beside, and move that into the library."""
        name = name_of(wanted)
        self.library.look()
        if name in self.library.names():
            raise Refusal(409, f"there is a model {name!r} already; give this one another name")
        model, tokenizer = check_folder(given, self.most_bytes)
        print_ = fingerprint(model)
        here = self.library.with_fingerprint(print_)
        if here is not None:
            raise Refusal(409, f"this model is here already, as {here!r}: its fingerprint is {print_[:12]}")
        ready = given.parent / "ready"
        save_model(model, ready)
        if not isinstance(tokenizer, TokenIds):
            tokenizer.save(ready)
        else:
            notes.append("It brought no tokeniser, so its tokens are shown by their ids, like ⟨17⟩.")
        has_means = (given / "means.safetensors").is_file()
        if has_means:
            load_means(given / "means.safetensors", model.config)
            shutil.copyfile(given / "means.safetensors", ready / "means.safetensors")
        (ready / "card.json").write_text(card_of(wanted[:80], "A model that was brought here."))
        self.models.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(ready, self.models / name)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            raise Refusal(409, f"there is a model {name!r} already; give this one another name") from None
        try:
            self.library.keep(name)
        except BaseException:
            shutil.rmtree(self.models / name, ignore_errors=True)
            raise
        return Arrival(name, print_, not isinstance(tokenizer, TokenIds), has_means, notes)


def name_of(wanted: str) -> str:
    """The name that a model will have; `My Model.v2` is `my-model.v2`."""
    name = re.sub(r"[^a-z0-9_.-]+", "-", wanted.strip().lower()).strip("-._")[:64]
    if not _NAME.fullmatch(name):
        raise CheckpointError(f"{shortened(wanted)} gives no name; it needs a small letter or digit")
    return name


def _passed_over(names: list[str]) -> list[str]:
    shown = [f"{shortened(name)} is passed over; it is no part of a model folder." for name in names[:8]]
    return [*shown, f"{len(names) - 8:,} more files are passed over."] if len(names) > 8 else shown
