"""Prompt pairs of one's own: every fault is told, what is stored is a task like any other, also after a restart."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import tiny
from app import cli
from app.main import create_app
from app.pruning import prune_to_record
from app.schemas import CircuitDetail, PruneSettings, TaskCheck, TaskDetail
from app.settings import Settings
from conftest import tiny_settings
from model.errors import InputError
from model.subject import load_subject
from model.tasks import TASKS
from model.tasks.own import OwnTask, own_task
from model.tasks.pair import PromptPair
from model.tasks.task import SPLITS

HTML = {"accept": "text/html"}
QUICK = PruneSettings(n_steps=2, pairs_per_step=2, target_loss_nats=0.8, greedy=False)


def form_of(pairs: list[PromptPair]) -> dict[str, Any]:
    return {
        "prompts": [
            {"clean": p.prompts[0], "corrupt": p.prompts[1], "answers": [p.answers[0]], "wrong_answers": [p.answers[1]]}
            for p in pairs
        ]
    }


@pytest.fixture(scope="session")
def pairs() -> list[PromptPair]:
    """20 pairs to prune on and 20 held out."""
    return [pair for split in SPLITS for pair in TASKS[tiny.TASK].pairs(split, 20, seed=5)]


@pytest.fixture
def request_body(pairs: list[PromptPair]) -> dict[str, Any]:
    return {"title": "My quotes", "model": tiny.MODEL, "pairs": form_of(pairs)}


# -- the value itself ------------------------------------------------------------------------


def test_no_prompt_is_both_pruned_on_and_held_out() -> None:
    pairs = [PromptPair((f"a{i % 40}", f"b{i}"), ("x", "y")) for i in range(200)]
    task = own_task("Sharing", pairs)
    prompts = {split: {text for pair in task.pairs(split, 999) for text in pair.prompts} for split in SPLITS}
    assert prompts["train"].isdisjoint(prompts["heldout"])
    assert len(prompts["train"] | prompts["heldout"]) == 240
    assert task.n_pairs("train") + task.n_pairs("heldout") == 200
    assert len(task.pairs("train", 7, seed=1)) == 7 and task.pairs("train", 7, 1) != task.pairs("train", 7, 2)


def test_the_name_follows_from_title_and_pairs_in_any_order(pairs: list[PromptPair]) -> None:
    task = own_task(" Closing quote! ", pairs)
    assert task.name.startswith("closing_quote-") and len(task.name) == len("closing_quote-") + 12
    assert own_task("Closing quote", [*reversed(pairs), pairs[0]]).name == task.name
    swapped = PromptPair(pairs[0].prompts, (pairs[0].answers[1], pairs[0].answers[0]))
    assert own_task("Closing quote", [swapped, *pairs[1:]]).name != task.name
    assert len(own_task("Z" * 80, pairs).name) <= 64


def test_too_few_pairs_are_refused_with_their_numbers(pairs: list[PromptPair]) -> None:
    with pytest.raises(InputError, match="25 distinct pairs give 20 to prune on and 5 held out; at least 16 of either"):
        own_task("Few", pairs[:25])


# -- over HTTP -------------------------------------------------------------------------------


def test_pairs_become_a_task_like_any_other(client: TestClient, request_body: dict[str, Any]) -> None:
    answer = client.post("/tasks", json=request_body)
    assert answer.status_code == 201
    task = TaskDetail.model_validate(answer.json())
    assert answer.headers["location"] == task.url and task.own and task.title == "My quotes"
    assert task.pairs is not None and (task.pairs.n_train, task.pairs.n_heldout) == (20, 20)
    again = client.post("/tasks", json=request_body | {"pairs": json.dumps(request_body["pairs"])})
    assert again.status_code == 200 and again.json()["name"] == task.name

    assert client.get("/tasks.json").json()[0]["name"] == task.name
    for path in ("/tasks", task.url, f"/models/{tiny.MODEL}?task={task.name}"):
        assert task.name in client.get(path, headers=HTML).text, path
    assert client.post("/jobs", json={"model": tiny.MODEL, "task": task.name}).status_code == 202
    score = client.get(f"/models/{tiny.MODEL}/tasks/{task.name}.json").json()
    assert score["measure"]["n_pairs"] == 20 and score["measure"]["loss_nats"]["value"] > 0
    target = {"kind": "model", "model": tiny.MODEL, "task": task.name}
    cut = client.post("/ablations", json={"target": target, "nodes": ["0.mlp.post_act:0"]})
    assert cut.status_code == 201 and cut.json()["before"]["n_pairs"] == 20
    assert cut.json()["before"]["loss_nats"] == score["measure"]["loss_nats"]


def test_every_fault_is_told(client: TestClient, request_body: dict[str, Any]) -> None:
    prompts = request_body["pairs"]["prompts"]
    prompts[0]["clean"] = 7
    prompts[2] = {"clean": "x"}
    prompts[3] |= {"answers": ["two words here"], "corrupt": ""}
    answer = client.post("/tasks", json=request_body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["n_faults"] == len(error["faults"]) == 4
    assert [fault.split()[1].strip(":") for fault in error["faults"]] == ["1", "3", "4", "4"]
    assert error["message"] == "pair 1: clean is 7, not a text (and 3 more faults)"
    check = TaskCheck.model_validate(client.post("/tasks/check", json=request_body).json())
    assert check.faults == error["faults"] and check.n_pairs == 37 and len(check.preview) == 8
    assert not client.get("/tasks.json").json()[0]["own"], "nothing was stored"


def test_fifty_faults_are_told_and_the_rest_counted(client: TestClient) -> None:
    body = {"title": "Bad", "model": tiny.MODEL, "pairs": {"prompts": [1] * 60}}
    error = client.post("/tasks", json=body).json()["error"]
    assert len(error["faults"]) == 50 and error["n_faults"] == 60
    assert error["message"].endswith("(and 59 more faults)")


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ("{", "the prompt pairs are not JSON"),
        ({"prompts": []}, "the list of prompt pairs is empty"),
        ({"prompts": form_of(TASKS[tiny.TASK].pairs("train", 3))["prompts"]}, "3 distinct pairs give 3 to prune on"),
    ],
)
def test_what_is_no_task_is_refused(client: TestClient, pairs: object, says: str) -> None:
    answer = client.post("/tasks", json={"title": "Bad", "model": tiny.MODEL, "pairs": pairs})
    assert answer.status_code == 422 and says in answer.json()["error"]["message"]
    assert "no model 'gpt'" in client.post("/tasks", json={"title": "x", "model": "gpt", "pairs": "{}"}).text


def test_a_check_shows_the_tokens(client: TestClient, request_body: dict[str, Any], pairs: list[PromptPair]) -> None:
    check = TaskCheck.model_validate(client.post("/tasks/check", json=request_body).json())
    assert check.faults == [] and (check.n_pairs, check.n_train, check.n_heldout) == (40, 20, 20)
    assert tuple("".join(tokens) for tokens in check.preview[0].prompts) == pairs[0].prompts


def test_the_example_is_a_task(client: TestClient) -> None:
    body = {"title": "Example", "model": tiny.MODEL, "pairs": client.get("/tasks/new.json").json()}
    assert client.post("/tasks", json=body).status_code == 201
    assert client.get("/tasks/new", headers=HTML).status_code == 200


# -- circuits of it, and the command line ----------------------------------------------------


def test_a_circuit_of_it_works_after_a_restart(settings: Settings, request_body: dict[str, Any]) -> None:
    with TestClient(create_app(settings)) as client:
        name = client.post("/tasks", json=request_body).json()["name"]
        own = client.app.state.tasks.find(name)  # type: ignore[attr-defined]
        assert isinstance(own, OwnTask)
        subject = load_subject(settings.bundle_dir / "models" / tiny.MODEL)
        circuit = prune_to_record(subject, own, QUICK, n_pairs=64)
        client.app.state.store.keep_circuit(circuit)  # type: ignore[attr-defined]
    assert circuit.task == name and circuit.measures.circuit.n_pairs == 20
    with TestClient(create_app(settings)) as client:
        assert client.get(circuit.url, headers=HTML).status_code == 200
        node = client.get(f"{circuit.url}/nodes/{circuit.nodes[0].id}.json").json()
        assert len(node["pairs"]) == 4
        assert [c["id"] for c in client.get(f"/tasks/{name}.json").json()["circuits"]] == [circuit.id]
        target = {"kind": "circuit", "circuit": circuit.id}
        cut = client.post("/ablations", json={"target": target, "nodes": [circuit.nodes[0].id], "n_pairs": 500})
        assert cut.status_code == 201 and cut.json()["after"]["n_pairs"] == 20


def test_the_command_prunes_on_a_file(
    tiny_bundle: Path, tmp_path: Path, pairs: list[PromptPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARSESCOPE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SPARSESCOPE_BUNDLE_DIR", str(tiny_bundle))
    file, out = tmp_path / "quotes.json", tmp_path / "out"
    words = ["prune", tiny.MODEL, str(file), "--out", str(out), "--n-steps", "2", "--target-loss-nats", "0.8"]
    runner = CliRunner(env={"COLUMNS": "300"})
    file.write_text(json.dumps(form_of(pairs[:2]) | {"prompts": [1, 2]}))
    refused = runner.invoke(cli.app, words)
    assert refused.exit_code == 2 and "pair 1 is not an object" in refused.output and "pair 2 is not" in refused.output
    file.write_text(json.dumps(form_of(pairs)))
    result = runner.invoke(cli.app, words)
    assert result.exit_code == 0, result.output
    circuit = CircuitDetail.model_validate_json(next(out.glob("*.json")).read_text())
    with TestClient(create_app(tiny_settings(tiny_bundle, tmp_path / "data"))) as client:
        assert client.get(f"/tasks/{circuit.task}.json").json()["title"] == "quotes"
    again = runner.invoke(cli.app, [*words[:2], circuit.task, *words[3:]])
    assert again.exit_code == 0, again.output
