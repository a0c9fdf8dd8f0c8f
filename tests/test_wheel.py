"""A wheel holds all that the app needs, installs by itself and serves the page, far from the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.settings import ROOT
from conftest import TINY, free_port, wait_for


@pytest.fixture(scope="module")
def wheel(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, with the tiny bundle instead of the app's own."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    skipped = shutil.ignore_patterns("__pycache__")
    for folder in ("app", "model", "static", "templates", "docs"):
        shutil.copytree(ROOT / folder, source / folder, ignore=skipped)
    shutil.copytree(tiny_bundle, source / "bundle")
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "sparsescope.py"):
        shutil.copy(ROOT / name, source)
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (built,) = out.glob("sparsescope-*.whl")
    return built


def test_a_wheel_holds_every_file_that_the_checkout_has(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("static", "templates", "docs"):
        files = {f"app/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert files <= names, sorted(files - names)[:5]
    python = {str(path.relative_to(ROOT)) for top in ("app", "model") for path in (ROOT / top).rglob("*.py")}
    data = {
        "model/corpus/packages.txt",
        "model/corpus/licences.json",
        "app/migrations/script.py.mako",
        "sparsescope.py",
    }
    assert python | data <= names, sorted((python | data) - names)[:5]
    assert "app/bundle/models/tiny/config.json" in names and not any(name.startswith("tests") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"app", "model", "sparsescope.py"}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment of its own that has the wheel, and from here only what the wheel depends on."""
    folder = tmp_path_factory.mktemp("clean")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--no-deps",
               "--no-index", "--no-compile", "--quiet", "--disable-pip-version-check", str(wheel)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    yield folder
    shutil.rmtree(folder)


def test_an_installed_wheel_serves_the_page(installed: Path, tmp_path: Path, circuit_id: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SPARSESCOPE"))}
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(
        [installed / "bin" / "sparsescope", "serve", "--port", str(port), "--data-dir", str(tmp_path / "data"),
         "--device", "cpu"],
        cwd=tmp_path, env=environment | TINY | {"SPARSESCOPE_WORKER": "false"}, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip

    def up() -> bool:
        assert process.poll() is None, (tmp_path / "log").read_text()[-2000:]
        try:
            return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_for(up, 120)
        page = httpx.get(f"{url}/circuits/{circuit_id}", headers={"accept": "text/html"}, timeout=60)
        assert page.status_code == 200 and "explorer.js" in page.text
        for path in (
            "/static/explorer.js",
            "/static/css/base.css",
            "/vendor/plotly/plotly.min.js",
            "/models/tiny.json",
            "/guide/browse",
        ):
            assert httpx.get(url + path, timeout=60).status_code == 200
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()
