"""Memory that was freed goes back to the system.

The C library keeps it for the threads that freed it: beside a dozen threads that compute in turn, a server would come
to hold twice what it uses.
"""

import ctypes
from collections.abc import Callable
from contextlib import AbstractContextManager

from app.regularly import regularly

#: Often enough that little gathers, seldom enough that asking for it again costs nothing that is felt.
EVERY_S = 30.0


def _trim() -> Callable[[int], int] | None:
    """glibc's own way; other C libraries have none, or do not need one."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


_TRIM = _trim()


def give_back() -> bool:
    """Whether anything could be given back to the system."""
    return _TRIM is not None and bool(_TRIM(0))


def giving_back(every_s: float = EVERY_S) -> AbstractContextManager[None]:
    """Inside of it freed memory is given back now and then."""
    return regularly(give_back, every_s, "sparsescope-memory")
