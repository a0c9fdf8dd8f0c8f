"""Models that people bring on one machine are on the others too, whole, where the artifacts lie elsewhere."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from fastapi.testclient import TestClient

from app.database import Database
from app.main import create_app
from app.models_away import LOOK_S, ModelsAway
from app.schemas import MeansRequest
from app.workplace import work_of
from conftest import tiny_settings
from hostile import GOOD


class Nobody:
    """A report to nobody."""

    def step(self, _step: Any) -> None: ...

    def should_stop(self) -> bool:
        return False


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.models_away.LOOK_S", 0.0)
    monkeypatch.setattr("app.models_away.LOOK_EVERY_S", 0.02)


@pytest.fixture
def machines(tmp_path: Path, tiny_bundle: Path) -> Iterator[tuple[TestClient, TestClient]]:
    """Two web servers with nothing in common but the store and an address."""
    shared = {"database_url": f"sqlite:///{tmp_path / 'store.db'}", "artifacts": f"memory://{uuid4().hex}"}
    first, second = (create_app(tiny_settings(tiny_bundle, tmp_path / name, **shared)) for name in "ab")
    with TestClient(first) as a, TestClient(second) as b:
        yield a, b


def add(client: TestClient, name: str = "brought") -> Any:
    return client.post("/models", data={"name": name}, files=[("files", f) for f in GOOD.items()])


def test_a_model_brought_to_one_server_is_on_the_other_and_its_means_follow(
    machines: tuple[TestClient, TestClient],
) -> None:
    a, b = machines
    assert b.get("/models/brought.json").status_code == 404
    answer = add(a)
    assert answer.status_code == 201, answer.text
    there, here = b.get("/models/brought.json").json(), a.get("/models/brought.json").json()
    assert there == here, "asked for by its name it is found at once"
    assert "brought" in b.get("/", headers={"accept": "text/html"}).text
    assert add(b).status_code == 409 and add(b, "again").status_code == 409

    settings = b.app.state.settings  # type: ignore[attr-defined]
    database = Database(settings.database)
    work_of(settings, database)(MeansRequest(model="brought"), Nobody())  # type: ignore[arg-type]
    database.close()
    library = a.app.state.library  # type: ignore[attr-defined]
    by = time.monotonic() + 60
    while not len(library.subject("brought").means) and time.monotonic() < by:
        time.sleep(LOOK_S)  # the address is asked no more often
    assert len(library.subject("brought").means) > 0, "what a worker elsewhere made"


def test_where_the_address_does_not_answer_nothing_is_added(
    machines: tuple[TestClient, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = machines
    put = fsspec.get_filesystem_class("memory").put_file

    def fail(self: Any, here: str, there: str, **more: Any) -> None:
        if "weights" in there:
            raise ConnectionResetError("gone")
        put(self, here, there, **more)

    with monkeypatch.context() as patched:
        patched.setattr(fsspec.get_filesystem_class("memory"), "put_file", fail)
        answer = add(a)
        assert answer.status_code == 503 and "does not answer" in answer.json()["error"]["message"]
    for client in (a, b):
        assert client.get("/models/brought.json").status_code == 404
    assert add(a).status_code == 201 and b.get("/models/brought.json").status_code == 200


def test_names_at_the_address_lead_nowhere_else(tmp_path: Path) -> None:
    from app.artifacts import Artifacts

    artifacts = Artifacts(f"memory://{uuid4().hex}")
    artifacts.write("models/evil.json", b'{"files": ["../../x.json", "config.json", "a/b.json"]}')
    artifacts.write("models/..json", b'{"files": ["config.json"]}')
    artifacts.write("model_files/evil/config.json", b"{}")
    ModelsAway(artifacts, tmp_path / "models").look()
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")) == [
        "models/evil/config.json"
    ]
