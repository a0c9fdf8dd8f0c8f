"""Which versions of what produced a record."""

import platform
from importlib.metadata import version

from app import __version__


def versions() -> dict[str, str]:
    return {"sparsescope": __version__, "torch": version("torch"), "python": platform.python_version()}
