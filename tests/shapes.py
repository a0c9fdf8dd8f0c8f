"""Shapes and types checked as tests run: in the modules of `model/` that state shapes, and only there.

The check wraps every function and every closure each time it is made, which costs programs without tensors most of
their time; what they say of types, mypy has seen.
"""

import os
from pathlib import Path

from jaxtyping import install_import_hook

ROOT = Path(__file__).parent.parent


def modules() -> list[str]:
    """The names of modules whose annotations state shapes."""
    paths = sorted((ROOT / "model").rglob("*.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths if "jaxtyping" in path.read_text()]


if "PYTEST_VERSION" in os.environ:  # benchmarks import `conftest` too, and are to be fast
    install_import_hook(modules(), "beartype.beartype")
