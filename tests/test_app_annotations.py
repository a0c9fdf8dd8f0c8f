"""Notes on circuits: kept once under an id from their content, sent with the circuit, refused in one sentence."""

import html
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.schemas import AnnotatedCircuit, Annotation, AnnotationSummary
from app.store import Store

pytestmark = pytest.mark.both_engines

HTML = {"accept": "text/html"}
NODE = "0.mlp.post_act:0"
OTHER = "0.mlp.post_act:3"
EVIL = "<img src=x onerror=alert(1)>"
WRITTEN: dict[str, Any] = {
    "title": "How the quote closes",
    "author": "Ada",
    "labels": {NODE: "quote detector"},
    "notes": {OTHER: "Fires on the opening quote."},
    "groups": [{"name": "readers", "nodes": [NODE, OTHER]}],
    "story": [{"view": f"?node={NODE}", "sentence": "Look here first."}, {"view": "", "sentence": "Then at all."}],
}


def keep(client: TestClient, circuit_id: str, **changes: Any) -> Annotation:
    response = client.post(f"/circuits/{circuit_id}/annotations", json=WRITTEN | changes)
    assert response.status_code in (200, 201), response.text
    return Annotation.model_validate_json(response.text)


def test_the_same_notes_have_one_record_for_ever(client: TestClient, circuit_id: str) -> None:
    first = client.post(f"/circuits/{circuit_id}/annotations", json=WRITTEN)
    again = client.post(f"/circuits/{circuit_id}/annotations", json=WRITTEN)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() and first.headers["location"] == first.json()["url"]
    kept = Annotation.model_validate(first.json())
    assert kept.link == f"/circuits/{circuit_id}?notes={kept.id}" and kept.circuit == circuit_id
    assert client.get(f"{kept.url}.json").json() == first.json()
    assert keep(client, circuit_id, labels={NODE: "another word"}).id != kept.id


def test_a_revision_names_the_one_it_was_edited_from(client: TestClient, circuit_id: str) -> None:
    first = keep(client, circuit_id)
    second = keep(client, circuit_id, title="Better", parent=first.id)
    assert second.parent == first.id and second.id != first.id
    assert keep(client, circuit_id).parent is None, "the first is as it was"
    listed = client.get(f"/circuits/{circuit_id}/annotations.json").json()
    assert [AnnotationSummary.model_validate(a).id for a in listed] == [second.id, first.id]


def test_notes_travel_with_the_circuits_json(client: TestClient, circuit_id: str, tmp_path: Path) -> None:
    kept = keep(client, circuit_id)
    plain = client.get(f"/circuits/{circuit_id}.json").json()
    text = client.get(f"/circuits/{circuit_id}.json?notes={kept.id}").text
    carried = AnnotatedCircuit.model_validate_json(text)
    assert carried.annotation == kept and "annotation" not in plain
    assert json.loads(text) == plain | {"annotation": json.loads(kept.model_dump_json())}

    store: Store = client.app.state.store  # type: ignore[attr-defined]
    store.database.migrate()
    (tmp_path / "circuits").mkdir()
    other = carried.model_copy(update={"id": "e" * 16})
    moved = kept.model_copy(update={"id": "d" * 16, "circuit": other.id})
    (tmp_path / "circuits" / "c.json").write_text(other.model_copy(update={"annotation": moved}).model_dump_json())
    assert store.import_bundle(tmp_path / "circuits") == 1
    assert store.annotation_of(other.id, moved.id) == moved and store.circuit(other.id).nodes == carried.nodes


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"labels": {"9.mlp.post_act:1": "x"}}, 404, "'9.mlp.post_act:1' in labels is not a node of circuit"),
        ({"notes": {"9.mlp.post_act:1": "x"}}, 404, "'9.mlp.post_act:1' in notes is not a node of circuit"),
        ({"groups": [{"name": "g", "nodes": ["9.attn.q:1"]}]}, 404, "'9.attn.q:1' in group 'g' is not a node of"),
        ({"labels": {"quote": "x"}}, 422, "a name in labels is 'quote'; it must be a node, like 3.mlp.post_act:117"),
        ({"labels": {NODE: "x" * 81}}, 422, f"labels.{NODE} is 81 characters; it must have at most 80 characters"),
        ({"notes": {NODE: "x" * 2_001}}, 422, "is 2,001 characters; it must have at most 2,000 characters"),
        ({"labels": {NODE: "  "}}, 422, f"labels.{NODE} is"),
        ({"title": ""}, 422, "title is empty; it must have at least 1 character"),
        ({"labels": {f"0.attn.q:{i}": "x" for i in range(501)}}, 422, "labels is 501 items; it must have at most 500"),
        ({"story": [{"view": "", "sentence": "x"}] * 501}, 422, "story is 501 items; it must have at most 500 items"),
        ({"story": [{"view": "javascript:x", "sentence": "x"}]}, 422, "it must be empty or a page's query, like"),
        ({"groups": [{"name": "g", "nodes": []}] * 2}, 422, "groups has 'g' twice; each group needs a name of its own"),
        ({"colour": "red"}, 422, "colour is not a field of this request"),
        ({"parent": "f" * 16}, 404, "no annotation 'ffffffffffffffff'"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_in_a_sentence(
    shared_client: TestClient, circuit_id: str, changes: dict[str, Any], status: int, says: str
) -> None:
    response = shared_client.post(f"/circuits/{circuit_id}/annotations", json=WRITTEN | changes)
    assert response.status_code == status, response.text
    message = response.json()["error"]["message"]
    assert says in message and "\n" not in message and len(message) < 400


def test_notes_of_nothing_there_are_refused(client: TestClient, circuit_id: str) -> None:
    unknown = client.post(f"/circuits/{'f' * 16}/annotations", json=WRITTEN)
    assert unknown.status_code == 404 and "no circuit 'ffffffffffffffff'" in unknown.json()["error"]["message"]
    assert client.get(f"/circuits/{circuit_id}?notes=nonsense").status_code == 404
    assert client.get(f"/circuits/{circuit_id}.json?notes=nonsense").status_code == 404
    assert client.get(f"/circuits/{'f' * 16}/annotations.json").status_code == 404
    kept = keep(client, circuit_id)
    store: Store = client.app.state.store  # type: ignore[attr-defined]
    store.keep_circuit(store.circuit(circuit_id).model_copy(update={"id": "f" * 16}))
    of_another = client.get(f"/circuits/{'f' * 16}.json?notes={kept.id}")
    assert of_another.status_code == 404 and f"circuit {'f' * 16} has: none" in of_another.json()["error"]["message"]


def test_notes_and_story_read_as_tables_and_never_become_markup(client: TestClient, circuit_id: str) -> None:
    kept = keep(
        client, circuit_id, title=EVIL, author=EVIL, labels={NODE: EVIL}, notes={NODE: EVIL},
        groups=[{"name": EVIL, "nodes": [NODE]}], story=[{"view": "?node=x\"><b>", "sentence": EVIL}],
    )  # fmt: skip
    page = client.get(kept.link, headers=HTML).text
    assert "<img src=x" not in page and 'x"><b>' not in page
    assert page.count(html.escape(EVIL)) >= 6
    for testid in ("notes-table", "story-list", "groups-list", "revisions"):
        assert f'data-testid="{testid}"' in page
    assert f"{html.escape(kept.link)}&amp;step=1" in page
    assert "notes-table" not in client.get(f"/circuits/{circuit_id}", headers=HTML).text
    assert client.get(kept.url, follow_redirects=False).headers["location"] == kept.link


def test_the_tour_is_given_on_the_smallest_bundled_quote_circuit(client: TestClient, circuit_id: str) -> None:
    store: Store = client.app.state.store  # type: ignore[attr-defined]
    store.keep_circuit(store.circuit(circuit_id).model_copy(update={"id": "f" * 16, "n_nodes": 1}))
    home = client.get("/", headers=HTML).text
    assert f'href="/circuits/{circuit_id}?tour=1"' in home, "the smaller one did not come with the app"
