"""`sparsescope export`: a circuit to a file in any form."""

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
