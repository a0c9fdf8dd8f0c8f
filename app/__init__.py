"""The web app: pages, JSON and jobs around `model/`. Imports flow `static -> HTTP -> app -> model`."""

from importlib.metadata import PackageNotFoundError, version

import model  # noqa: F401 - says how torch's threads wait, before torch is imported

try:
    __version__ = version("sparsescope")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "0"
