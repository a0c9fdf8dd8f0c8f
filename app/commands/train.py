"""`sparsescope train`: a weight-sparse transformer of one's own, with the options of `python -m model.training`."""

import typer

#: Everything behind the name goes on as it is, `--help` too.
PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def train(context: typer.Context) -> None:
    """Train a weight-sparse transformer on a built corpus; run again, it resumes. `train --help` lists its options."""
    from app.commands.context import sentences
    from model.training.__main__ import main

    command = typer.Typer(add_completion=False)
    command.command()(main)
    with sentences():
        typer.main.get_command(command).main(args=list(context.args), prog_name="sparsescope train")
