"""Answers that are kept: sent again as they were while they are right, to those they were made for, and never after."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import tiny
from app import revision
from app.database import Database
from app.job_claims import Claims
from app.kept import PATTERNS, Answer, Kept, Shelf
from app.main import create_app
from app.queue import Queue
from app.schemas import JobProgress, PruneRequest, StepEvent
from app.tables import TaskRow
from conftest import tiny_settings
from test_app_access import routes

PAGE = {"accept": "text/html"}


def browser(client: TestClient) -> TestClient:
    """Another, with a cookie of its own."""
    return TestClient(client.app)


def count(database: Database) -> int:
    with database.asking() as connection:
        return revision.standing(connection, "").revision


def counted(client: TestClient) -> int:
    return count(client.app.state.database)  # type: ignore[attr-defined]


def test_who_has_a_page_is_not_sent_it_again(client: TestClient, circuit_id: str) -> None:
    for path in ("/", f"/circuits/{circuit_id}", f"/models/{tiny.MODEL}", "/circuits.json", "/guide/browse"):
        first = client.get(path, headers=PAGE)
        tag = first.headers["etag"]
        assert first.status_code == 200 and first.headers["cache-control"].startswith("private"), path
        again = client.get(path, headers=PAGE | {"if-none-match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-security-policy" in again.headers and "x-request-id" in again.headers
        other = browser(client).get(path, headers=PAGE)
        assert (other.status_code, other.text) == (200, first.text), "all who made nothing see the same"
        assert "set-cookie" in other.headers, "and are told apart nonetheless"
        assert client.get(path, headers=PAGE | {"if-none-match": '"other"'}).text == first.text
        plain = client.get(path, headers=PAGE | {"accept-encoding": "identity"})
        assert plain.text == first.text and "content-encoding" not in plain.headers


def test_a_page_is_made_anew_when_what_it_shows_has_changed(client: TestClient, circuit_id: str) -> None:
    page = f"/circuits/{circuit_id}"
    ada, bob = browser(client), browser(client)
    before = {path: bob.get(path, headers=PAGE).text for path in ("/gallery", "/circuits", page)}
    notes = ada.post(f"{page}/annotations", json={"title": "Mine alone", "labels": {"0.mlp.post_act:0": "reader"}})
    assert "Mine alone" in ada.get(page, headers=PAGE).text
    assert bob.get(page, headers=PAGE).text == before[page], "nobody else's list has it"
    ada.put(f"/annotations/{notes.json()['id']}/publication", json={"title": "For all"}).raise_for_status()
    assert "For all" in bob.get("/gallery", headers=PAGE).text
    ada.delete(f"/annotations/{notes.json()['id']}/publication").raise_for_status()
    assert bob.get("/gallery", headers=PAGE).text == before["/gallery"]
    node = ada.get(f"{page}.json").json()["nodes"][0]["id"]
    fork = ada.post(f"{page}/forks", json={"drop": [node]}).json()["url"]
    assert fork in ada.get("/circuits", headers=PAGE).text
    assert bob.get("/circuits", headers=PAGE).text == before["/circuits"]


def test_a_model_that_was_written_to_is_read_again(tmp_path: Path) -> None:
    tiny.write_bundle(tmp_path / "bundle")
    card = tmp_path / "bundle" / "models" / tiny.MODEL / "card.json"
    with TestClient(create_app(tiny_settings(tmp_path / "bundle", tmp_path / "data"))) as client:
        assert client.get("/models.json").json()[0]["title"] == "Tiny"
        card.write_text(card.read_text().replace("Tiny", "Renamed"))
        os.utime(card, ns=(1, 1))
        assert client.get("/models.json").json()[0]["title"] == "Renamed"
        assert "Renamed" in client.get("/", headers=PAGE).text


def test_refusals_are_not_kept_and_figures_are_gathered_by_the_route(client: TestClient, circuit_id: str) -> None:
    ids = {client.get("/circuits/0123456789abcdef.json").json()["error"]["request_id"] for _ in range(3)}
    assert len(ids) == 3
    for _ in range(3):
        client.get(f"/circuits/{circuit_id}", headers=PAGE)
    kept = 'sparsescope_requests_total{method="GET",route="/circuits/{circuit_id}",status="200"} 3.0'
    assert kept in client.get("/metrics").text


def test_who_is_signed_in_has_pages_of_their_own(tmp_path: Path, tiny_bundle: Path) -> None:
    token = "a token that is long enough"
    with TestClient(create_app(tiny_settings(tiny_bundle, tmp_path / "data", token=token))) as client:
        assert "Sign out" not in client.get("/", headers=PAGE).text
        shown = PAGE | {"authorization": f"Bearer {token}"}
        assert "Sign out" in client.get("/", headers=shown).text
        assert "Sign out" not in client.get("/", headers=PAGE).text


def test_a_page_that_many_ask_for_at_once_is_made_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue, made = client.app.state.catalogue, []  # type: ignore[attr-defined]
    featured = catalogue.featured_circuits
    monkeypatch.setattr(catalogue, "featured_circuits", lambda reader: made.append(reader) or featured(reader))
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda _: client.get("/", headers=PAGE).text, range(24)))
    assert len(set(texts)) == 1 and len(made) == 1


def kept_of(client: TestClient) -> Kept:
    """The layer that keeps answers, wherever it stands among the others."""
    layer: Any = client.app.middleware_stack  # type: ignore[attr-defined]
    while not isinstance(layer, Kept):
        layer = layer.app
    return layer


def test_what_can_never_be_asked_for_again_is_let_go(client: TestClient, circuit_id: str) -> None:
    shelf = kept_of(client).shelf
    for path in ("/", "/gallery", f"/circuits/{circuit_id}"):
        client.get(path, headers=PAGE).raise_for_status()
    assert len(shelf.answers) == 3 and shelf.n_bytes == sum(answer.n_bytes for answer in shelf.answers.values())
    client.post(f"/circuits/{circuit_id}/annotations", json={"title": "New", "labels": {}}).raise_for_status()
    client.get("/gallery", headers=PAGE).raise_for_status()
    [left] = shelf.answers.values()
    assert shelf.n_bytes == left.n_bytes


def test_only_addresses_of_routes_are_kept(client: TestClient) -> None:
    assert {path for _, path in routes(client)} >= PATTERNS


def test_the_shelf_forgets_what_was_not_asked_for_longest() -> None:
    shelf = Shelf(40_000)
    for name in "abcd":
        shelf.put(name, Answer([], b"x" * 9_000, "", None))
    assert shelf.get("a") is not None and shelf.n_bytes == 40_000
    shelf.put("e", Answer([], b"x" * 9_000, "", None))
    assert list(shelf.answers) == ["c", "d", "a", "e"] and shelf.n_bytes == 40_000
    shelf.put("f", Answer([], b"x" * 10_000, "", None))
    assert "f" not in shelf.answers, "one answer has no more than a quarter"


# -- the count -------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_what_pages_do_not_show_is_not_counted(database: Database) -> None:
    queue, claims = Queue(database), Claims(database)
    before = count(database)
    job = queue.add(PruneRequest(model="tiny", task=tiny.TASK), "ada")
    assert claims.claim("worker") is not None
    step = StepEvent(step=1, n_steps=9, phase="learning", loss_nats=1, n_nodes=1, n_edges=None, elapsed_s=1)
    claims.report(job.id, "worker", step, JobProgress(step=1, n_steps=9, phase="learning", elapsed_s=1, eta_s=None))
    claims.seen("worker", "here")
    assert count(database) == before
    claims.finish(job.id, "worker", "done", circuit="0123456789abcdef")
    assert count(database) == before + 1, "whoever asked for it has it in their lists now"


def test_a_cut_is_not_counted_until_it_is_published(client: TestClient, circuit_id: str) -> None:
    node = client.get(f"/circuits/{circuit_id}.json").json()["nodes"][0]["id"]
    before = counted(client)
    cut: dict[str, Any] = {"target": {"kind": "circuit", "circuit": circuit_id}, "nodes": [node], "n_pairs": 4}
    made = client.post("/ablations", json=cut).json()["id"]
    assert counted(client) == before
    client.put(f"/ablations/{made}/publication", json={}).raise_for_status()
    assert counted(client) == before + 1
    client.delete(f"/ablations/{made}/publication").raise_for_status()
    assert counted(client) == before + 2


@pytest.mark.both_engines
def test_writers_at_once_are_all_counted(database: Database) -> None:
    before, at = count(database), datetime.now(UTC)

    def write(n: int) -> None:
        row = TaskRow(id=f"t{n}", title="", question="", language="python", model="", pairs="", created_at=at)
        with database.writing() as session:
            session.add(row)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    assert count(database) == before + 12
