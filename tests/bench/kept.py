"""What each benchmark found, kept in a file of its own, so that a run can go on where another was stopped."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.settings import ROOT
from bench.clock import Machine, Row

FOLDER = ROOT / ".cache" / "bench"


@dataclass(frozen=True)
class Part:
    """The rows of one benchmark, and of which run they are; `by_width` is of that over widths alone, seconds."""

    name: str
    rows: tuple[Row, ...]
    machine: Machine
    n_threads: int
    elapsed_s: float
    measured_on: str
    by_width: dict[int, float]


def keep(
    name: str, rows: list[Row], machine: Machine, n_threads: int, elapsed_s: float, by_width: dict[int, float]
) -> None:
    part = Part(name, tuple(rows), machine, n_threads, elapsed_s, f"{datetime.now(UTC):%Y-%m-%d}", by_width)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(asdict(part), indent=1))


def forget() -> None:
    for path in FOLDER.glob("*.json"):
        path.unlink()


def kept(folder: Path = FOLDER) -> Iterator[Part]:
    for path in sorted(folder.glob("*.json")):
        held = json.loads(path.read_text())
        held["rows"] = tuple(Row(**row) for row in held["rows"])
        held["machine"] = Machine(**held["machine"])
        held["by_width"] = {int(width): value for width, value in held["by_width"].items()}
        yield Part(**held)
