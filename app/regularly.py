"""What is done again and again beside everything else."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def regularly(do: Callable[[], object], every_s: float, name: str) -> Iterator[None]:
    """Inside of it a thread of this name does `do` each `every_s` seconds, the first time after as many."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.wait(every_s):
            do()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(timeout=5)
