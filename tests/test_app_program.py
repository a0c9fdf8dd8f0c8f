"""Programs over HTTP: the page, its twin, the file; measured on fresh prompts; labels as comments."""

import runpy
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import tiny
from app.programs import FRESH_SEED
from app.schemas.program import Program

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def url(circuit_id: str) -> str:
    return f"/circuits/{circuit_id}/program"


def test_the_file_answers_as_a_run_of_the_circuit(
    shared_client: TestClient, circuit_id: str, url: str, tmp_path: Path
) -> None:
    answer = shared_client.get(f"{url}.py")
    assert answer.headers["content-disposition"] == f'attachment; filename="circuit-{circuit_id}.py"'
    path = tmp_path / "circuit.py"
    path.write_text(answer.text)
    program = runpy.run_path(str(path))
    prompt = 'print("a'
    run = shared_client.post(f"/circuits/{circuit_id}/runs", json={"prompt": prompt}).json()
    subject = shared_client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined]
    tokens = subject.tokenizer.encode(prompt)
    assert [program["TEXT"][token] for token in tokens] == run["tokens"]
    first, second = program["answer"](tokens)
    assert first - second == pytest.approx(run["circuit"]["logit_diff"], abs=1e-4)


def test_it_is_measured_on_fresh_prompts_once_and_then_shown(
    client: TestClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.programs.N_TRAIN", 12)
    monkeypatch.setattr("model.program.simplify.MOST_CHANGES", 3)
    before = Program.model_validate_json(client.get(f"{url}.json").text)
    assert before.trial is before.simplified is None and "Not measured yet" in client.get(url, headers=HTML).text
    measured = Program.model_validate_json(client.get(f"{url}.json?measure=1").text)
    trial, simple = measured.trial, measured.simplified
    assert trial is not None and simple is not None
    assert trial.n_prompts == 1000 and trial.seed == FRESH_SEED and trial.exact.with_circuit.value == 1
    assert trial.exact.largest_gap < 1e-4 and trial.circuit.largest_gap == 0 == trial.circuit.with_circuit.value - 1
    assert (
        trial.exact.with_full_model == trial.circuit.with_full_model and trial.exact.accuracy == trial.circuit.accuracy
    )
    assert trial.simplified.with_circuit.value > 0.9 and len(simple.code) <= len(measured.code)
    page = client.get(url, headers=HTML).text
    assert "1,000 held-out prompts" in page and "simplified program" in page and "<math " in page
    file = client.get(simple.python_url).text
    assert file == simple.code and f"{trial.simplified.with_circuit.value:.1%}" in file


def test_labels_become_comments_and_nothing_else(client: TestClient, circuit_id: str, url: str) -> None:
    node = client.get(f"/circuits/{circuit_id}.json").json()["nodes"][-1]["id"]
    text = 'opens"""\\ <b>'
    notes = client.post(f"/circuits/{circuit_id}/annotations", json={"title": "Mine", "labels": {node: text}}).json()
    program = Program.model_validate_json(client.get(f"{url}.json?notes={notes['id']}").text)
    assert f"# {node}: {text}" in program.code
    compile(program.code, "circuit.py", "exec")
    assert [e.label for e in program.equations if e.node == node] == [text]
    page = client.get(f"{url}?notes={notes['id']}", headers=HTML).text
    assert "&lt;b&gt;" in page and "<b>" not in page and "without labels" in page
    assert f'href="{url}?notes={notes["id"]}"' in client.get(notes["link"], headers=HTML).text
    assert client.get(f"{url}.json?notes={'0' * 16}").status_code == 404
    assert client.get(f"/circuits/{'0' * 16}/program.json").status_code == 404
