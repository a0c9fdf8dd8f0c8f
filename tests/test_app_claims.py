"""An ablation as a claim: its page, run again to be reproduced or found out, copied and run elsewhere."""

import json
import subprocess
import sys

import httpx
import pytest
from fastapi.testclient import TestClient

from app.schemas import Ablation, CircuitDetail
from app.schemas.lab import AblationCheck
from asked import MODEL, done, on
from conftest import Server


def check(client: TestClient, record: Ablation) -> AblationCheck:
    response = client.post(f"{record.url}/checks")
    assert response.status_code == 200, response.text
    return AblationCheck.model_validate_json(response.text)


def test_a_claim_is_reproduced_with_all_its_figures(
    client: TestClient, circuit: CircuitDetail, weightiest: list[str]
) -> None:
    record = done(client, circuit, on(weightiest[0], "steer", t=0.2), on(weightiest[1], "resample"))
    found = check(client, record)
    assert found.verdict == "reproduced" and found.differences == [] and found.notes == []
    assert found.n_figures > 200 and found.largest_difference <= found.tolerance_nats == 1e-4
    assert "same kind of device (cpu)" in found.tolerance_reason
    assert found.versions_then == found.versions_now and found.versions_now["device"] == "cpu"


def test_a_figure_that_was_changed_is_found_out(
    client: TestClient, circuit: CircuitDetail, weightiest: list[str]
) -> None:
    record = done(client, circuit, on(weightiest[0]), on(weightiest[1]))
    store = client.app.state.store  # type: ignore[attr-defined]
    forged = record.after.loss_nats.model_copy(update={"value": record.after.loss_nats.value + 0.01})
    after = record.after.model_copy(update={"loss_nats": forged})
    store.keep_ablation(record.model_copy(update={"id": "f" * 16, "url": f"/ablations/{'f' * 16}", "after": after,
                                                  "pairs_fingerprint": "0" * 64}))  # fmt: skip
    found = AblationCheck.model_validate_json(client.post(f"/ablations/{'f' * 16}/checks").text)
    assert found.verdict == "drifted" and [d.figure for d in found.differences] == ["after.loss_nats.value"]
    assert found.differences[0].difference == pytest.approx(-0.01, abs=1e-6)
    assert found.notes == ["the task's pairs of this seed are no longer those that were measured"]


def test_other_weights_or_none_are_refused(client: TestClient, circuit: CircuitDetail) -> None:
    record = done(client, MODEL, on("0.mlp"))
    store = client.app.state.store  # type: ignore[attr-defined]
    for number, (change, says) in enumerate([
        ({"model_fingerprint": "0" * 64}, "but the model of that name here has"),
        ({"model": "gone"}, "which is not here; there are: tiny"),
    ]):  # fmt: skip
        store.keep_ablation(record.model_copy(update={"id": f"{number:016d}"} | change))
        response = client.post(f"/ablations/{number:016d}/checks")
        assert response.status_code == 409 and says in response.json()["error"]["message"]


def test_a_record_of_the_first_version_still_opens_and_is_checked(client: TestClient, circuit: CircuitDetail) -> None:
    nodes = [circuit.nodes[0].id, circuit.nodes[3].id]
    record = done(client, circuit, *map(on, nodes)).model_dump(mode="json")
    new = ("estimate", "interplay", "steering", "corpus", "pairs_fingerprint")
    old = {name: value for name, value in record.items() if name not in new} | {"id": "e" * 16}
    del old["versions"]["device"], old["request"]["interventions"]
    for pair in old["changed"]:
        del pair["tokens"]
    client.app.state.store.keep_ablation(Ablation.model_validate(old))  # type: ignore[attr-defined]
    page = client.get(f"/ablations/{'e' * 16}", headers={"accept": "text/html"})
    assert page.status_code == 200 and nodes[0] in page.text
    found = AblationCheck.model_validate_json(client.post(f"/ablations/{'e' * 16}/checks").text)
    assert found.verdict == "reproduced" and found.tolerance_nats == 5e-3
    assert found.notes == ["the record is of an earlier version, which did not keep which pairs were measured"]


def test_the_page_of_a_claim_says_all_that_it_rests_on(
    client: TestClient, circuit: CircuitDetail, weightiest: list[str]
) -> None:
    record = done(client, circuit, on(weightiest[0], "steer", t=0.2), on("1.mlp", "zero"), seed=3)
    page = client.get(record.url, headers={"accept": "text/html"}).text
    for fact in (
        record.model_fingerprint,
        circuit.id[:8],
        record.task,
        "seed",
        "1.mlp",
        "steer",
        record.versions["torch"],
    ):
        assert fact in page


def test_the_script_and_the_line_of_a_shell_run(tiny_server: Server, circuit_id: str) -> None:
    asked = {"target": {"kind": "circuit", "circuit": circuit_id}, "n_pairs": 8,
             "interventions": [on("0.mlp.post_act:0", "patch"), on("1.attn.h0", "value", value=-0.25)]}  # fmt: skip
    record = httpx.post(f"{tiny_server.url}/ablations", json=asked, timeout=60).json()
    script = httpx.get(f"{tiny_server.url}{record['url']}.py", timeout=60).text
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert f"-> {record['after']['loss_nats']['value']:.4f} nats, 8 pairs" in ran.stdout and "reproduced" in ran.stdout
    line = httpx.get(f"{tiny_server.url}{record['url']}.sh", timeout=60).text
    shell = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert json.loads(shell.stdout) == record
