"""How much one visitor may ask of the server: a bucket that fills with time, and a number of places at once."""

import threading
import time
from collections.abc import Callable

MOST_VISITORS = 10_000


class Allowance:
    """`per_minute` requests of each visitor in the long run, half of them in one go, `at_once` at the same time.

    It is kept in this process: behind a proxy each of several servers has its own.
    """

    def __init__(self, per_minute: int, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self.at_once = per_minute, at_once
        self._burst = max(1.0, per_minute / 2)
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()

    def wait_s(self, visitor: str) -> float:
        """Take one request; 0 where it may go on, else the seconds until the next one may."""
        now = self._clock()
        with self._lock:
            left, at = self._left.pop(visitor, (self._burst, now))
            left = min(self._burst, left + (now - at) * self.per_minute / 60)
            self._left[visitor] = (left - 1 if left >= 1 else left, now)
            if len(self._left) > MOST_VISITORS:  # whoever was seen longest ago has a full bucket again by now
                del self._left[next(iter(self._left))]
        return 0.0 if left >= 1 else (1 - left) * 60 / self.per_minute

    def enter(self, visitor: str) -> bool:
        """Whether the visitor may have one more at the same time; whoever enters must leave."""
        with self._lock:
            running = self._running.get(visitor, 0)
            if running >= self.at_once:
                return False
            self._running[visitor] = running + 1
            return True

    def leave(self, visitor: str) -> None:
        with self._lock:
            running = self._running[visitor] - 1
            if running:
                self._running[visitor] = running
            else:
                del self._running[visitor]
