"""Models are found by folder, loaded once however many ask, and a broken one does not hide the others."""

import json
import shutil
import threading
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import tiny
from app import library as library_module
from app.errors import Refusal
from app.facts import KnownFacts
from app.library import Library
from app.main import create_app
from app.settings import Settings
from model.errors import CheckpointError
from model.subject import Subject, load_subject


@pytest.fixture
def folder(tmp_path: Path, tiny_bundle: Path) -> Path:
    """A folder of one's own models, with one in it."""
    models = tmp_path / "data" / "models"
    shutil.copytree(tiny_bundle / "models" / tiny.MODEL, models / "mine")
    return models


def test_a_model_is_loaded_once_however_many_ask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_loaded = 0
    load = library_module.load_subject

    def counting(*args: object) -> Subject:
        nonlocal n_loaded
        n_loaded += 1
        return load(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(library_module, "load_subject", counting)
    library = Library([folder], "cpu")
    found: list[Subject] = []
    threads = [threading.Thread(target=lambda: found.append(library.subject("mine"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert n_loaded == 1 and all(subject is found[0] for subject in found) and len(found) == 8


def test_models_are_found_as_they_come_and_hidden_folders_are_not(folder: Path) -> None:
    library = Library([folder, folder.parent / "none"], "cpu")
    assert library.names() == ["mine"]
    shutil.copytree(folder / "mine", folder / "another")
    (folder / "empty").mkdir()
    shutil.copytree(folder / "mine", folder / "Not A Name")
    assert library.names() == ["another", "mine"]
    with pytest.raises(Refusal, match="no model 'empty'; there are: another, mine"):
        library.shelf("empty")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("config.json", "{", "config.json cannot be read as JSON"),
        ("config.json", '{"n_layer": 2}', "config: "),
        ("weights.safetensors", "nothing", "weights.safetensors cannot be read"),
        ("means.safetensors", "nothing", "means.safetensors cannot be read"),
        ("tokenizer.json", "nothing", "tokenizer.json cannot be read"),
    ],
)
def test_a_broken_model_is_left_out_and_says_why(
    folder: Path, name: str, content: str, says: str, tiny_bundle: Path
) -> None:
    shutil.copytree(folder / "mine", folder / "broken")
    (folder / "broken" / name).write_text(content)
    with pytest.raises(CheckpointError, match=says):
        Library([folder], "cpu").subject("broken")
    settings = Settings(data_dir=folder.parent, bundle_dir=tiny_bundle, device="cpu", worker=False)
    with TestClient(create_app(settings)) as client:
        assert [model["name"] for model in client.get("/models.json").json()] == ["tiny", "mine"]
        assert client.get("/", headers={"accept": "text/html"}).status_code == 200
        answer = client.get("/models/broken.json")
        assert answer.status_code == 422 and says in answer.json()["error"]["message"]
        assert str(folder) not in answer.text


def test_a_model_without_card_or_curve_is_shown_all_the_same(folder: Path) -> None:
    (folder / "mine" / "card.json").unlink()
    (folder / "mine" / "training.json").unlink()
    settings = Settings(data_dir=folder.parent, bundle_dir=folder / "none", device="cpu", worker=False)
    with TestClient(create_app(settings)) as client:
        model = client.get("/models/mine.json").json()
        assert model["title"] == "mine" and model["tasks"] == model["training_curve"] == []
        assert client.get("/models/mine", headers={"accept": "text/html"}).status_code == 200


def test_an_app_without_any_model_still_opens(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", bundle_dir=tmp_path / "none", device="cpu", worker=False)
    with TestClient(create_app(settings)) as client:
        for path in ("/", "/circuits", "/tasks", "/jobs", "/docs"):
            assert client.get(path, headers={"accept": "text/html"}).status_code == 200
        assert client.get("/models.json").json() == []


def test_the_card_may_be_edited_while_the_app_runs(folder: Path) -> None:
    library = Library([folder], "cpu")
    (folder / "mine" / "card.json").write_text(json.dumps({"title": "New"}))
    assert library.shelf("mine").card == {"title": "New"}


def test_models_are_dropped_within_a_limit_of_bytes_the_least_recent_first(folder: Path) -> None:
    for name in ("second", "third"):
        shutil.copytree(folder / "mine", folder / name)
    size = Library([folder], "cpu").subject("mine").n_bytes
    tensors = load_subject(folder / "mine").model.state_dict().values()
    assert size >= sum(tensor.nbytes for tensor in tensors) > 0
    library = Library([folder], "cpu", max_bytes=2 * size)
    first, second = library.subject("mine"), library.subject("second")
    assert library.subject("mine") is first, "held"
    library.subject("third")
    assert library.loaded() == {"mine": size, "third": size}, "the second was asked for longest ago"
    again = library.subject("second")
    assert again is not second and again.fingerprint == second.fingerprint
    assert [facts.fingerprint for _, facts in library.described()] == [first.fingerprint] * 3
    assert len(library.loaded()) == 2
    assert list(Library([folder], "cpu", max_bytes=1).loaded()) == []
    small = Library([folder], "cpu", max_bytes=1)
    assert small.subject("mine") and list(small.loaded()) == ["mine"], "one that is larger by itself is held alone"


def test_a_fresh_start_lists_models_without_loading_them(folder: Path, tmp_path: Path) -> None:
    known = KnownFacts(tmp_path / "facts")
    shutil.copytree(folder / "mine", folder / "second")
    first = Library([folder], "cpu", known=known).described()
    again = Library([folder], "cpu", known=known)
    (folder / "mine" / "card.json").write_text(json.dumps({"title": "New"}))
    assert [facts for _, facts in again.described()] == [facts for _, facts in first]
    assert again.loaded() == {} and again.shelf("mine").card == {"title": "New"}
    (folder / "mine" / "weights.safetensors").write_bytes(b"nothing")
    assert [shelf.name for shelf, _ in Library([folder], "cpu", known=known).described()] == ["second"]
    (tmp_path / "facts" / "second.json").write_text("{")
    mended = Library([folder], "cpu", known=known)
    assert [facts for _, facts in mended.described()] == [first[1][1]] and list(mended.loaded()) == ["second"]


def test_facts_that_cannot_be_kept_are_looked_up_again(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "facts").write_text("a file where the folder would be")
    known = KnownFacts(tmp_path / "facts")
    for _ in range(2):
        library = Library([folder], "cpu", known=known)
        assert len(library.described()) == 1 and list(library.loaded()) == ["mine"]
