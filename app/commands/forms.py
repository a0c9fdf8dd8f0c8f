"""`sparsescope export`, `import` and `add`: circuits to files and back, and models into the data directory."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[Path | None, typer.Option(help="own models, the database")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda")]


def export(
    circuit: Annotated[str, typer.Argument(help="id of a circuit")],
    form: Annotated[str, typer.Option(help="sparsescope, attribution-graph, sparse-pretrain, eap-ig, svg, …")] = (
        "sparsescope"
    ),
    out: Annotated[Path | None, typer.Option(help="file to write; else circuit-ID.… here; - is the output")] = None,
    data_dir: DataDir = None,
    device: Device = None,
) -> None:
    """Write a circuit of the bundle or the data directory as a file in one of the forms."""
    import sys

    from app import forms
    from app.commands.context import experiments_of, sentences, settings_of
    from app.exports import Exports, find

    with sentences():
        name, _ = find(form)
        with experiments_of(settings_of(data_dir=data_dir, device=device)) as experiments:
            written = Exports(experiments).write(circuit, name)
    if str(out) == "-":
        sys.stdout.buffer.write(written)
        return
    path = out or Path(forms.file_name(name, circuit))
    path.write_bytes(written)
    print(f"{path}: {len(written):,} bytes")


def import_(
    file: Annotated[Path, typer.Argument(help="a circuit of ours, viz_data.pt, sparse_pretrain JSON, prompt pairs")],
    model: Annotated[str, typer.Option(help="the model, where the file does not say")] = "",
    task: Annotated[str, typer.Option(help="the task, where the file does not say; a title for prompts")] = "",
    candidates: Annotated[str, typer.Option(help="two tokens, where viz_data.pt does not tell")] = "",
    check: Annotated[bool, typer.Option("--check", help="only say what the file comes to")] = False,
    data_dir: DataDir = None,
    device: Device = None,
) -> None:
    """Read a circuit or prompt pairs from a file and keep them in the data directory."""
    from app.commands.context import experiments_of, sentences, settings_of
    from app.import_plans import Given
    from app.imports import Imports
    from model.errors import InputError

    settings = settings_of(data_dir=data_dir, device=device)
    with sentences(), experiments_of(settings) as experiments:
        if not file.is_file():
            raise InputError(f"there is no file {file.name!r}")
        if file.stat().st_size > settings.max_circuit_bytes:
            raise InputError(f"{file.name} has {file.stat().st_size:,} bytes; {settings.max_circuit_bytes:,} are read")
        given = Given(file.read_bytes(), file.name, model, task, candidates)
        imports = Imports(experiments, settings.data_dir / "staging", settings.n_measured_pairs)
        if check:
            found = imports.check(given)
            print("\n".join([*found.faults, *found.notes]) or "it can be imported")
            raise typer.Exit(1 if found.faults else 0)
        kept = imports.keep(given)
    for note in kept.notes:
        print(note)
    what = f"circuit {kept.circuit.id}" if kept.circuit else f"task {kept.task}"
    print(f"{what}: {'kept' if kept.is_new else 'was here already'}")


def add(
    path: Annotated[Path, typer.Argument(help="a model's folder, or a zip of one")],
    name: Annotated[str, typer.Option(help="else the name of the folder")] = "",
    means: Annotated[bool, typer.Option(help="compute the corpus means now, if the folder has none")] = True,
    data_dir: DataDir = None,
    device: Device = None,
) -> None:
    """Check a model's folder and take a copy into the data directory, with its corpus means."""
    from tqdm import tqdm

    from app.arrivals import Arrivals
    from app.artifacts import Artifacts
    from app.commands.context import sentences, settings_of
    from app.corpus import Corpus
    from app.library import Library
    from app.mean_work import MeanWork
    from app.models_away import models_away
    from app.schemas import StepEvent

    settings = settings_of(data_dir=data_dir, device=device)
    with sentences():
        away = models_away(Artifacts(settings.artifacts_address), settings.data_dir)
        library = Library(settings.model_dirs, settings.device, away=away)
        found = Arrivals(library, settings.data_dir, settings.max_model_bytes).from_path(path, name)
        for note in found.notes:
            print(note)
        print(f"{found.name}: fingerprint {found.fingerprint[:12]}")
        if found.has_means or not means:
            return
        with tqdm(unit="part") as bar:

            def show(step: StepEvent) -> None:
                bar.total = step.n_steps
                bar.update(step.step - bar.n)
                bar.set_postfix_str(step.phase)

            MeanWork(library, Corpus(settings.bundle_dir / "corpus")).compute(found.name, on_step=show)
    print("its corpus means are computed")
