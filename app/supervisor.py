"""Keeps worker processes alive beside the server: jobs run in them, so a prune never holds a page up, nor can it take
the server with it."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from typing import Any

from app.settings import ROOT, Settings

log = logging.getLogger(__name__)

POLL_S = 0.2
#: A worker that ends sooner than this after its start is started again after a pause, which doubles each time.
SOON_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
LET_GO_S = 15.0


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as the environment of another process."""
    variables: dict[str, str] = {}
    for name, value in settings.model_dump(mode="json", exclude={"token"}).items():  # who asked is known by then
        if value is not None:
            variables[f"SPARSESCOPE_{name.upper()}"] = value if isinstance(value, str) else json.dumps(value)
    variables["SPARSESCOPE_DATA_DIR"] = str(settings.data_dir.resolve())
    variables["SPARSESCOPE_ARTIFACTS"] = settings.artifacts_address
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPARSESCOPE_")}
    if settings.database_url is None:
        inherited.pop("DATABASE_URL", None)
    return inherited | variables


class _Place:
    """One worker process after another."""

    def __init__(self, settings: Settings) -> None:
        self.environment = environment_of(settings)
        self.pause_s = FIRST_PAUSE_S
        self.start_at = 0.0
        self.process: subprocess.Popen[Any] | None = None

    def tend(self) -> None:
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            log.warning("a worker process ended (%s); another takes its place", self.process.returncode)
            soon = now - self.start_at < SOON_S
            self.pause_s = min(LONGEST_PAUSE_S, 2 * self.pause_s) if soon else FIRST_PAUSE_S
            self.start_at, self.process = now + (self.pause_s if soon else 0.0), None
        if self.process is None and now >= self.start_at:
            self.start_at = now
            # It ends by itself when its standard input does: with this process, however that ends.
            command = [sys.executable, "-m", "app.cli", "work", "--while-stdin"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdin=subprocess.PIPE)

    def stop(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    def wait(self, until: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("a worker process did not end in time and is killed")
            self.process.kill()
            self.process.wait()


class Supervisor:
    """A context: inside it there are `settings.n_workers` worker processes, however often one ends; with Ray one, which
    keeps the workers of the cluster alive."""

    def __init__(self, settings: Settings) -> None:
        n_workers = 0 if not settings.worker else 1 if settings.engine == "ray" else settings.n_workers
        self._places = [_Place(settings) for _ in range(n_workers)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._tend, name="sparsescope-supervisor", daemon=True)

    def pids(self) -> list[int]:
        """Of the processes that run now."""
        return [place.process.pid for place in self._places if place.process is not None]

    def __enter__(self) -> "Supervisor":
        if self._places:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if not self._places:
            return
        self._thread.join()
        for place in self._places:
            place.stop()
        until = time.monotonic() + LET_GO_S
        for place in self._places:
            place.wait(until)

    def _tend(self) -> None:
        while not self._stopping.wait(POLL_S):
            for place in self._places:
                try:
                    place.tend()
                except OSError:
                    log.exception("a worker process cannot be started; it is tried again")
