"""Sweeps: every part of a circuit in one request; those too large for one, refused, done as a job and found there."""

import csv
import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

import tiny
from app.artifacts import Artifacts
from app.checkpoints import Checkpoints
from app.database import Database
from app.job_claims import Claims
from app.jobs import Report, Stopped
from app.main import create_app
from app.queue import Queue
from app.schemas import CircuitDetail, Job, StepEvent
from app.schemas.lab import Sweep
from app.settings import Settings
from app.worker import Alive, Worker
from app.workplace import work_of
from asked import done, on, swept
from conftest import TINY, free_port, serving, tiny_settings, wait_for

ASKED = {"mode": "zero", "n_pairs": 4, "seed": 0}


def test_a_sweep_has_every_node_and_edge_largest_first(shared_client: TestClient, circuit: CircuitDetail) -> None:
    found = swept(shared_client, circuit, "mean")
    effects = {node.id: node.effect_nats for node in circuit.nodes}
    assert {node.node for node in found.nodes} == set(effects)
    for node in found.nodes:
        assert math.isclose(node.effect_nats.value, effects[node.node], abs_tol=1e-5)
        assert node.effect_nats.low <= node.effect_nats.value <= node.effect_nats.high
    assert {(e.source, e.target, e.weight) for e in found.edges} == {
        (e.source, e.target, e.weight) for e in circuit.edges
    }
    for parts in (found.nodes, found.edges):
        values = [part.effect_nats.value for part in parts]
        assert values == sorted(values, reverse=True)
    some = found.edges[0]
    single = done(shared_client, circuit, on(f"{some.source}->{some.target}"))
    assert math.isclose(single.loss_change_nats.value, some.effect_nats.value, abs_tol=1e-6)
    assert math.isclose(single.after.accuracy.value - single.before.accuracy.value, some.accuracy_change, abs_tol=1e-6)


def test_a_resampling_sweep_says_that_it_leaves_out_the_edges(
    shared_client: TestClient, circuit: CircuitDetail
) -> None:
    found = swept(shared_client, circuit, "resample")
    assert found.edges == [] and found.left_out is not None and found.left_out.startswith("edges: ")
    top = found.nodes[0]
    record = done(shared_client, circuit, on(top.node, "resample"))
    assert math.isclose(record.loss_change_nats.value, top.effect_nats.value, abs_tol=1e-5)


def test_the_table_of_a_sweep(shared_client: TestClient, circuit: CircuitDetail) -> None:
    found = swept(shared_client, circuit, "zero")
    answer = shared_client.get(f"{circuit.url}/sweeps.csv?mode=zero&n_pairs={tiny.N_PAIRS}")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["part"] for row in rows[: len(found.nodes)]] == [node.node for node in found.nodes]
    assert len(rows) == len(found.nodes) + len(found.edges)
    assert float(rows[0]["effect_nats"]) == found.nodes[0].effect_nats.value


def test_a_sweep_of_nothing_is_refused(shared_client: TestClient, circuit: CircuitDetail) -> None:
    assert shared_client.post("/circuits/zz/sweeps", json={}).status_code == 404
    refused = shared_client.post(f"{circuit.url}/sweeps", json={"mode": "steer"})
    assert refused.status_code == 422 and "mode is 'steer'; it must be 'mean', 'zero' or 'resample'" in refused.text


# -- too large for a request -----------------------------------------------------------------


@pytest.fixture
def bounded(settings: Settings) -> Settings:
    return settings.model_copy(update={"sweep_prompts_at_once": 100})


@pytest.fixture
def client(bounded: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(bounded)) as client:
        yield client


@contextmanager
def working(settings: Settings) -> Iterator[Worker]:
    """A worker in a thread of this process."""
    database = Database(settings.database)
    checkpoints = Checkpoints(Artifacts(settings.artifacts_address))
    alive = Alive(settings.data_dir / "workers")
    with Worker(Claims(database), work_of(settings, database), checkpoints, alive) as worker:
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield worker
        finally:
            worker.stop()
            thread.join()
    database.close()


def test_a_large_sweep_is_a_job_with_the_figures_of_a_small_one(
    client: TestClient, bounded: Settings, shared_client: TestClient, circuit_id: str
) -> None:
    at = f"/circuits/{circuit_id}/sweeps"
    refused = client.post(at, json=ASKED)
    assert refused.status_code == 409 and "and 100 are run within a request; ask for it as a job at" in refused.text
    assert client.get(f"{at}.csv", params=ASKED).status_code == 409
    answer = client.post(f"{at}/jobs", json=ASKED)
    assert answer.status_code == 202 and answer.headers["location"] == answer.json()["url"]
    job = Job.model_validate(answer.json())
    assert client.post(f"{at}/jobs", json=ASKED).json()["id"] == job.id, "joined"
    page = client.get(job.url, headers={"accept": "text/html"}).text
    assert f"Sweep of circuit {circuit_id[:8]}" in page
    assert "sweep of <a" in client.get("/jobs", headers={"accept": "text/html"}).text

    queue: Queue = client.app.state.queue  # type: ignore[attr-defined]
    with working(bounded):
        wait_for(lambda: queue.get(job.id).state == "done", 60)
    done = queue.get(job.id)
    assert done.state == "done" and done.circuit == circuit_id
    steps = [StepEvent.model_validate_json(e.data) for e in queue.events(job.id, after=0) if e.kind == "step"]
    found = Sweep.model_validate(client.post(at, json=ASKED).json())
    assert steps[0].phase == "cutting" and steps[-1].step == steps[-1].n_steps == len(found.nodes) + len(found.edges)
    small = Sweep.model_validate(shared_client.post(at, json=ASKED).json())
    for now, then in zip((*found.nodes, *found.edges), (*small.nodes, *small.edges), strict=True):
        assert now.effect_nats.value == pytest.approx(then.effect_nats.value, abs=1e-6)
    assert found.before == small.before
    assert client.get(f"{at}.csv", params=ASKED).text.count("\n") == 1 + steps[-1].n_steps


def test_a_sweep_that_is_cancelled_ends_and_keeps_nothing(
    client: TestClient, bounded: Settings, circuit_id: str
) -> None:
    job = Job.model_validate(client.post(f"/circuits/{circuit_id}/sweeps/jobs", json=ASKED).json())
    database = Database(bounded.database)
    claims = Claims(database)
    claim = claims.claim("me")
    assert claim is not None
    kept = client.post(f"{job.url}/stop")
    assert kept.status_code == 409 and "kept whole or not at all; cancel it" in kept.text
    assert client.post(f"{job.url}/cancel").json()["state"] == "cancelled"
    artifacts = Artifacts(bounded.artifacts_address)
    report = Report(claims, job.id, "me", threading.Event(), Checkpoints(artifacts))
    with pytest.raises(Stopped):
        work_of(bounded, database)(claim.request, report)
    database.close()
    assert artifacts.names("sweeps") == []


def test_artifacts_that_are_away_are_said(settings: Settings, circuit_id: str) -> None:
    away = {"artifacts": f"ftp://us:secret@127.0.0.1:{free_port()}/kept", "sweep_prompts_at_once": 100}
    with TestClient(create_app(settings.model_copy(update=away))) as client:
        answer = client.post(f"/circuits/{circuit_id}/sweeps", json=ASKED)
    assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
    assert answer.json()["error"]["message"].startswith("the place of the artifacts does not answer just now")


@pytest.mark.browser
def test_the_page_shows_a_large_sweep_as_a_job(
    browser: Browser, tiny_bundle: Path, tmp_path: Path, circuit_id: str
) -> None:
    settings = tiny_settings(tiny_bundle, tmp_path / "data", sweep_prompts_at_once=100)
    alone = TINY | {"SPARSESCOPE_WORKER": "false", "SPARSESCOPE_SWEEP_PROMPTS_AT_ONCE": "100"}
    with serving(tiny_bundle, settings.data_dir, **alone) as server:
        context = browser.new_context(base_url=server.url, viewport={"width": 1400, "height": 1000})
        page = context.new_page()
        page.set_default_timeout(90_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(f"/circuits/{circuit_id}?panel=cut")
        page.get_by_text("Every node and every edge, one by one").click()
        page.get_by_test_id("sweep-section").get_by_role("button", name="Measure all").click()
        expect(page.get_by_test_id("sweep-job").get_by_test_id("cancel-job")).to_be_visible(timeout=90_000)
        page.get_by_test_id("cancel-job").click()
        expect(page.get_by_test_id("job-state")).to_have_text("cancelled", timeout=90_000)
        page.get_by_test_id("sweep-section").get_by_role("button", name="Measure all").click()
        expect(page.get_by_test_id("job-state")).to_have_text("queued", timeout=90_000)
        with working(settings):
            expect(page.get_by_test_id("sweep-table")).to_be_visible(timeout=90_000)
        assert errors == []
        context.close()
