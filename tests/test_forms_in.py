"""Circuits and models in: released ones say what their files say, in nats a prompt; ours and others come back."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from torch.nn.functional import softplus
from typer.testing import CliRunner

import tiny
from app import cli
from app.main import create_app
from conftest import tiny_settings
from model.batch import padded
from model.checkpoint import fingerprint, load_model
from model.circuit import Circuit
from model.errors import InputError
from model.forms.json_values import depth_of, parse
from model.forms.released import candidates_of, read_released
from model.forms.replication import read_replication
from model.gate import hold
from model.means import MissingMeans
from model.own_text import own_windows
from model.subject import load_subject
from model.token_ids import TokenIds

RELEASED = Path(__file__).parent / "data" / "released"
HTML = {"accept": "text/html"}
MODELS = ("sparse_nosink", "sparse_sink")


@pytest.mark.parametrize("name", MODELS)
def test_a_released_circuit_says_what_a_correct_reader_shows(name: str) -> None:
    """Stored losses are sums over a pair: `expected.json` has them halved."""
    expected = json.loads((RELEASED / name / "expected.json").read_text())
    model = load_model(RELEASED / name)
    read = read_released(RELEASED / name / "viz_data.pt", model.config)
    assert len(read.nodes) == expected["nodes_kept"]
    assert read.full_model_loss_nats == pytest.approx(expected["loss_nats"], abs=1e-9)
    assert read.circuit_loss_nats == pytest.approx(expected["circuit_loss_nats"], abs=1e-9)
    losses = {str(node): loss for node, loss in read.node_loss_nats.items()}
    assert losses == pytest.approx(expected["node_loss_nats"], abs=1e-9)
    assert all(prompt[-1] != 0 for prompt in read.prompts), "padding is no token"
    last = torch.tensor([len(prompt) - 1 for prompt in read.prompts])
    tokens = torch.zeros(len(read.prompts), int(last.max()) + 1, dtype=torch.long)
    for row, prompt in enumerate(read.prompts):
        tokens[row, : len(prompt)] = torch.tensor(prompt)
    found = candidates_of(model(tokens, at=last), read.full_model_loss_nats)
    assert found == tuple(expected["candidates"])
    assert candidates_of(model(tokens, at=last), 123.0) is None


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forms_in") / "data"


@pytest.fixture(scope="module")
def client(data_dir: Path, tiny_bundle: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tiny_settings(tiny_bundle, data_dir))) as client:
        yield client


def run(*words: str) -> str:
    result = CliRunner().invoke(cli.app, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_a_released_model_is_added_by_the_command_and_its_circuit_after_it(
    client: TestClient, data_dir: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARSESCOPE_BUNDLE_DIR", str(tiny_bundle))
    expected = json.loads((RELEASED / "sparse_nosink/expected.json").read_text())
    said = run("add", str(RELEASED / "sparse_nosink"), "--data-dir", str(data_dir), "--device", "cpu")
    assert fingerprint(load_model(RELEASED / "sparse_nosink"))[:12] in said and "means are computed" in said
    model = client.get("/models/sparse_nosink.json").json()
    assert model["language"] == "tokens" and model["config"]["n_layer"] == 2
    page = client.get("/models/sparse_nosink", headers={"accept": "text/html"}).text
    assert "⟨5⟩" in page
    options = ("--model", "sparse_nosink", "--task", "quotes", "--data-dir", str(data_dir), "--device", "cpu")
    viz = str(RELEASED / "sparse_nosink" / "viz_data.pt")
    assert "⟨5⟩ and ⟨6⟩" in run("import", viz, "--check", *options)
    assert client.get("/circuits.json?model=sparse_nosink").json() == []
    assert "kept" in run("import", viz, *options)
    (summary,) = client.get("/circuits.json?model=sparse_nosink").json()
    assert (summary["n_nodes"], summary["n_edges"]) == (expected["nodes_kept"], expected["edges"])
    circuit = client.get(f"{summary['url']}.json").json()
    stored = circuit["provenance"]["imported"]
    assert stored["circuit_loss_nats"] == pytest.approx(expected["circuit_loss_nats"])
    assert stored["node_loss_nats"] == pytest.approx(expected["node_loss_nats"])
    # The full model needs no means, so that what is measured here must be what the file says, halved.
    assert circuit["full_model_loss_nats"] == pytest.approx(expected["loss_nats"], abs=1e-4)
    page = client.get(summary["url"], headers={"accept": "text/html"}).text
    assert 'data-testid="stored-figures"' in page and f"{expected['circuit_loss_nats']:.3f}" in page
    refused = client.post("/jobs", json={"model": "sparse_nosink", "task": circuit["task"]})
    assert refused.status_code == 422 and "came with a circuit" in refused.json()["error"]["message"]


def test_an_upload_is_listed_at_once_and_says_that_its_means_are_to_come(client: TestClient, data_dir: Path) -> None:
    files = [("files", (name, (RELEASED / "sparse_sink" / name).read_bytes())) for name in (
        "beeg_config.json", "final_model.pt", "expected.json")]  # fmt: skip
    answer = client.post("/models", data={"name": "uploaded"}, files=files)
    assert answer.status_code == 201, answer.text
    arrival = answer.json()
    assert arrival["tokenizer"] == "token ids" and arrival["job"]["request"] == {"kind": "means", "model": "uploaded"}
    assert any("expected.json" in note for note in arrival["notes"])
    assert client.get(f"{arrival['url']}.json").json()["fingerprint"] == arrival["fingerprint"]
    for path in ("/models/uploaded", "/jobs", arrival["job"]["url"]):
        assert client.get(path, headers={"accept": "text/html"}).status_code == 200, path
    viz = {"file": ("viz_data.pt", (RELEASED / "sparse_sink" / "viz_data.pt").read_bytes())}
    assert "means of this model are not computed yet" in client.get("/models/uploaded", headers=HTML).text
    early = client.post("/import", data={"model": "uploaded"}, files=viz)
    assert early.status_code == 422 and "means of this model are not computed yet" in early.json()["error"]["message"]
    client.app.state.means.compute("uploaded")  # type: ignore[attr-defined]
    assert client.get("/models/uploaded.json").json()["has_means"]
    assert "not computed yet" not in client.get("/models/uploaded", headers=HTML).text
    kept = client.post("/import", data={"model": "uploaded"}, files=viz)
    assert kept.status_code == 201, kept.text
    again = client.post("/import", data={"model": "uploaded"}, files=viz, headers={"accept": "text/html"})
    assert again.history[0].status_code == 303 and str(again.url).endswith(kept.json()["url"])


def test_a_released_circuit_that_masks_the_last_stream_is_measured_as_its_file_says(
    client: TestClient, tmp_path: Path
) -> None:
    """Its stored loss is that of the masked model, summed over a pair; without the mask another would be measured."""
    subject = client.app.state.library.subject("uploaded")  # type: ignore[attr-defined]
    content = torch.load(RELEASED / "sparse_sink" / "viz_data.pt", weights_only=True)
    content["circuit_data"]["final_resid"] = torch.arange(0, subject.config.d_model, 2)
    torch.save(content, tmp_path / "viz_data.pt")
    read = read_released(tmp_path / "viz_data.pt", subject.config)
    keep = Circuit.of("f", "t", read.nodes).keep(subject.config)
    tokens, last = padded([list(prompt) for prompt in read.prompts], "cpu")
    candidates = candidates_of(subject.model(tokens, at=last), read.full_model_loss_nats)
    assert candidates is not None

    def loss_nats(keep: dict[str, torch.Tensor]) -> float:
        logits = subject.model(tokens, at=last, tap=hold(keep, subject.means))
        sign = torch.tensor([1.0, -1.0]).repeat_interleave(len(tokens) // 2)
        return float(softplus(-sign * (logits[:, candidates[0]] - logits[:, candidates[1]])).mean())

    final = torch.zeros(subject.config.d_model, dtype=torch.bool)
    final[::2] = True
    stored, unmasked = loss_nats(keep | {"final_resid": final}), loss_nats(keep)
    assert abs(stored - unmasked) > 0.01
    content["importances"]["interv_loss"] = 2 * stored
    torch.save(content, tmp_path / "viz_data.pt")
    file = {"file": ("viz_data.pt", (tmp_path / "viz_data.pt").read_bytes())}
    answer = client.post("/import", data={"model": "uploaded", "task": "masked"}, files=file).json()
    assert any("channels of final_resid are masked too" in note for note in answer["notes"])
    circuit = client.get(f"{answer['url']}.json").json()
    assert circuit["provenance"]["imported"]["circuit_loss_nats"] == pytest.approx(stored, abs=1e-6)
    assert circuit["loss_nats"]["value"] == pytest.approx(stored, abs=1e-5)
    assert len(circuit["final_resid"]) == len(final) // 2
    to_logits = {link["source"].split(":")[1] for link in circuit["links"] if link["kind"] == "unembed"}
    assert to_logits <= {str(channel) for channel in circuit["final_resid"]}
    assert "final_resid" in client.get(answer["url"], headers={"accept": "text/html"}).text
    for form in ("sparsescope", "sparse-pretrain"):
        again = client.post("/import", data={"text": client.get(f"{answer['url']}/exports/{form}").text})
        assert again.status_code == 200 and again.json()["url"] == answer["url"], form
    outside = circuit | {"final_resid": [len(final)]}
    check = client.post("/import/check", data={"text": json.dumps(outside)}).json()
    assert "final_resid holds a channel twice or outside" in check["faults"][0]


def test_our_own_json_comes_back_as_the_same_record(
    client: TestClient, circuit_id: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    written = client.get(f"/circuits/{circuit_id}/exports/sparsescope").content
    bundle = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, bundle, ignore=shutil.ignore_patterns("circuits"))
    with TestClient(create_app(tiny_settings(bundle, tmp_path / "data"))) as other:
        assert other.get("/circuits.json").json() == []
        check = other.post("/import/check", data={"text": written.decode()}).json()
        assert check["faults"] == [] and check["form"] == "sparsescope"
        kept = other.post("/import", data={"text": written.decode()})
        assert kept.status_code == 201 and kept.json()["notes"] == []
        assert other.get(f"/circuits/{circuit_id}/exports/sparsescope").content == written
        lying = json.loads(written) | {"task_title": "Believe me"}
        record = other.post("/import", data={"text": json.dumps(lying)})
        assert record.status_code == 200
        assert other.get(f"/circuits/{circuit_id}.json").json()["task_title"] != "Believe me"


def test_a_record_whose_figures_are_not_so_is_measured_anew(
    client: TestClient, circuit_id: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    record = client.get(f"/circuits/{circuit_id}.json").json()
    bundle = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, bundle, ignore=shutil.ignore_patterns("circuits"))
    with TestClient(create_app(tiny_settings(bundle, tmp_path / "data"))) as other:
        boast = record | {"loss_nats": {"value": 0.01, "low": 0.0, "high": 0.02}}
        kept = other.post("/import", data={"text": json.dumps(boast)}).json()
        assert any("measured here are kept" in note for note in kept["notes"])
        assert other.get(f"/circuits/{circuit_id}.json").json()["loss_nats"] == pytest.approx(record["loss_nats"])


def test_the_replications_form_is_the_same_circuit_again(client: TestClient, circuit_id: str) -> None:
    written = client.get(f"/circuits/{circuit_id}/exports/sparse-pretrain").json()
    kept = client.post("/import", data={"text": json.dumps(written)})
    assert kept.status_code == 200 and kept.json()["circuit"]["id"] == circuit_id
    del written["sparsescope"]  # as the replication itself writes it
    written["nodes"].append({"node_id": "0_resid_pre_1", "layer": 0, "location": "resid_pre", "index": 1})
    asked = client.post("/import/check", data={"text": json.dumps(written)}).json()
    assert "which model" in asked["faults"][0]
    given: dict[str, Any] = {"text": json.dumps(written), "model": tiny.MODEL, "task": tiny.TASK}
    kept = client.post("/import", data=given).json()
    assert kept["circuit"]["id"] == circuit_id and any("residual stream" in note for note in kept["notes"])


def test_prompt_pairs_become_a_task(client: TestClient) -> None:
    pairs = client.get("/tasks/new.json").json()
    given: dict[str, Any] = {"text": json.dumps(pairs), "model": tiny.MODEL, "task": "My quotes"}
    assert client.post("/import/check", data=given).json()["faults"] == []
    kept = client.post("/import", data=given)
    assert kept.status_code == 201 and kept.json()["form"] == "prompt-pairs"
    assert client.get(f"{kept.json()['url']}.json").json()["title"] == "My quotes"
    broken: dict[str, Any] = {**given, "text": json.dumps({"prompts": [{"clean": "a"}, 3]})}
    assert len(client.post("/import/check", data=broken).json()["faults"]) == 2


def test_token_ids_are_read_as_they_are_written() -> None:
    ids = TokenIds(20)
    assert ids.encode(ids.decode([3, 0, 19])) == [3, 0, 19]
    with pytest.raises(InputError, match="no token 20"):
        ids.encode("⟨20⟩")
    with pytest.raises(InputError, match="is none"):
        ids.encode("⟨2⟩ x")


def test_a_model_without_means_can_be_looked_at_but_says_what_it_lacks(tmp_path: Path) -> None:
    subject = load_subject(RELEASED / "sparse_nosink")
    assert isinstance(subject.means, MissingMeans) and isinstance(subject.tokenizer, TokenIds)
    with pytest.raises(InputError, match="not computed yet"):
        subject.means["0.attn.q"]


def test_a_models_own_text_is_the_same_for_a_seed_and_starts_anywhere() -> None:
    model = load_model(RELEASED / "sparse_nosink")
    first = own_windows(model, 4, 6)
    assert first.shape == (4, 6) and torch.equal(first, own_windows(model, 4, 6))
    assert not torch.equal(first, own_windows(model, 4, 6, seed=1))


def test_json_of_strangers_is_bounded_and_values_are_told_apart() -> None:
    assert depth_of('[{"a": "]]]]\\"["}]') == 2
    with pytest.raises(InputError, match="levels deep"):
        parse("[" * 65 + "]" * 65)
    with pytest.raises(InputError, match="twice"):
        parse('{"a": 1, "a": 2}')
    with pytest.raises(InputError, match="no number"):
        parse("[NaN]")
    with pytest.raises(InputError, match="has no nodes"):
        read_replication({}, tiny.CONFIG)
