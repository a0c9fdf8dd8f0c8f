"""Which versions of what produced a record."""

import platform
from functools import cache
from importlib.metadata import version

from app import __version__


def versions() -> dict[str, str]:
    return {"sparsescope": __version__, "torch": _torch(), "python": platform.python_version()}


@cache
def _torch() -> str:
    """Remembered: it is read from the installed package's folder."""
    return version("torch")
