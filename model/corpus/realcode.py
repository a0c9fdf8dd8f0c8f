"""Real Python: the standard library, and pinned packages of permissive licence read from their wheels."""

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

PINS = Path(__file__).with_name("packages.txt")
LEFT_OUT = {
    "encodings",
    "test",
    "tests",
    "testing",
    "idle_test",
    "lib2to3",
    "site-packages",
    "__pycache__",
    "vendor",
    "_vendor",
}
LONGEST_LINE = 400
LONGEST_HEADER = 8
SIZES = range(200, 200_000)
FEWEST_LETTERS = 0.4


def pins() -> list[str]:
    """`name==version`, one a package, without the comments that give the licence."""
    lines = [line.split("#")[0].strip() for line in PINS.read_text().splitlines()]
    return [line for line in lines if line]


def download(folder: Path) -> list[Path]:
    """The pinned wheels, in the order of their names; what lies in `folder` already is not fetched again."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin in pins() if not wheel_of(folder, pin)]
    if missing:
        options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--quiet"]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, "-d", str(folder), *missing], check=True)
    return [wheel for wheel in (wheel_of(folder, pin) for pin in sorted(pins())) if wheel]


def wheel_of(folder: Path, pin: str) -> Path | None:
    name, version = pin.split("==")
    stem = re.sub(r"[-_.]+", "_", name).lower()
    found = [path for path in sorted(folder.glob("*.whl")) if path.name.lower().startswith(f"{stem}-{version}-")]
    return found[0] if found else None


def documents(folder: Path) -> Iterator[str]:
    """The text of every file worth reading, standard library first, always in the same order."""
    for raw in (*library_files(), *wheel_files(download(folder))):
        text = clean(raw)
        if text is not None:
            yield text


def library_files() -> Iterator[bytes]:
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if LEFT_OUT.isdisjoint(path.relative_to(root).parts):
            yield path.read_bytes()


def wheel_files(wheels: list[Path]) -> Iterator[bytes]:
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith(".py") and LEFT_OUT.isdisjoint(PurePosixPath(name).parts):
                    yield archive.read(name)


def clean(raw: bytes) -> str | None:
    """Text with spaces for tabs and no trailing blanks or long header; None for what nobody wrote by hand."""
    if not raw.isascii() or len(raw) not in SIZES:
        return None
    lines = [line.rstrip() for line in raw.decode("ascii").expandtabs(4).splitlines()]
    if max(map(len, lines)) > LONGEST_LINE:
        return None
    text = re.sub(r"\n{4,}", "\n\n\n", "\n".join(without_header(lines)).strip("\n")) + "\n"
    letters = sum(map(str.isalpha, text))
    dense = len(text) - text.count(" ") - text.count("\n")
    if letters < FEWEST_LETTERS * dense or re.search(r"[^\n\x20-\x7e]", text) or len(text) not in SIZES:
        return None
    return text


def without_header(lines: list[str]) -> list[str]:
    """A run of comments at the very top, if it is as long as a licence, is dropped."""
    n = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return lines[n:] if n > LONGEST_HEADER else lines
