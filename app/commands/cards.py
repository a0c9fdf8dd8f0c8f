"""`sparsescope card`: the controls of circuits, measured and written as the cards that ship beside them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.settings import Settings

if TYPE_CHECKING:
    from app.cards import Cards

DataDir = Annotated[Path | None, typer.Option(help="own models, the database")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda")]
#: Gradient steps of a quick shuffled prune: with as many the bundled circuits' own pruning comes near their size.
QUICK_STEPS = 120


@contextmanager
def _cards(settings: Settings, folder: Path) -> Iterator["Cards"]:
    """The cards of all circuits, those that lie in the bundle and in `folder` read in."""
    from app.card_parts import CardParts
    from app.cards import Cards
    from app.commands.context import experiments_of
    from app.corpus import Corpus

    with experiments_of(settings) as experiments:
        parts = CardParts(experiments.store.database)
        for kept in dict.fromkeys((settings.bundle_dir / "cards", folder)):
            parts.import_bundle(kept)
        yield Cards(experiments, Corpus(settings.bundle_dir / "corpus"), parts, settings.n_measured_pairs)


def card(
    circuits: Annotated[list[str], typer.Argument(help="ids of circuits, or `all` of the bundle")],
    out: Annotated[Path | None, typer.Option(help="folder to write cards to; else cards/ of the bundle")] = None,
    control: Annotated[list[str] | None, typer.Option(help="only this control; again for each; else all")] = None,
    n_steps: Annotated[
        int, typer.Option(help="gradient steps of shuffled prunes, which the card states; 0: as many as the circuit's")
    ] = QUICK_STEPS,
    data_dir: DataDir = None,
    device: Device = None,
) -> None:
    """Measure the controls of circuits that are not yet there, and write their cards as JSON beside them.

    What was measured before is kept, also of a run that was stopped.
    """
    from app.cards import CONTROLS
    from app.commands.context import sentences, settings_of
    from app.errors import Refusal
    from app.schemas.card import CardJob
    from model.errors import InputError

    settings = settings_of(data_dir=data_dir, device=device)
    folder = out or settings.bundle_dir / "cards"
    left_out = 0
    with sentences(), _cards(settings, folder) as cards:
        folder.mkdir(parents=True, exist_ok=True)
        ids = circuits
        if circuits == ["all"]:
            ids = sorted(path.stem for path in (settings.bundle_dir / "circuits").glob("*.json"))
        for number, circuit_id in enumerate(ids, 1):
            started = time.monotonic()
            job = CardJob.model_validate({"controls": control or list(CONTROLS), "n_steps": n_steps or None})
            wanted = cards.check(circuit_id, job)
            for name in wanted.controls:
                if cards.has(circuit_id, name, wanted.n_steps):
                    continue
                try:
                    part, _ = cards.compute(circuit_id, name, n_steps=wanted.n_steps)
                except (InputError, Refusal) as error:
                    left_out += 1
                    print(f"{circuit_id} {name} stays missing: {error}", flush=True)
                else:
                    print(f"{circuit_id} {name}: {part.elapsed_s:.1f} s", flush=True)
            path = folder / f"{circuit_id}.json"
            path.write_text(cards.file(circuit_id).model_dump_json(indent=1) + "\n")
            verdict, took = cards.card(circuit_id).verdict, time.monotonic() - started
            print(f"{number}/{len(ids)} {path}, {took:.0f} s: {verdict.sentence}", flush=True)
    if left_out:
        raise typer.Exit(1)
