"""Imports go one way: app -> model; routes know no torch; model knows no web. Importing does nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import ROOT

WEB = {"fastapi", "starlette", "pydantic", "pydantic_settings", "sqlalchemy", "uvicorn", "app"}


def imported(path: Path) -> set[str]:
    """Top-level names of all that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", sorted((ROOT / "app" / "routes").glob("*.py")), ids=lambda path: path.stem)
def test_routes_know_neither_torch_nor_model(path: Path) -> None:
    assert not imported(path) & {"torch", "model", "sqlalchemy"}


@pytest.mark.parametrize("path", sorted((ROOT / "model").rglob("*.py")), ids=lambda path: path.stem)
def test_model_knows_no_web(path: Path) -> None:
    assert not imported(path) & WEB


def test_importing_the_app_makes_no_file(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import app.main, app.cli"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []
