"""Files made to do harm, over a hundred of them: each refused with a sentence, nothing executed, nothing half added."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import tiny
from app.arrivals import Arrivals
from app.library import Library
from app.main import create_app
from conftest import tiny_settings
from hostile import DATA, GOOD, archive, hostile_circuits, hostile_models
from model.errors import CheckpointError


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def client(home: Path, tiny_bundle: Path) -> Iterator[TestClient]:
    settings = tiny_settings(tiny_bundle, home / "data").model_copy(update={"max_model_bytes": 3_000_000})
    with TestClient(create_app(settings)) as client:
        yield client


def is_sentence(message: str, home: Path) -> bool:
    """One line for people, without a path of the server or the name of a stack frame."""
    return 10 < len(message) < 400 and "\n" not in message and str(home) not in message and "/work" not in message


def test_no_hostile_model_is_taken_and_nothing_of_it_stays(client: TestClient, home: Path) -> None:
    mark = home / "executed"
    folders = hostile_models(mark)
    before = client.get("/models.json").json()
    kept = [name for name in folders if name == "our config, released weights"]
    for what, files in folders.items():
        answer = client.post("/models", data={"name": "evil"}, files=[("files", f) for f in files.items()])
        assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text[:300])
        assert is_sentence(answer.json()["error"]["message"], home), (what, answer.json())
        assert not mark.exists(), what
        assert not list((home / "data").glob("models/*")), what
        assert not list((home / "data").glob("staging/*")), what
    assert kept and client.get("/models.json").json() == before
    assert client.get("/jobs.json").json() == []
    assert len(folders) >= 100


def test_the_same_files_without_a_fault_are_taken(client: TestClient, home: Path) -> None:
    packed = archive({f"some folder/{name}": content for name, content in GOOD.items()}, deflate=True)
    answer = client.post("/models", data={"name": "Good One"}, files=[("files", ("good.zip", packed))])
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "good-one" and answer.json()["job"]["request"]["model"] == "good-one"
    assert sorted(path.name for path in (home / "data/models/good-one").iterdir()) == [
        "card.json", "config.json", "weights.safetensors"
    ]  # fmt: skip
    again = client.post("/models", files=[("files", f) for f in GOOD.items()])
    assert again.status_code == 409 and "good-one" in again.json()["error"]["message"]


def test_links_in_a_folder_of_this_machine_are_not_followed(tiny_bundle: Path, tmp_path: Path) -> None:
    arrivals = Arrivals(Library([tiny_bundle / "models"], "cpu"), tmp_path / "data", 3_000_000)
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "beeg_config.json").write_bytes(GOOD["beeg_config.json"])
    (folder / "final_model.pt").symlink_to(DATA / "final_model.pt")
    with pytest.raises(CheckpointError, match="links are not followed"):
        arrivals.from_path(folder)
    assert not list((tmp_path / "data").glob("*/*"))


def test_no_hostile_circuit_is_kept(client: TestClient, home: Path, circuit_id: str) -> None:
    mark = home / "executed"
    own = client.get(f"/circuits/{circuit_id}.json").json()
    theirs = client.get(f"/circuits/{circuit_id}/exports/sparse-pretrain").json()
    files = hostile_circuits(mark, own, theirs)
    before, tasks = client.get("/circuits.json").json(), client.get("/tasks.json").json()
    for what, content in files.items():
        given = {"model": "good-one" if what.startswith("released") else tiny.MODEL, "task": tiny.TASK}
        said = client.post("/import/check", data=given, files={"file": ("file", content)})
        assert said.status_code == 200 and said.json()["faults"], (what, said.text[:300])
        assert all(is_sentence(fault, home) for fault in said.json()["faults"]), (what, said.json())
        kept = client.post("/import", data=given, files={"file": ("file", content)})
        assert 400 <= kept.status_code < 500, (what, kept.status_code, kept.text[:300])
        assert is_sentence(kept.json()["error"]["message"], home), (what, kept.json())
        assert not mark.exists(), what
    assert client.get("/circuits.json").json() == before and client.get("/tasks.json").json() == tasks
    assert not list((home / "data").glob("staging/*"))
    assert len(files) >= 70
