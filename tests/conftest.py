"""What tests share: a tiny bundle, the app on it in this process, and real servers in processes of their own."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import shapes  # noqa: F401  before anything of `model` is imported

# isort: split
import httpx
import pytest
import torch
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import postgres
import tiny
from app.database import Database
from app.main import create_app
from app.schemas import CircuitDetail, CircuitSummary
from app.settings import ROOT, Settings


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny matrices gain nothing from threads and, beside other work, lose much."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "bundle"
    tiny.write_bundle(folder)
    return folder


# -- databases -------------------------------------------------------------------------------

ENGINES = ["sqlite", "postgresql"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `both_engines` run once on SQLite and once on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_engines") and "database_url" in metafunc.fixturenames:
        metafunc.parametrize("database_url", ENGINES, indirect=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as cluster:
        yield cluster


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own, empty."""
    if getattr(request, "param", "sqlite") == "postgresql":
        return str(request.getfixturevalue("postgresql").fresh())
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same with its tables made."""
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


def tiny_settings(bundle: Path, data_dir: Path, **more: Any) -> Settings:
    return Settings(
        data_dir=data_dir, bundle_dir=bundle, device="cpu", worker=False, n_measured_pairs=tiny.N_PAIRS, **more
    )


@pytest.fixture
def settings(tmp_path: Path, tiny_bundle: Path, database_url: str) -> Settings:
    return tiny_settings(tiny_bundle, tmp_path / "data", database_url=database_url)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """The app on the tiny bundle, without a worker: jobs stay queued."""
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Iterator[TestClient]:
    """The same for all tests of a file that change nothing, or nothing that the file's others see."""
    with TestClient(create_app(tiny_settings(tiny_bundle, tmp_path_factory.mktemp("data")))) as client:
        yield client


@pytest.fixture(scope="session")
def circuit_id(tiny_bundle: Path) -> str:
    """The one circuit of the tiny bundle."""
    return next((tiny_bundle / "circuits").glob("*.json")).stem


@pytest.fixture(scope="session")
def circuit(tiny_bundle: Path, circuit_id: str) -> CircuitDetail:
    return CircuitDetail.model_validate_json((tiny_bundle / "circuits" / f"{circuit_id}.json").read_text())


@pytest.fixture(scope="session")
def weightiest(circuit: CircuitDetail) -> list[str]:
    """Its nodes by how much cutting them changes the loss."""
    return [node.id for node in sorted(circuit.nodes, key=lambda node: -abs(node.effect_nats))]


#: Environment of a server on the tiny bundle.
TINY = {"OMP_NUM_THREADS": "1", "SPARSESCOPE_WORKER_NICENESS": "0", "SPARSESCOPE_N_MEASURED_PAIRS": str(tiny.N_PAIRS)}


class Server:
    """The app in a process of its own, as `sparsescope serve` starts it."""

    def __init__(self, bundle: Path, data_dir: Path, port: int | None = None, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = os.environ | {"SPARSESCOPE_BUNDLE_DIR": str(bundle), "SPARSESCOPE_DEVICE": "cpu"} | environment
        self.log = (data_dir.parent / f"{data_dir.name}-{self.port}.log").open("w")
        command = [sys.executable, "-m", "app.cli", "serve", "--port", str(self.port), "--data-dir", str(data_dir)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self.log, stderr=subprocess.STDOUT)

    def wait_until_up(self, timeout_s: float = 180) -> None:
        wait_for(lambda: self._answers(), timeout_s)

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended: {Path(self.log.name).read_text()[-2000:]}")
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.kill()
        self.log.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    """Wait until a condition holds; fails when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@contextmanager
def serving(bundle: Path, data_dir: Path, port: int | None = None, **environment: str) -> Iterator[Server]:
    server = Server(bundle, data_dir, port, **environment)
    try:
        server.wait_until_up()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def tiny_server(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tiny_bundle, tmp_path_factory.mktemp("served") / "data", **TINY) as server:
        yield server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app on its own bundle: what the browser tests look at."""
    data_dir = tmp_path_factory.mktemp("real") / "data"
    more = {"SPARSESCOPE_N_MEASURED_PAIRS": "32", "SPARSESCOPE_WORKER_NICENESS": "0"}
    with serving(ROOT / "bundle", data_dir, **more) as server:
        yield server


@pytest.fixture(scope="session")
def layered(server: Server) -> CircuitDetail:
    """A circuit of that bundle with attention and MLP nodes in several layers."""
    summaries = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json", timeout=60).json()]
    chosen = max((c for c in summaries if c.task == "bracket_counting"), key=lambda c: (c.n_nodes, c.id))
    return CircuitDetail.model_validate_json(httpx.get(f"{server.url}{chosen.url}.json", timeout=60).text)


@pytest.fixture(scope="session")
def chromium() -> str:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "no Chromium: install it, or name it in CHROMIUM"
    return path


# -- the browser -----------------------------------------------------------------------------

NewPage = Callable[[], Page]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, server: Server) -> Iterator[NewPage]:
    """Pages of fresh profiles; the test fails if one of them logs an error."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make() -> Page:
        context = browser.new_context(base_url=server.url, viewport={"width": 1400, "height": 1000})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page()
