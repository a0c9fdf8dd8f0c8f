"""What whoever runs a server sees of it: health, readiness, numbers, a log of objects, one id through all of them."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

import tiny
from app.database import Database
from app.logs import JsonLines, log_as
from app.main import create_app
from app.settings import Settings
from app.tables import WorkerRow

PAGE = {"accept": "text/html"}


@pytest.fixture
def quiet(client: TestClient) -> TestClient:
    """Answers with 500 where another client would raise."""
    return TestClient(client.app, raise_server_exceptions=False)


def numbers(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def labelled(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_requests_are_counted_by_the_pattern_of_their_route(client: TestClient, circuit_id: str) -> None:
    for path in (f"/circuits/{circuit_id}.json", "/circuits/none.json", "/nothing", "/a/b", "/static/api.js"):
        client.get(path)
    client.request("BREW", "/nothing")
    found = numbers(client)
    name, route = "sparsescope_requests_total", "/circuits/{circuit_id}.json"
    assert found[name, labelled(method="GET", route=route, status="200")] == 1
    assert found[name, labelled(method="GET", route=route, status="404")] == 1
    assert found[name, labelled(method="GET", route="none", status="404")] == 2
    assert found[name, labelled(method="OTHER", route="none", status="404")] == 1
    assert found["sparsescope_request_seconds_count", labelled(method="GET", route=route)] == 2
    assert found["sparsescope_request_seconds_sum", labelled(method="GET", route=route)] > 0


def test_jobs_workers_and_models_are_counted(client: TestClient) -> None:
    before = numbers(client)
    assert before["sparsescope_jobs", labelled(state="queued")] == 0
    assert before["sparsescope_queue_oldest_seconds", labelled()] == 0
    client.post("/jobs", json={"model": tiny.MODEL, "task": tiny.TASK})
    client.app.state.library.subject(tiny.MODEL)  # type: ignore[attr-defined]
    after = numbers(client)
    assert after["sparsescope_jobs", labelled(state="queued")] == 1
    assert after["sparsescope_queue_oldest_seconds", labelled()] > 0
    assert after["sparsescope_models_loaded", labelled()] == 1 and after["sparsescope_store_up", labelled()] == 1
    assert after["sparsescope_workers_alive", labelled()] == 0
    assert after["process_resident_memory_bytes", labelled()] > 1e7


def test_memory_of_the_gpu_is_counted_where_there_is_one(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    used, total = "sparsescope_gpu_memory_used_bytes", "sparsescope_gpu_memory_total_bytes"
    assert not {used, total} & {name for name, _ in numbers(client)}
    monkeypatch.setattr("app.metrics.memory_in_use", lambda device: (3, 8))
    found = numbers(client)
    assert (found[used, labelled()], found[total, labelled()]) == (3, 8)


def test_a_server_is_ready_once_a_worker_lives(client: TestClient) -> None:
    not_yet = client.get("/readyz")
    assert not_yet.status_code == 503
    assert {check["name"]: check["ok"] for check in not_yet.json()["checks"]} == {
        "store": True, "migrations": True, "worker": False
    }  # fmt: skip
    database: Database = client.app.state.database  # type: ignore[attr-defined]
    with database.writing() as session:
        session.add(WorkerRow(id="w", host="h", seen_at=datetime.now(UTC)))
    assert client.get("/readyz").status_code == 200
    with database.writing() as session:
        session.connection().exec_driver_sql("update alembic_version set version_num = '0001'")
    stale = client.get("/readyz")
    assert stale.status_code == 503 and "the tables are at 0001" in stale.text
    assert client.get("/healthz").status_code == 200, "it is up all the same"


def test_a_store_that_does_not_answer_is_not_ready(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        database: Database = client.app.state.database  # type: ignore[attr-defined]
        with database.writing() as session:
            session.connection().exec_driver_sql("drop table workers")
        answer = client.get("/readyz")
        assert answer.status_code == 503 and str(settings.data_dir) not in answer.text
        assert numbers(client)["sparsescope_store_up", labelled()] == 0


def test_a_request_has_one_id_everywhere(quiet: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("at /srv/secret")

    quiet.app.state.queue.all = broken  # type: ignore[attr-defined]
    caplog.set_level(logging.INFO)
    lines: list[str] = []
    handler = logging.StreamHandler(
        type("Into", (), {"write": lambda _, text: lines.append(text), "flush": lambda _: None})()
    )
    handler.setFormatter(JsonLines())
    logging.getLogger().addHandler(handler)
    try:
        answer = quiet.get("/jobs.json")
        page = quiet.get("/jobs.json".removesuffix(".json"), headers=PAGE | {"x-request-id": "given-by-a-proxy"})
    finally:
        logging.getLogger().removeHandler(handler)
    request_id = answer.headers["x-request-id"]
    assert answer.status_code == 500 and answer.json()["error"]["request_id"] == request_id
    assert "content-security-policy" in answer.headers, "an error's page is kept to itself too"
    logged = [json.loads(line) for line in lines]
    of_it = [line for line in logged if line.get("request_id") == request_id]
    assert any("RuntimeError: at /srv/secret" in line.get("traceback", "") for line in of_it)
    assert any((line.get("status"), line.get("path")) == (500, "/jobs.json") for line in of_it)
    assert page.headers["x-request-id"] == "given-by-a-proxy" and "given-by-a-proxy" in page.text
    assert "/srv" not in answer.text + page.text


@pytest.mark.parametrize("forged", ["short", "x" * 65, "a b c d e f", "<script>1</script>"])
def test_an_id_that_is_none_is_replaced(shared_client: TestClient, forged: str) -> None:
    given = shared_client.get("/nothing", headers={"x-request-id": forged}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", given)


@pytest.fixture
def logging_kept() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.handlers[:], root.level = handlers, level


def test_the_log_is_sentences_or_objects(logging_kept: None, capsys: pytest.CaptureFixture[str]) -> None:
    log_as("json")
    logging.getLogger("app").warning("half of %d", 4)
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "app", "half of 4")
    assert datetime.fromisoformat(line["time"]).tzinfo is not None
    log_as("text")
    logging.getLogger("app").warning("half of %d", 4)
    assert capsys.readouterr().err == "WARNING:     half of 4\n"


def test_an_answer_past_the_limit_is_not_sent(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"max_answer_bytes": 100}))
    with TestClient(app) as client:
        answer = client.get("/models.json")
        assert answer.status_code == 413 and "at most 100 are sent" in answer.json()["error"]["message"]
        assert client.get("/static/api.js").status_code == 200, "a file is as large as it is"
