"""Archives that a stranger gave, unpacked within bounds: only files of known names, none outside the folder."""

import shutil
import stat
import zipfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import IO

from model.errors import CheckpointError, InputError

MOST_ENTRIES = 10_000
CHUNK = 1 << 20
#: A torch file stores tensors as they are; what shrinks by more than this in a zip is a bomb, not a model.
MOST_RATIO = 200


def unpack(archive: IO[bytes] | Path, into: Path, wanted: Collection[str], most_bytes: int) -> list[str]:
    """Write the wanted files of a zip into a folder; returns the names of those passed over.

    They may lie in the archive's top or in one folder of it. Raises CheckpointError with one sentence.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            return _unpack(opened, into, wanted, most_bytes)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, OSError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise CheckpointError(f"the archive cannot be read: {type(error).__name__}") from None
    except Exception as error:  # zlib.error and whatever else a broken stream makes a decompressor say
        raise CheckpointError(f"the archive is broken: {type(error).__name__}") from None


def _unpack(opened: zipfile.ZipFile, into: Path, wanted: Collection[str], most_bytes: int) -> list[str]:
    entries = [entry for entry in opened.infolist() if not entry.is_dir()]
    if len(entries) > MOST_ENTRIES:
        raise CheckpointError(f"the archive holds {len(entries):,} files; at most {MOST_ENTRIES:,} are looked at")
    for entry in entries:
        check_name(entry.filename)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise CheckpointError(f"the archive holds a link, {entry.filename[:60]!r}; links are not followed")
        if entry.flag_bits & 1:
            raise CheckpointError("the archive is encrypted; it needs to be packed without a password")
    top = {PurePosixPath(e.filename).parts[:-1] for e in entries if PurePosixPath(e.filename).name in wanted}
    if not top:
        raise CheckpointError(
            f"the archive holds no model; a model is a folder with {', '.join(sorted(wanted)[:3])}, …"
        )
    if len(top) > 1:
        raise CheckpointError(f"the archive holds {len(top)} folders with models in them; it needs to be one")
    folder = top.pop()
    passed: list[str] = []
    taken: set[str] = set()
    n_left = most_bytes
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.parts[:-1] != folder or path.name not in wanted:
            passed.append(entry.filename)
            continue
        if path.name in taken:
            raise CheckpointError(f"the archive holds {path.name} twice")
        taken.add(path.name)
        n_left -= _write(opened, entry, into / path.name, n_left, most_bytes)
    return passed


def check_name(name: str) -> None:
    """Names that lead out of a folder, on any system, are refused even where nothing would be written there."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or (len(name) > 1 and name[1] == ":") or "\0" in name:
        raise CheckpointError(f"the file name {name[:60]!r} leads out of its folder")
    if len(name) > 1_000:
        raise CheckpointError(f"a file name of {len(name):,} characters is too long")


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, n_left: int, most_bytes: int) -> int:
    """Counts what really comes out, whatever the archive claims."""
    if entry.file_size > MOST_RATIO * max(entry.compress_size, 1) and entry.file_size > CHUNK:
        raise CheckpointError(
            f"{path.name} unpacks from {entry.compress_size:,} to {entry.file_size:,} bytes, which no model does"
        )
    n_written = 0
    with opened.open(entry) as source, path.open("xb") as target:
        while chunk := source.read(CHUNK):
            n_written += len(chunk)
            if n_written > n_left:
                raise CheckpointError(f"the archive unpacks to more than {most_bytes:,} bytes, the most that is taken")
            target.write(chunk)
    return n_written


def check_torch_file(path: Path, most_bytes: int) -> None:
    """A torch file in today's form: a zip of stored tensors that claims no more than it holds. Nothing is opened.

    Raises CheckpointError with one sentence.
    """
    if path.stat().st_size > most_bytes:
        raise CheckpointError(f"{path.name} has {path.stat().st_size:,} bytes; at most {most_bytes:,} are taken")
    if not zipfile.is_zipfile(path):
        raise CheckpointError(f"{path.name} is not a file of tensors as torch.save writes it since 2020")
    try:
        with zipfile.ZipFile(path) as opened:
            entries = opened.infolist()
    except Exception as error:
        raise CheckpointError(f"{path.name} cannot be read: {type(error).__name__}") from None
    claimed = sum(entry.file_size for entry in entries)
    if claimed > path.stat().st_size:
        raise CheckpointError(f"{path.name} claims {claimed:,} bytes of tensors in {path.stat().st_size:,} bytes")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CheckpointError(f"{path.name} holds packed parts, which torch.save never writes")
    if not any(entry.filename.endswith("/data.pkl") for entry in entries):
        raise CheckpointError(f"{path.name} is an archive, but not one of tensors as torch.save writes it")


def copy_file(source: Path, target: Path, most_bytes: int) -> None:
    """A plain file of a folder; links are refused, for they could lead anywhere."""
    if source.is_symlink() or not source.is_file():
        raise CheckpointError(f"{source.name} is not a plain file; links are not followed")
    if source.stat().st_size > most_bytes:
        raise CheckpointError(f"{source.name} has {source.stat().st_size:,} bytes; at most {most_bytes:,} are taken")
    shutil.copyfile(source, target, follow_symlinks=False)
