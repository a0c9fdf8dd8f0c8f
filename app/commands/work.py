"""`sparsescope work`: a worker process. The server starts its own; more may run beside it, on any machine."""

from pathlib import Path
from typing import Annotated, Any

import typer


def work(
    data_dir: Annotated[Path | None, typer.Option(help="the data directory of the server")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps")] = None,
    while_stdin: Annotated[bool, typer.Option(help="end when standard input does")] = False,
) -> None:
    """Run the jobs of a server that shares the database and the data directory, here or on a Ray cluster."""
    import os
    import signal
    import sys
    import threading

    from app.engine import engine_of
    from app.logs import log_as
    from app.settings import Settings

    given: dict[str, Any] = {"data_dir": data_dir, "device": device}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    log_as(settings.log)
    if hasattr(os, "nice"):
        os.nice(settings.worker_niceness)
    with engine_of(settings) as engine:

        def until_stdin_ends() -> None:
            sys.stdin.buffer.read()
            engine.stop()

        if while_stdin:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server says when to end
            threading.Thread(target=until_stdin_ends, daemon=True).start()
        else:
            signal.signal(signal.SIGINT, lambda *_: engine.stop())
        signal.signal(signal.SIGTERM, lambda *_: engine.stop())
        in_order = engine.run()
    sys.stdout.flush()
    os._exit(0 if in_order else 75)  # without waiting for threads that hold a dead device
