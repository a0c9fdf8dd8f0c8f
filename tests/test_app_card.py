"""The card over HTTP: controls computed and kept, what is missing, the verdict, a job, and cards that ship."""

import json
import math
import shutil
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import tiny
from app import cli, shuffled
from app.card_parts import CardParts
from app.card_seeds import recipe, shared_counts
from app.cards import CONTROLS, PRUNED
from app.database import Database
from app.jobs import Report
from app.library import Shelf
from app.main import create_app
from app.pruning import circuit_record
from app.schemas import CardRequest, CircuitDetail, Job, Provenance
from app.schemas import PruneSettings as WireSettings
from app.schemas.annotations import AnnotatedCircuit
from app.schemas.card import Card, CardFile, CardJob, CardPart, RandomCircuits, ShuffledLabels
from app.tables import CardPartRow
from conftest import tiny_settings
from model.calibrate import Calibration
from model.circuit import Circuit
from model.prune_settings import PruneSettings
from model.sites import Node
from model.tasks import TASKS
from ordered import ordered_circuit

HTML = {"accept": "text/html"}
NOW = [name for name in CONTROLS if name not in PRUNED]


@pytest.fixture(scope="module")
def ordered(shared_client: TestClient) -> CircuitDetail:
    """A circuit of seven nodes with a pruning order: small enough to be quick."""
    subject = shared_client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined]
    circuit = ordered_circuit(subject, 7, lr=0.4321, n_steps=4)
    shared_client.app.state.store.keep_circuit(circuit)  # type: ignore[attr-defined]
    return circuit


def card_of(client: TestClient, circuit_id: str) -> Card:
    return Card.model_validate_json(client.get(f"/circuits/{circuit_id}/card.json").text)


def test_what_is_missing_is_shown_as_missing_with_its_reason(client: TestClient, circuit_id: str) -> None:
    card = card_of(client, circuit_id)
    assert [m.control for m in card.missing] == list(CONTROLS) and card.parts == []
    assert {m.control for m in card.missing if m.by == "job"} == set(PRUNED)
    assert all(m.why for m in card.missing) and card.seeds.circuits == [] and card.seeds.why_none
    assert [finding.rule for finding in card.verdict.findings[:2]] == ["model_does_task", "sufficient"]
    page = client.get(f"/circuits/{circuit_id}/card", headers=HTML).text
    assert card.missing[0].why in page and "missing" in page
    whole = AnnotatedCircuit.model_validate_json(client.get(f"/circuits/{circuit_id}.json").text)
    assert whole.card == card, "its JSON says what is missing too"
    assert CircuitDetail.model_validate_json(client.get(f"/circuits/{circuit_id}.json").text).id == circuit_id


def test_each_cheap_control_is_computed_kept_and_shown(shared_client: TestClient, ordered: CircuitDetail) -> None:
    for name in NOW:
        first = shared_client.post(f"/circuits/{ordered.id}/card/{name}")
        assert first.status_code == 201, first.text
        again = shared_client.post(f"/circuits/{ordered.id}/card/{name}")
        assert again.status_code == 200 and again.json() == first.json(), "immutable"
        part = CardPart.model_validate(first.json())
        assert part.result.control == name and part.versions["torch"] and part.circuit == ordered.id
    card = card_of(shared_client, ordered.id)
    assert [m.control for m in card.missing] == list(PRUNED)
    page = shared_client.get(f"/circuits/{ordered.id}/card", headers=HTML).text
    for word in ("random circuits", "CPR", "CMD", "resample", "held-out pairs", card.verdict.sentence.split(":")[0]):
        assert word in page, word
    whole = AnnotatedCircuit.model_validate_json(shared_client.get(f"/circuits/{ordered.id}.json").text)
    assert whole.card == card, "it is in the circuit's JSON"
    random = next(p.result for p in card.parts if isinstance(p.result, RandomCircuits))
    assert random.n_draws == len(random.losses_nats) >= 30
    share = sum(loss <= random.circuit_loss_nats for loss in random.losses_nats) / random.n_draws
    assert random.share_at_most == share


def test_a_control_that_takes_a_prune_is_a_job(client: TestClient, circuit_id: str) -> None:
    refused = client.post(f"/circuits/{circuit_id}/card/shuffled_labels")
    assert refused.status_code == 409 and "POST /circuits/" in refused.json()["error"]["message"]
    assert client.post(f"/circuits/{circuit_id}/card/luck").status_code == 422
    assert client.post(f"/circuits/{'0' * 16}/card/necessity").status_code == 404
    answer = client.post(f"/circuits/{circuit_id}/card/jobs", json={"controls": ["shuffled_labels"], "n_steps": 3})
    assert answer.status_code == 202
    job = Job.model_validate(answer.json())
    assert job.request == CardRequest(circuit=circuit_id, controls=["shuffled_labels"], n_steps=3)
    assert circuit_id[:8] in client.get(job.url, headers=HTML).text
    assert circuit_id[:8] in client.get("/jobs", headers=HTML).text
    assert TestClient(client.app).get("/jobs.json").json() == [], "others' jobs stand in no list"
    assert client.post(answer.request.url.path, json={"controls": ["shuffled_labels"], "n_steps": 3}).status_code == 200


def test_as_many_steps_as_the_circuits_own_are_its_own_settings(shared_client: TestClient, circuit_id: str) -> None:
    cards = shared_client.app.state.cards  # type: ignore[attr-defined]
    own = PruneSettings().n_steps
    for asked, settled in ((own, None), (own + 1, None), (own - 1, own - 1), (None, None)):
        assert cards.check(circuit_id, CardJob(controls=["shuffled_labels"], n_steps=asked)).n_steps == settled


def test_a_job_prunes_with_shuffled_weights_and_labels(
    shared_client: TestClient, ordered: CircuitDetail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quick one first, marked as such; the card then prefers the one with the circuit's own settings."""
    monkeypatch.setattr(shuffled, "Settings", partial(PruneSettings, n_train_pairs=24, n_fresh_pairs=12))
    cards = shared_client.app.state.cards  # type: ignore[attr-defined]
    phases: list[str] = []

    class Quiet(Report):
        def __init__(self) -> None:
            pass

        def step(self, step) -> None:  # type: ignore[no-untyped-def]
            phases.append(step.phase)

        def should_stop(self) -> bool:
            return False

        def enough(self) -> bool:
            return False

    request = CardRequest(circuit=ordered.id, controls=["shuffled_weights", "shuffled_labels"], n_steps=2)
    assert cards.work(request, Quiet()) == ordered.id
    assert "shuffled weights, learning" in phases and "shuffled labels, calibrating" in phases
    quick = {p.result.control: p.result for p in card_of(shared_client, ordered.id).parts}
    assert [cards.has(ordered.id, "shuffled_labels", n) for n in (1, 2, 3, None)] == [True, True, False, False]
    for name in PRUNED:
        assert not quick[name].same_settings and quick[name].settings.n_steps == 2
        assert quick[name].measure.n_pairs == tiny.N_PAIRS
    assert quick["shuffled_labels"].full_model.accuracy.value == pytest.approx(0.5, abs=0.2)
    cards.work(request.model_copy(update={"n_steps": None, "controls": ["shuffled_labels"]}), Quiet())
    own = next(p.result for p in card_of(shared_client, ordered.id).parts if isinstance(p.result, ShuffledLabels))
    assert cards.has(ordered.id, "shuffled_labels", 3) and not cards.has(ordered.id, "shuffled_weights", None)
    assert own.same_settings and own.settings == ordered.provenance.settings


@pytest.mark.both_engines
def test_a_card_ships_with_its_circuit(tiny_bundle: Path, tmp_path: Path, circuit_id: str, database: Database) -> None:
    runner = CliRunner()
    bundle = {"SPARSESCOPE_BUNDLE_DIR": str(tiny_bundle), "SPARSESCOPE_N_MEASURED_PAIRS": "4"}
    arguments = ["card", circuit_id, "--out", str(tmp_path / "cards"), "--data-dir", str(tmp_path / "data")]
    result = runner.invoke(cli.app, [*arguments, "--device", "cpu", "--control", "necessity"], env=bundle)
    assert result.exit_code == 0, result.output
    written = CardFile.model_validate_json((tmp_path / "cards" / f"{circuit_id}.json").read_bytes())
    assert [part.result.control for part in written.parts] == ["necessity"] and written.circuit == circuit_id
    assert f"{circuit_id} necessity:" in result.output
    fresh = ["card", "all", "--out", str(tmp_path / "cards"), "--data-dir", str(tmp_path / "fresh"), "--device", "cpu"]
    result = runner.invoke(cli.app, [*fresh, "--control", "necessity", "--control", "calibration"], env=bundle)
    assert result.exit_code == 0 and "necessity:" not in result.output and "calibration:" in result.output
    again = CardFile.model_validate_json((tmp_path / "cards" / f"{circuit_id}.json").read_bytes())
    assert again.parts[0] == written.parts[0], "what lies there is kept"
    assert [part.result.control for part in again.parts] == ["necessity", "calibration"]
    written = again
    parts = CardParts(database)
    (tmp_path / "cards" / "broken.json").write_text("{}")
    assert [parts.import_bundle(tmp_path / "cards") for _ in range(2)] == [2, 0]
    assert parts.of_circuit(circuit_id) == written.parts
    kept = written.parts[0]
    assert parts.keep(kept.model_copy(update={"elapsed_s": 99.0})) == parts.get(kept.id) == kept, "the first one stays"


def test_a_bundled_card_is_there_from_the_start(tiny_bundle: Path, tmp_path: Path, circuit_id: str) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, bundle)
    with TestClient(create_app(tiny_settings(bundle, tmp_path / "a"))) as client:
        part = client.post(f"/circuits/{circuit_id}/card/necessity").json()
    (bundle / "cards").mkdir()
    shipped = {"format": "sparsescope-card/1", "circuit": circuit_id, "parts": [part]}
    (bundle / "cards" / f"{circuit_id}.json").write_text(json.dumps(shipped))
    with TestClient(create_app(tiny_settings(bundle, tmp_path / "b"))) as client:
        assert card_of(client, circuit_id).parts == [CardPart.model_validate(part)]


def test_a_control_of_an_earlier_version_is_measured_again(client: TestClient, circuit_id: str) -> None:
    """Its record lacks what is said now; nothing that reads the card stumbles over it."""
    url = f"/circuits/{circuit_id}/card/random_circuits"
    part = CardPart.model_validate(client.post(url).json())
    old = part.model_dump(mode="json")
    del old["result"]["calibration"]
    parts: CardParts = client.app.state.cards.parts  # type: ignore[attr-defined]
    with parts.database.writing() as session:
        session.get_one(CardPartRow, part.id).record = json.dumps(old)
    assert card_of(client, circuit_id).parts == []
    again = client.post(url)
    assert again.status_code == 201
    assert [p.result for p in card_of(client, circuit_id).parts] == [part.result]


def test_a_calibrated_circuit_is_compared_like_with_like(shared_client: TestClient) -> None:
    """Scale and shift change no f; each ablation and each random circuit is refitted; what the empty circuit can do
    under its best scale and shift stands beside."""
    subject = shared_client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined]
    bare = Circuit.of(subject.fingerprint, tiny.TASK, [Node("0.mlp.act_in", 3), Node("1.mlp.post_act", 5)])
    provenance = Provenance(
        method="prune", settings=WireSettings(), n_steps_run=0, elapsed_s=0, calibration=None, curve=[], versions={}
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = {}
    for name, circuit in (("plain", bare), ("scaled", bare.calibrated(Calibration(3.0, -0.5)))):
        record = circuit_record(subject, TASKS[tiny.TASK], circuit, provenance, n_pairs=8)
        shared_client.app.state.store.keep_circuit(record)  # type: ignore[attr-defined]
        found[name] = {
            control: shared_client.post(f"/circuits/{record.id}/card/{control}").json()["result"]
            for control in ("calibration", "random_circuits", "ablation_modes", "faithfulness", "elsewhere")
        }
    plain, scaled = found["plain"], found["scaled"]
    assert plain["faithfulness"] == scaled["faithfulness"]
    assert [one["random_circuits"]["calibration"] for one in (plain, scaled)] == ["none", "refitted"]
    assert [one["elsewhere"]["calibration"] for one in (plain, scaled)] == ["none", "own"]
    assert plain["ablation_modes"]["uncalibrated"] is None
    assert scaled["ablation_modes"]["uncalibrated"] == {
        m: plain["ablation_modes"][m] for m in ("mean", "zero", "resample")
    }
    assert max(scaled["random_circuits"]["losses_nats"]) <= max(plain["random_circuits"]["losses_nats"])
    alone, beside = scaled["calibration"], plain["calibration"]
    assert alone["scale"] == 3 and beside["scale"] is None and alone["uncalibrated_circuit"] == beside["circuit"]
    for name in ("empty_circuit", "refitted_empty_circuit", "full_model"):
        assert alone[name] == beside[name]
    loss = {name: alone[name]["loss_nats"]["value"] for name in ("empty_circuit", "refitted_empty_circuit")}
    assert loss["refitted_empty_circuit"] <= min(math.log(2) + 0.01, loss["empty_circuit"])


def test_another_recipe_is_not_another_seed(tmp_path: Path) -> None:
    """The dense twin of a model has its shape and family, and is no repeat of it."""

    def shelf(**training: object) -> Shelf:
        return Shelf("x", tmp_path, tiny.CONFIG, {}, {"density": 0.05, "n_steps": 4000, **training}, [], {})

    assert recipe(shelf(seed=0, elapsed_s=366)) == recipe(shelf(seed=1, elapsed_s=685))
    assert recipe(shelf(seed=0)) != recipe(shelf(seed=0, density=1.0))


def test_shared_counts_by_hand() -> None:
    assert shared_counts(Counter(a=2, b=1), Counter(a=1, c=1)) == pytest.approx(1 / 4)
    assert shared_counts(Counter(a=2), Counter(a=2)) == 1 and shared_counts(Counter(a=1), Counter(b=1)) == 0


def test_other_seeds_of_pruning_are_found(shared_client: TestClient, ordered: CircuitDetail) -> None:
    """The smaller keeps the first five of the same order: five shared of seven."""
    subject = shared_client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined]
    other = ordered_circuit(subject, 5, lr=0.4321, n_steps=4, seed=9)
    shared_client.app.state.store.keep_circuit(other)  # type: ignore[attr-defined]
    seeds = card_of(shared_client, ordered.id).seeds
    (found,) = [seed for seed in seeds.circuits if seed.circuit == other.id]
    assert found.seed_of == "pruning" and found.overlap == pytest.approx(5 / 7) and seeds.why_none is None
