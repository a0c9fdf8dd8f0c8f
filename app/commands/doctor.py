"""`sparsescope doctor`: what is wrong with this installation."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[Path | None, typer.Option(help="own models, the database")]


def doctor(
    host: Annotated[str | None, typer.Option(help="address that the server will listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port that it will listen on")] = None,
    data_dir: DataDir = None,
) -> None:
    """Say what is wrong with this installation and what to do; ends with 1 where something would fail."""
    from app.commands.context import sentences, settings_of
    from app.doctor import examine

    with sentences():
        settings = settings_of(host=host, port=port, data_dir=data_dir)
    colours = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}
    failed = False
    for finding in examine(settings):
        failed |= finding.level == "fail"
        level = typer.style(f"{finding.level:4}", fg=colours[finding.level])
        typer.echo(f"{level}  {finding.about:8}  {finding.sentence}" + (f" → {finding.todo}" if finding.todo else ""))
    raise typer.Exit(1 if failed else 0)
