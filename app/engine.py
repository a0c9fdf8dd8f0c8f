"""Where jobs run: in worker processes on this machine, or on a Ray cluster. The queue in the store is the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Protocol

from app.errors import Refusal
from app.settings import Settings


class Engine(Protocol):
    """Runs what waits in the queue until it is told to stop."""

    def run(self) -> bool:
        """Whether it ended because it was stopped; False after a mishap that only a new process can mend."""
        ...

    def stop(self) -> None: ...


@contextmanager
def engine_of(settings: Settings) -> Iterator[Engine]:
    """The engine that the settings name."""
    if settings.engine == "ray":
        if find_spec("ray") is None:
            raise Refusal(501, "the engine is ray, which is not installed: pip install 'sparsescope[ray]'")
        from app.ray_engine import RayEngine

        yield RayEngine(settings)
    else:
        from app.workplace import workplace

        with workplace(settings) as worker:
            yield worker
