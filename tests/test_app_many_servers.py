"""Several servers behind one store, and a store that goes away."""

from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.exc import OperationalError

import tiny
from app.main import create_app
from app.queue import Event
from app.routes.jobs import LAST_EVENT
from app.schemas import Job
from app.settings import Settings
from conftest import TINY, serving
from lasting import post_task
from postgres import Cluster
from test_app_annotations import WRITTEN
from test_app_serving import QUICK, events


def test_two_servers_on_one_database_see_each_others_work(
    tiny_bundle: Path, settings: Settings, postgresql: Cluster, circuit_id: str
) -> None:
    """One is a process of its own and works; the other is here and only serves."""
    url = postgresql.fresh()
    here = create_app(settings.model_copy(update={"database_url": url}))
    with serving(tiny_bundle, settings.data_dir, **TINY, DATABASE_URL=url) as works, TestClient(here) as serves:
        body = {"model": tiny.MODEL, "task": post_task(works.url), "settings": QUICK}
        job = Job.model_validate(serves.post("/jobs", json=body).json())
        seen = list(events(works, job))
        assert [data["state"] for _, kind, data in seen if kind == "state"] == ["queued", "running", "done"]
        streamed = serves.get(job.events_url).text
        assert [line[4:] for line in streamed.splitlines() if line.startswith("id: ")] == [str(id) for id, _, _ in seen]
        done = Job.model_validate(seen[-1][2])
        circuit = httpx.get(f"{works.url}/circuits/{done.circuit}.json", timeout=60).json()
        assert serves.get(f"/circuits/{done.circuit}.json").json() == circuit
        kept = httpx.post(f"{works.url}/circuits/{circuit_id}/annotations", json=WRITTEN, timeout=60).json()
        assert serves.get(f"{kept['url']}.json").json() == kept, "unlisted, and opened by its address"


def test_a_store_that_goes_away_is_said_and_comes_back(settings: Settings, postgresql: Cluster) -> None:
    url = postgresql.fresh()
    name = conninfo_to_dict(url)["dbname"]
    app = create_app(settings.model_copy(update={"database_url": url}))
    with TestClient(app) as client, psycopg.connect(postgresql.url("postgres"), autocommit=True) as admin:
        assert client.get("/jobs.json").json() == []
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        away = client.get("/jobs.json")
        assert away.status_code == 503 and away.headers["retry-after"] == "5"
        assert away.json()["error"]["message"].startswith("the store does not answer just now")
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
        assert client.get("/jobs.json").json() == []


@pytest.mark.both_engines
def test_a_text_that_no_database_holds_is_refused(client: TestClient, circuit_id: str) -> None:
    assert client.get("/circuits/%00.json").status_code in (404, 422)
    assert client.get(f"/circuits/{circuit_id}.json", params={"notes": "\x00"}).status_code in (404, 422)
    assert client.get("/tasks/%00.json").status_code in (404, 422)


@pytest.mark.both_engines
def test_a_stream_ends_in_order_when_its_store_goes_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = Job.model_validate(client.post("/jobs", json={"model": tiny.MODEL, "task": tiny.TASK}).json())
    for given, status in ((str(LAST_EVENT + 1), 422), (str(10**30), 422), ("-1", 422)):
        assert client.get(job.events_url, headers={"last-event-id": given}).status_code == status
    queue = client.app.state.queue  # type: ignore[attr-defined]
    events, asked = queue.events, []

    def away(job_id: str, after: int) -> list[Event]:
        asked.append(after)
        if len(asked) > 1:
            raise OperationalError("SELECT", {}, Exception("the server closed the connection"))
        return list(events(job_id, after))

    monkeypatch.setattr(queue, "events", away)
    seen = client.get(job.events_url).text
    assert '"state":"queued"' in seen and "the store does not answer" in caplog.text
    monkeypatch.setattr(queue, "events", events)
    client.post(f"{job.url}/cancel")
    rest = client.get(job.events_url, headers={"last-event-id": str(asked[-1])}).text
    assert '"state":"cancelled"' in rest and '"state":"queued"' not in rest
    assert '"state":"cancelled"' in client.get(job.events_url, headers={"last-event-id": str(LAST_EVENT)}).text
