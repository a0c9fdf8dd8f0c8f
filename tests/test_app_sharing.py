"""Short links lead to our own views alone; what someone makes stands in no list until they publish it; citations."""

import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.database import Database
from app.makers import Makers
from app.schemas.sharing import Citation, GalleryEntry, Publication, ShortLink
from app.store import Store
from app.tables import JobRow, MadeRow

NODE = "0.mlp.post_act:0"
NOTES: dict[str, Any] = {"title": "50% of {it} & more", "author": "Ada", "labels": {NODE: "reader"}}
HTML = {"accept": "text/html"}


def visitors(client: TestClient) -> tuple[TestClient, TestClient]:
    """Two more browsers on the same server, each with a cookie of its own."""
    return TestClient(client.app), TestClient(client.app)


def text_of(client: TestClient, path: str) -> str:
    response = client.get(path, headers=HTML)
    assert response.status_code == 200, response.text
    return response.text


@pytest.mark.both_engines
def test_what_one_visitor_makes_twice_at_once_is_made_once(database: Database) -> None:
    """Both requests saw no record yet."""
    makers = Makers(database)
    for _ in range(2):
        makers.note("ablations", "ab12", "ada", is_new=True)
    makers.note("ablations", "ab12", "bob", is_new=False)
    with database.reading() as session:
        assert sorted(session.scalars(select(MadeRow.maker))) == ["ada", "bob"]


# -- short links -----------------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_short_link_opens_its_view_for_ever(client: TestClient, circuit_id: str) -> None:
    path = f"/circuits/{circuit_id}?node={NODE}&cut={NODE}->1.attn.q:3&x=-1.5,2"
    made = client.post("/s", json={"path": path})
    again = client.post("/s", json={"path": path})
    assert (made.status_code, again.status_code) == (201, 200) and made.json() == again.json()
    link = ShortLink.model_validate(made.json())
    assert re.fullmatch(r"/s/[a-z2-7]{10}", link.url) and made.headers["location"] == link.url
    followed = client.get(link.url, follow_redirects=False)
    assert followed.status_code == 307 and followed.headers["location"] == path.replace(">", "%3E")
    assert client.get(f"{link.url}.json").json() == made.json()
    assert client.post("/s", json={"path": f"/circuits/{circuit_id}"}).json()["id"] != link.id


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/circuits/0123456789abcdef",
        "//evil.example/circuits",
        "///evil.example",
        "/\\evil.example",
        "/circuits\\..\\..",
        "/%2f%2fevil.example",
        "/.//evil.example",
        "/circuits/..",
        "/circuits#fragment",
        "/circuits?a b",
        "/circuits\r\nset-cookie: a=b",
        "/circuits\t",
        "javascript:alert(1)",
        "/static/boot.js",
        "/s/aaaaaaaaaa",
        "/nowhere",
        "circuits",
        "",
    ],
)
def test_no_short_link_leads_elsewhere(shared_client: TestClient, path: str) -> None:
    refused = shared_client.post("/s", json={"path": path})
    message = refused.json()["error"]["message"]
    assert refused.status_code == 422 and message.startswith("path is ") and "page of this server" in message


def test_a_short_link_to_what_is_not_there_is_refused(shared_client: TestClient) -> None:
    for path in (f"/circuits/{'f' * 16}", f"/ablations/{'f' * 64}", f"/annotations/{'f' * 16}"):
        assert shared_client.post("/s", json={"path": path}).status_code == 404
    assert shared_client.get("/s/aaaaaaaaaa").status_code == 404
    assert shared_client.post("/s", json={"path": "/"}).status_code in (200, 201)


# -- publishing ------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_notes_are_unlisted_until_their_maker_publishes_them(client: TestClient, circuit_id: str) -> None:
    ada, bob = visitors(client)
    made = ada.post(f"/circuits/{circuit_id}/annotations", json=NOTES).json()
    at = f"/annotations/{made['id']}/publication"

    def ids(browser: TestClient) -> list[str]:
        return [notes["id"] for notes in browser.get(f"/circuits/{circuit_id}/annotations.json").json()]

    assert ids(bob) == [] and ids(ada) == [made["id"]]
    assert made["id"] not in text_of(bob, f"/circuits/{circuit_id}")
    assert made["id"] not in bob.get("/annotations/nonsense.json").text, "a refusal names no unlisted record"
    assert bob.get(f"{made['url']}.json").json() == made, "its address opens it"
    assert bob.post(f"/circuits/{circuit_id}/annotations", json=NOTES).status_code == 200
    for ask in (bob.put(at, json={}), bob.delete(at), TestClient(client.app).put(at, json={})):
        assert ask.status_code == 403 and "was not made from this browser" in ask.json()["error"]["message"]
    stands = Publication.model_validate(ada.get(f"{at}.json").json())
    assert stands.yours and not stands.published

    shown = Publication.model_validate(ada.put(at, json={"title": "Readers"}).json())
    assert shown.published and shown.title == "Readers" and shown.published_at
    assert ids(bob) == [made["id"]] and made["id"] in bob.get("/annotations/nonsense.json").text
    [entry] = [GalleryEntry.model_validate(e) for e in bob.get("/gallery.json").json()]
    assert (entry.title, entry.url, entry.author, entry.circuit) == ("Readers", made["link"], "Ada", circuit_id)
    assert entry.about == f"1 label; on circuit {circuit_id[:8]}"
    assert "Readers" in text_of(bob, "/") and "Readers" in text_of(bob, "/gallery?kind=annotations")
    assert "Readers" not in text_of(bob, "/gallery?kind=circuits")
    assert not Publication.model_validate(bob.get(f"{at}.json").json()).yours

    assert not ada.delete(at).json()["published"]
    assert ids(bob) == [] and bob.get("/gallery.json").json() == []
    assert bob.get(f"{made['url']}.json").json() == made, "and still opens"


@pytest.mark.both_engines
def test_a_circuit_of_a_job_is_its_askers_to_publish(client: TestClient, circuit_id: str) -> None:
    ada, bob = visitors(client)
    model = client.get(f"/circuits/{circuit_id}.json").json()["model"]
    job = ada.post("/jobs", json={"model": model, "task": "single_double_quote"}).json()
    store: Store = client.app.state.store  # type: ignore[attr-defined]
    made = store.circuit(circuit_id).model_copy(update={"id": "f" * 16, "url": f"/circuits/{'f' * 16}"})
    made = made.model_copy(update={"created_at": made.created_at.replace(year=2999)})
    store.keep_circuit(made)
    with store.database.writing() as session:
        row = session.get(JobRow, job["id"])
        assert row is not None
        row.state, row.circuit = "done", made.id
    lists = ["/circuits.json", f"/models/{model}.json", "/tasks/single_double_quote.json", "/jobs.json"]
    for path in [*lists, "/frontier.json", f"/circuits/{'e' * 16}.json"]:
        assert made.id not in bob.get(path).text, path
    for path in ("/", "/circuits", "/jobs", "/frontier", f"/circuits/{circuit_id}", f"/models/{model}"):
        assert made.id not in text_of(bob, path), path
    for path in lists:
        assert made.id in ada.get(path).text, path
    assert "unlisted</span>" in text_of(ada, "/circuits") and made.id in text_of(ada, f"/circuits/{circuit_id}")
    assert [j["id"] for j in ada.get("/jobs.json").json()] == [job["id"]] and bob.get("/jobs.json").json() == []
    assert bob.get(f"{made.url}.json").status_code == 200
    assert bob.put(f"{made.url}/publication", json={}).status_code == 403
    assert ada.put(f"{made.url}/publication", json={"author": "Ada"}).json()["published"]
    assert made.id in bob.get("/circuits.json").text and made.id in bob.get("/gallery.json").text
    assert "unlisted</span>" not in text_of(ada, "/circuits")
    assert ada.delete(f"{made.url}/publication").json()["yours"]
    assert made.id not in bob.get("/circuits.json").text and made.id in ada.get("/circuits.json").text


def test_what_came_with_the_app_is_nobodys_and_listed(client: TestClient, circuit_id: str) -> None:
    found = Publication.model_validate(client.get(f"/circuits/{circuit_id}/publication.json").json())
    assert found.published and not found.yours and found.published_at is None
    assert client.delete(f"/circuits/{circuit_id}/publication").status_code == 403
    assert client.get(f"/circuits/{'f' * 16}/publication.json").status_code == 404
    wrong = client.get(f"/models/{circuit_id}/publication.json")
    assert wrong.status_code == 422 and "'circuits', 'annotations' or 'ablations'" in wrong.json()["error"]["message"]


@pytest.mark.both_engines
def test_a_claim_is_published_and_cited(client: TestClient, circuit_id: str) -> None:
    asked = {"target": {"kind": "circuit", "circuit": circuit_id}, "nodes": [NODE], "mode": "mean"}
    made = client.post("/ablations", json=asked).json()
    assert client.get("/gallery.json").json() == []
    assert client.put(f"{made['url']}/publication", json={}).json()["published"]
    [entry] = client.get("/gallery.json").json()
    assert entry["url"] == made["url"] and entry["title"].startswith(f"Setting {NODE} of the circuit to mean ")
    assert f"{made['loss_change_nats']['value']:+.3f} nats" in entry["about"]
    cited = Citation.model_validate(client.get(f"{made['url']}/citation.json").json())
    assert cited.url == f"http://testserver{made['url']}" and cited.model_fingerprint == made["model_fingerprint"]


def test_a_citation_names_what_never_changes(client: TestClient, circuit_id: str) -> None:
    circuit = client.get(f"/circuits/{circuit_id}.json").json()
    cited = Citation.model_validate(client.get(f"/circuits/{circuit_id}/citation.json").json())
    assert client.get(f"/circuits/{circuit_id}/citation.bib").text == cited.bibtex
    assert cited.bibtex.startswith(f"@misc{{sparsescope-circuit-{circuit_id[:8]},\n")
    for part in (circuit["model_fingerprint"], cited.version, cited.accessed.isoformat(), circuit_id):
        assert part in cited.text and part in cited.bibtex
    made = client.post(f"/circuits/{circuit_id}/annotations", json=NOTES).json()
    notes = client.get(f"/annotations/{made['id']}/citation.json").json()
    assert "title = {{50\\% of \\{it\\} \\& more}}" in notes["bibtex"] and "author = {{Ada}}" in notes["bibtex"]
    assert notes["url"].endswith(made["link"]) and "50% of {it} & more" in notes["text"]
    assert notes["bibtex"].count("{") - notes["bibtex"].count("\\{") == (
        notes["bibtex"].count("}") - notes["bibtex"].count("\\}")
    )
    assert client.get(f"/circuits/{'f' * 16}/citation.bib").status_code == 404
    assert json.loads(client.get(f"/circuits/{circuit_id}/citation.json").text)["bibtex"] == cited.bibtex
