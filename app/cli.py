"""The command line: `sparsescope serve`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Circuits of weight-sparse transformers.")


@app.callback()
def sparsescope() -> None:
    """Circuits of weight-sparse transformers: browse, run, cut, prune."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="own models, the database")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda")] = None,
) -> None:
    """Serve the app. What is not given here comes from the environment, SPARSESCOPE_HOST and so on."""
    import uvicorn

    from app.main import create_app

    given: dict[str, Any] = {"host": host, "port": port, "data_dir": data_dir, "device": device}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    # Event streams stay open until their job ends; a stop does not wait for them.
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, timeout_graceful_shutdown=1)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    import json
    import tempfile

    from app.main import create_app

    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(create_app(Settings(data_dir=Path(folder))).openapi(), indent=1, sort_keys=True))


if __name__ == "__main__":
    app()
