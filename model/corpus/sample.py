"""A small held-out text to look at models with: `python -m model.corpus.sample` writes `bundle/corpus/python.jsonl`.

One document a line: `{"text", "source", "licence"}`. Programs of our own, and beginnings of files of packages under
MIT, BSD and Apache licences, whose terms are kept beside it in `LICENCES.txt`. All were held out from training.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from model.corpus import realcode
from model.tokenizer import Tokenizer

FREE = ("MIT", "BSD", "Apache")
LONGEST_EXCERPT = 2_200
N_GENERATED_CHARS = 52_000


def held_out(corpus: Path, kind: str) -> Iterator[str]:
    """The documents of one of the corpus's held-out files, decoded."""
    tokenizer = Tokenizer.load(corpus / "tokenizer")
    ids = np.fromfile(corpus / f"val_{kind}.bin", dtype=np.uint16)
    for document in np.split(ids, np.flatnonzero(ids == tokenizer.separator))[1:]:
        yield tokenizer.decode(document[1:].tolist())


def licences() -> dict[str, str]:
    """The licence of every pin."""
    lines = [line.split("#") for line in realcode.PINS.read_text().splitlines() if "==" in line]
    return {pin.strip(): about.split(",")[0].strip() for pin, about in lines}


def sources(folder: Path) -> dict[str, tuple[str, str]]:
    """For the text of every file of the pinned wheels its pin and its path."""
    found: dict[str, tuple[str, str]] = {}
    for pin in sorted(realcode.pins()):
        if wheel := realcode.wheel_of(folder, pin):
            with ZipFile(wheel) as archive:
                for name in sorted(archive.namelist()):
                    text = realcode.clean(archive.read(name)) if name.endswith(".py") else None
                    if text is not None:
                        found.setdefault(text, (pin, name))
    return found


def excerpt(text: str) -> str:
    """The first whole lines of a text."""
    return text if len(text) <= LONGEST_EXCERPT else text[: text.rindex("\n", 0, LONGEST_EXCERPT) + 1]


def documents(corpus: Path) -> Iterator[dict[str, str]]:
    """Programs of our own up to N_GENERATED_CHARS, then excerpts of every real file that may be passed on."""
    n_chars = 0
    for text in held_out(corpus, "generated"):
        n_chars += len(text)
        if n_chars > N_GENERATED_CHARS:
            break
        yield {"text": text, "source": "generated", "licence": "that of this repository"}
    licence_of, source_of = licences(), sources(corpus / "packages")
    for text in held_out(corpus, "real"):
        pin, path = source_of.get(text, ("", ""))
        if licence_of.get(pin, "").startswith(FREE):
            yield {"text": excerpt(text), "source": f"{pin} {path}", "licence": licence_of[pin]}


def terms(wheel: Path) -> str:
    """The licence files of a wheel."""
    with ZipFile(wheel) as archive:
        names = [
            name
            for name in sorted(archive.namelist())
            if re.fullmatch(r"[^/]+\.dist-info/(licenses/)?(LICEN[CS]E|COPYING|NOTICE)[^/]*", name, re.IGNORECASE)
        ]
        return "\n\n".join(archive.read(name).decode("utf-8").strip() for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=Path(".cache/corpus"))
    parser.add_argument("--out", type=Path, default=Path("bundle/corpus"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    found = list(documents(given.corpus))
    (given.out / "python.jsonl").write_text("".join(json.dumps(document) + "\n" for document in found))
    pins = sorted({document["source"].split()[0] for document in found} - {"generated"})
    parts = ["python.jsonl holds beginnings of files of these packages, each under its own terms, which follow."]
    for pin in pins:
        wheel = realcode.wheel_of(given.corpus / "packages", pin)
        assert wheel is not None
        parts.append(f"{'=' * 80}\n{pin} ({licences()[pin]})\n{'=' * 80}\n\n{terms(wheel)}")
    (given.out / "LICENCES.txt").write_text("\n\n".join(parts) + "\n")
    print(
        f"{len(found)} documents, {sum(len(document['text']) for document in found):,} characters, {len(pins)} packages"
    )


if __name__ == "__main__":
    main()
