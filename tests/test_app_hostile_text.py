"""What people write stays text wherever it is shown, and no answer holds a path of the server."""

import ast
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tiny
from app.main import create_app
from conftest import tiny_settings
from test_app_access import routes

PAGE = {"accept": "text/html"}
#: Would be an element with an attribute, if it ever were markup; or a name, if it ever were code.
MARKS = ("<x-evil onx=evil_name>", "</script><x-evil onx=evil_name>", "--><x-evil onx=evil_name>")
AROUND = st.text(st.sampled_from("\"'`<>&;/=\\{}%#-!\n\r\t ax]"), max_size=6)
#: With quotes of both kinds, templates of two kinds, letters that turn the line round, and none of them too long.
HOSTILE = tuple(f"\"'>{mark}{{{{7*7}}}}${{7*7}}\u202e`&#60;" for mark in MARKS)
#: Ways out of a comment or a string of Python.
CODE = (
    '"""\nevil_name()\n"""',
    "'\nevil_name()\n'",
    "\nevil_name()",
    "\revil_name()",
    "\x0cevil_name()",
    "\u2028evil_name()",
)


class Elements(HTMLParser):
    """Fails on the mark as an element or an attribute; what a script holds, a browser reads to its end tag."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "x-evil" and "onx" not in dict(attrs), self.get_starttag_text()


def check_page(text: str) -> None:
    Elements().feed(text)
    for block in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S):
        json.loads(block)


def written(node: str, text: str) -> dict[str, Any]:
    label = " ".join(text.split())[:60]
    return {
        "title": label, "author": label, "labels": {node: label}, "notes": {node: text},
        "groups": [{"name": label, "nodes": [node]}], "story": [{"view": "", "sentence": text}],
    }  # fmt: skip


def kept(client: TestClient, circuit_id: str, text: str) -> str:
    node = client.get(f"/circuits/{circuit_id}.json").json()["nodes"][-1]["id"]
    answer = client.post(f"/circuits/{circuit_id}/annotations", json=written(node, text))
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def test_notes_never_become_markup(shared_client: TestClient, circuit_id: str) -> None:
    for text in HOSTILE:
        notes = kept(shared_client, circuit_id, text)
        pages = [f"/circuits/{circuit_id}", f"/embed/circuits/{circuit_id}"]
        for page in [*pages, f"/circuits/{circuit_id}/program"] if text == HOSTILE[0] else pages:
            answer = shared_client.get(page, params={"notes": notes}, headers=PAGE)
            assert answer.status_code == 200
            check_page(answer.text)
        publication = f"/annotations/{notes}/publication"
        assert shared_client.put(publication, json={"title": text, "author": text}).status_code == 200
    for page in ("/gallery", "/"):
        shown = shared_client.get(page, headers=PAGE).text
        check_page(shown)
        assert "evil_name" in shown


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(text=st.builds(lambda before, mark, after: before + mark + after, AROUND, st.sampled_from(HOSTILE), AROUND))
def test_what_is_asked_for_never_becomes_markup(shared_client: TestClient, circuit_id: str, text: str) -> None:
    """Refusals repeat what they were given, and so does the address in a page's preview."""
    for path, query in {
        "/circuits": {"task": text}, f"/models/{tiny.MODEL}": {"search": text[:60]}, f"/models/{quote(text)}": {},
        f"/circuits/{circuit_id}": {"notes": text}, f"/circuits/{circuit_id}/rules": {"rule": text},
        "/frontier": {"task": text}, "/compare": {"a": text, "b": text}, "/sign-in": {"next": text}, "/": {"x": text},
    }.items():  # fmt: skip
        check_page(shared_client.get(path, params=query, headers=PAGE).text)
    run = shared_client.post(f"/circuits/{circuit_id}/runs", json={"prompt": text})
    assert run.headers["content-type"] == "application/json" and run.headers["x-content-type-options"] == "nosniff"


def test_tasks_never_become_markup(shared_client: TestClient) -> None:
    marks = "".join(MARKS)
    prompts = [
        {"clean": f"{marks}{n} = 'a", "corrupt": f'{marks}{n} = "a', "answers": ["'"], "wrong_answers": ['"']}
        for n in range(80)
    ]
    body = {"title": HOSTILE[0], "question": marks, "model": tiny.MODEL, "pairs": {"prompts": prompts}}
    answer = shared_client.post("/tasks", json=body)
    assert answer.status_code in (200, 201), answer.text
    for page in ("/tasks", answer.json()["url"], "/import", f"/models/{tiny.MODEL}"):
        text = shared_client.get(page, headers=PAGE).text
        check_page(text)
        assert "/tasks" not in page or "evil_name" in text


def test_a_circuit_and_a_model_that_bring_hostile_words_show_them_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Titles, tokens and prompts come from files that others made: pages, frames, pictures and saved pages."""
    monkeypatch.setattr("app.offline.MOST_NODES", 1)
    monkeypatch.setattr("app.offline.N_PAIRS", 2)
    tiny.write_bundle(tmp_path / "bundle")
    card = tmp_path / "bundle" / "models" / tiny.MODEL / "card.json"
    words = {"title": HOSTILE[0], "description": HOSTILE[1], "family": HOSTILE[2], "known_failures": list(HOSTILE)}
    card.write_text(json.dumps(json.loads(card.read_text()) | words))
    path = next((tmp_path / "bundle" / "circuits").glob("*.json"))
    path.write_text(json.dumps(renamed(json.loads(path.read_text()))))
    with TestClient(create_app(tiny_settings(tmp_path / "bundle", tmp_path / "data"))) as client:
        at = f"/circuits/{path.stem}"
        pages = [
            "/",
            "/circuits",
            at,
            f"{at}/card",
            f"/embed{at}",
            f"/models/{tiny.MODEL}",
            "/frontier",
            f"{at}/program",
        ]
        for page in [*pages, f"/compare?a={path.stem}&b={path.stem}", f"{at}/exports/html"]:
            text = client.get(page, headers=PAGE).text
            check_page(text)
            assert "evil_name" in text, page
        picture = client.get(f"{at}/exports/svg")
        root = ElementTree.fromstring(picture.text)
        assert not [e for e in root.iter() if e.tag.endswith("x-evil") or "onx" in e.attrib]
        assert client.get(f"{at}/preview.png").status_code == 200


def renamed(value: Any, key: str = "") -> Any:
    """A circuit's record with hostile words wherever it has words of people or of a tokeniser."""
    if isinstance(value, dict):
        return {name: renamed(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, key) for inner in value]
    if key in ("task_title", "token"):
        return HOSTILE[0]
    return f"{HOSTILE[1]}{value}" if key == "prompts" else value


def test_labels_in_a_program_stay_comments(shared_client: TestClient, circuit_id: str) -> None:
    node = shared_client.get(f"/circuits/{circuit_id}.json").json()["nodes"][-1]["id"]
    for code in CODE:
        given_ = {"title": "t", "labels": {node: f"a{code}"[:60]}, "notes": {node: code}}
        answer = shared_client.post(f"/circuits/{circuit_id}/annotations", json=given_)
        if answer.status_code == 422:
            continue  # a label of one line takes no other
        program = shared_client.get(f"/circuits/{circuit_id}/program.py", params={"notes": answer.json()["id"]}).text
        names = {n.id for n in ast.walk(ast.parse(program)) if isinstance(n, ast.Name)}
        assert "evil_name" not in names, code


# -- paths -----------------------------------------------------------------------------------


def asked(client: TestClient, circuit_id: str) -> Iterator[tuple[str, str]]:
    """Every route with ids that exist, and with ids that do not."""
    nodes = [node["id"] for node in client.get(f"/circuits/{circuit_id}.json").json()["nodes"]]
    real = {
        "circuit_id": circuit_id, "node_id": nodes[0], "name": tiny.MODEL, "model": tiny.MODEL, "task": tiny.TASK,
        "kind": "circuits", "record_id": circuit_id, "n_nodes": "3", "layer": "0", "head": "0", "neuron": "0",
        "channel_id": "0", "form": "released", "slug": "browse",
    }  # fmt: skip
    for method, path in routes(client):
        if path.endswith("/events") or "/card/" in path:
            continue
        for given_ in (real, {}, dict.fromkeys(real, "..%2f..%2fetc%2fpasswd")):
            yield method, re.sub(r"{([^}]*)}", lambda found, given_=given_: given_.get(found[1], "zz"), path)


def test_no_answer_holds_a_path_of_the_server(shared_client: TestClient, tiny_bundle: Path, circuit_id: str) -> None:
    data_dir = shared_client.app.state.settings.data_dir  # type: ignore[attr-defined]
    secret = [str(data_dir), str(tiny_bundle), sys.prefix, str(Path(__file__).parent.parent), "site-packages"]
    n_asked = 0
    for method, path in asked(shared_client, circuit_id):
        body = {} if method in ("GET", "HEAD") else {"json": {"model": "/etc", "task": "../x"}}
        for headers in ({}, PAGE):
            answer = shared_client.request(method, path, headers=headers, follow_redirects=False, **body)  # type: ignore[arg-type]
            n_asked += 1
            assert answer.status_code < 500 or path == "/readyz", (method, path, answer.text[:300])
            for word in secret:
                assert word.encode() not in answer.content, (method, path, word)
                assert word not in str(dict(answer.headers)), (method, path, word)
    assert n_asked > 400
