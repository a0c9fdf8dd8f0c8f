"""Licences of what the corpus reads, as the packages' wheels state them: `python -m model.corpus.licences` reads them.

`licences.json` beside this file keeps what was read, so that a model folder can say it without the wheels.
"""

import json
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

import typer

from model.config import read_json
from model.corpus import realcode

KNOWN = Path(__file__).with_name("licences.json")
#: What a `License` field or a classifier says where that alone is unambiguous. `BSD` alone says not how many clauses.
PLAIN = {
    "MIT": "MIT", "MIT License": "MIT", "License :: OSI Approved :: MIT License": "MIT",
    "BSD-2-Clause": "BSD-2-Clause", "BSD-3-Clause": "BSD-3-Clause",
    "Apache-2.0": "Apache-2.0", "Apache 2.0": "Apache-2.0",
}  # fmt: skip
LONGEST_HEADER = 4_000


def licence_of(wheel: Path) -> dict[str, str]:
    """`{"licence": SPDX expression, "stated": where}` of a wheel; the licence is `unknown` where nothing says it."""
    with ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        about = message_from_bytes(archive.read(metadata))
        for stated, text in statements(about):
            if stated == "License-Expression" or text in PLAIN:
                return {"licence": PLAIN.get(text, text), "stated": stated}
        for stated, text in licence_texts(archive, about):
            found = recognised(text)
            if found:
                return {"licence": found, "stated": stated}
    return {"licence": "unknown", "stated": "nowhere"}


def statements(about: Message) -> Iterator[tuple[str, str]]:
    """What the metadata says, the most exact first."""
    for field in ("License-Expression", "License"):
        if about.get(field):
            yield field, str(about[field]).strip()
    for classifier in about.get_all("Classifier") or []:
        if classifier.startswith("License ::"):
            yield "classifier", classifier


def licence_texts(archive: ZipFile, about: Message) -> Iterator[tuple[str, str]]:
    """Texts of licences: files beside the metadata, the metadata's own field, the head of the source files."""
    names = archive.namelist()
    for name in names:
        if re.fullmatch(r"[^/]+\.dist-info/(licenses/)?(LICEN[CS]E|COPYING)[^/]*", name, re.IGNORECASE):
            yield "licence file", archive.read(name).decode(errors="replace")
    yield "License", str(about.get("License") or "")
    for name in names:
        if name.endswith(".py"):
            yield "head of its source files", archive.read(name)[:LONGEST_HEADER].decode(errors="replace")


def recognised(text: str) -> str | None:
    """The SPDX name of a licence's text, told by sentences that only it has."""
    words = " ".join(re.sub(r"[#*]", " ", text).split()).lower()
    if "redistribution and use in source and binary forms" in words:
        names = re.search(r"(neither the names?|the names?) .{1,120}(endorse or promote)", words)
        return "BSD-3-Clause" if names else "BSD-2-Clause"
    if "permission is hereby granted, free of charge" in words:
        return "MIT"
    return "Apache-2.0" if "apache license" in words and "version 2.0" in words else None


def packages(folder: Path | None = None) -> list[dict[str, str]]:
    """Name, version and licence of every pinned package; one not yet known is read from its wheel in `folder`."""
    known = read_json(KNOWN) if KNOWN.is_file() else {}
    found = []
    for pin in realcode.pins():
        name, version = pin.split("==")
        wheel = realcode.wheel_of(folder, pin) if folder else None
        licence = known.get(pin) or (licence_of(wheel) if wheel else {"licence": "unknown", "stated": "nowhere"})
        found.append({"name": name, "version": version, **licence})
    return found


def corpus_record(folder: Path) -> dict[str, Any]:
    """`corpus.json` of a corpus folder with the licences of what it read, the standard library's among them."""
    record = read_json(folder / "corpus.json")
    if "packages" in record:
        pins = [
            entry if isinstance(entry, str) else f"{entry['name']}=={entry['version']}" for entry in record["packages"]
        ]
        known = {f"{entry['name']}=={entry['version']}": entry for entry in packages(folder / "packages")}
        unknown = {"licence": "unknown", "stated": "nowhere"}
        record["packages"] = [
            {
                "name": "the standard library", "version": record.get("python", "3.11"), "licence": "PSF-2.0",
                "stated": "Python's own licence",
            },
            *(known.get(pin) or dict(zip(("name", "version"), pin.split("=="), strict=True)) | unknown for pin in pins),
        ]  # fmt: skip
    return record


def write_corpus_record(corpus: Path, model_folder: Path) -> None:
    """Put into a model folder what the model was trained on: `corpus.json`, with licences."""
    (model_folder / "corpus.json").write_text(json.dumps(corpus_record(corpus), indent=1) + "\n")


def main(
    folder: Annotated[Path, typer.Argument(help="folder of the wheels")] = Path(".cache/corpus/packages"),
) -> None:
    """Read the licences of the pinned packages from their wheels and write licences.json."""
    wheels = {pin: realcode.wheel_of(folder, pin) for pin in realcode.pins()}
    missing = [pin for pin, wheel in wheels.items() if wheel is None]
    if missing:
        raise typer.BadParameter(f"no wheel in {folder} of: {', '.join(missing)}")
    licences = {pin: licence_of(wheel) for pin, wheel in wheels.items() if wheel}
    KNOWN.write_text(json.dumps(licences, indent=1) + "\n")
    for pin, licence in licences.items():
        print(f"{pin:32} {licence['licence']:20} {licence['stated']}")


if __name__ == "__main__":
    typer.run(main)
