"""Every page renders, has its JSON twin, and carries the headers that keep it its own."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import tiny
from app import pages
from app.assets import FOLDER, version
from app.schemas import CircuitDetail, Job

HTML = {"accept": "text/html"}


class Links(HTMLParser):
    """What a page names: `links`, every href and src; `ids`, what a fragment may point at."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.links |= {value for name in ("href", "src") if (value := given.get(name)) is not None}


@pytest.fixture
def ablation_url(shared_client: TestClient, circuit_id: str) -> str:
    body = {"target": {"kind": "circuit", "circuit": circuit_id}, "nodes": ["0.mlp.post_act:0"], "n_pairs": 4}
    return str(shared_client.post("/ablations", json=body).json()["url"])


@pytest.fixture
def job_url(shared_client: TestClient) -> str:
    return Job.model_validate(shared_client.post("/jobs", json={"model": tiny.MODEL, "task": tiny.TASK}).json()).url


def test_every_page_renders_and_has_a_twin(
    shared_client: TestClient, circuit_id: str, ablation_url: str, job_url: str
) -> None:
    paths = [
        f"/models/{tiny.MODEL}", "/tasks", f"/tasks/{tiny.TASK}", "/circuits", f"/circuits/{circuit_id}",
        ablation_url, "/jobs", job_url,
    ]  # fmt: skip
    for path in paths:
        page = shared_client.get(path, headers=HTML)
        assert page.status_code == 200, (path, page.text)
        assert page.headers["content-type"] == "text/html; charset=utf-8" and "<title>" in page.text
        twin = shared_client.get(f"{path}.json")
        assert twin.status_code == 200 and twin.headers["content-type"] == "application/json", path
    home = shared_client.get("/", headers=HTML)
    assert home.status_code == 200 and circuit_id in home.text
    assert [model["name"] for model in shared_client.get("/models.json").json()] == [tiny.MODEL]
    model_target = {"kind": "model", "model": tiny.MODEL, "task": tiny.TASK}
    record = shared_client.post("/ablations", json={"target": model_target, "nodes": ["0.attn.q:0"], "n_pairs": 4})
    assert shared_client.get(record.json()["url"], headers=HTML).status_code == 200


def test_every_link_leads_somewhere(
    shared_client: TestClient, circuit_id: str, ablation_url: str, job_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes long to make is made small; it is opened all the same."""
    monkeypatch.setattr("app.offline.MOST_NODES", 2)
    monkeypatch.setattr("app.offline.N_PAIRS", 4)
    monkeypatch.setattr("app.programs.N_TRAIN", 12)
    monkeypatch.setattr("model.program.simplify.MOST_CHANGES", 1)
    seen: set[str] = set()
    waiting = {"/", ablation_url, job_url, f"/circuits/{circuit_id}"}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        response = shared_client.get(path, headers=HTML)
        assert response.status_code == 200, path
        saved = "attachment" in response.headers.get("content-disposition", "")  # whole, with the library inside
        if response.headers["content-type"].startswith("text/html") and not saved:
            page = Links(response.text)
            assert all(link.startswith(("/", "#", "?", "http://", "https://")) for link in page.links), (
                path,
                page.links,
            )
            assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids, path
            opened = {link.split("#")[0].split("?node=")[0] for link in page.links if link.startswith("/")}
            waiting |= opened - seen
    assert {"/docs", "/openapi.json", "/tasks", f"/models/{tiny.MODEL}"} <= seen


def test_the_api_page_names_every_request(shared_client: TestClient) -> None:
    page = shared_client.get("/docs", headers=HTML).text
    for path in shared_client.get("/openapi.json").json()["paths"]:
        assert path in page


def test_lists_by_task_and_model(client: TestClient, circuit_id: str) -> None:
    for query in (f"?task={tiny.TASK}", f"?model={tiny.MODEL}", f"?task={tiny.TASK}&model={tiny.MODEL}"):
        assert [c["id"] for c in client.get(f"/circuits.json{query}").json()] == [circuit_id]
        assert circuit_id in client.get(f"/circuits{query}", headers=HTML).text
    assert client.get("/circuits.json?task=for_while").json() == []


def test_a_model_tells_its_shape_and_its_training(shared_client: TestClient) -> None:
    model = shared_client.get(f"/models/{tiny.MODEL}.json").json()
    assert model["n_nodes"] == tiny.N_NODES == 2 * (16 + 3 * 16 + 16 + 16 + 24 + 16)
    assert model["n_nonzero"] == model["n_weights"] == 2 * 600 * 16 + 2 * (4 * 16 * 16 + 2 * 16 * 24)
    assert model["training"]["betas"] == "0.9, 0.95"
    (point,) = model["training_curve"]
    assert (point["step"], point["val_generated_nats"], point["n_nonzero"]) == (1, 6.4, 4000)


def test_headers_that_keep_a_page_its_own(shared_client: TestClient) -> None:
    for path in ("/", "/models.json", "/static/icon.svg", "/nothing"):
        headers = shared_client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; style-src 'self' 'sha256-")
        assert policy.replace("style-src-attr 'unsafe-inline'", "").count("unsafe") == 0  # Plotly sets style attributes
        assert headers["x-content-type-options"] == "nosniff"


def test_pages_ask_no_other_host_for_anything(shared_client: TestClient, circuit_id: str) -> None:
    for path in ("/", f"/circuits/{circuit_id}", f"/models/{tiny.MODEL}"):
        text = shared_client.get(path, headers=HTML).text
        loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
        assert loaded and not [url for url in loaded if url.startswith(("http", "//"))]


def test_what_does_not_change_is_not_sent_twice(shared_client: TestClient, circuit_id: str, ablation_url: str) -> None:
    """A circuit is asked for each time while its card may still grow; an ablation never changes."""
    kept = {f"/circuits/{circuit_id}.json": "no-cache", f"{ablation_url}.json": "public, max-age=3600"}
    for path, how in kept.items():
        first = shared_client.get(path)
        assert first.headers["cache-control"] == how
        again = shared_client.get(path, headers={"if-none-match": f'"x", {first.headers["etag"]}'})
        assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == first.headers["etag"]
        assert shared_client.get(path, headers={"if-none-match": '"x"'}).status_code == 200


def test_large_answers_are_compressed(shared_client: TestClient, circuit_id: str) -> None:
    response = shared_client.get(f"/circuits/{circuit_id}.json", headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert CircuitDetail.model_validate(response.json()).id == circuit_id


def test_plotly_comes_from_the_package(shared_client: TestClient) -> None:
    response = shared_client.get("/vendor/plotly/plotly.min.js")
    assert response.status_code == 200 and len(response.content) > 1_000_000
    assert response.headers["cache-control"] == "public, max-age=86400"


def test_plotly_is_kept_for_ever_under_its_version_and_no_page_waits_for_it(
    shared_client: TestClient, circuit_id: str
) -> None:
    pages = {path: shared_client.get(path, headers=HTML).text for path in (f"/circuits/{circuit_id}", "/", "/frontier")}
    named = {path: re.findall(r'<meta name="plotly" content="([^"]+)">', text) for path, text in pages.items()}
    [source] = named["/"]
    assert all(found == [source] for found in named.values())
    kept = shared_client.get(source)
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable" and len(kept.content) > 1_000_000
    assert kept.headers["content-encoding"] == "gzip"
    assert not any(f'href="{source}"' in text or f'src="{source}"' in text for text in pages.values())


def test_scripts_are_asked_for_anew(shared_client: TestClient) -> None:
    first = shared_client.get("/static/icon.svg")
    assert first.headers["cache-control"] == "no-cache"
    assert shared_client.get("/static/icon.svg", headers={"if-none-match": first.headers["etag"]}).status_code == 304


def test_scripts_under_their_version_are_kept_for_ever_and_others_are_not(shared_client: TestClient) -> None:
    page = shared_client.get("/", headers={"accept": "text/html"}).text
    path = re.findall(r'src="(/static/~[0-9a-f]{12}/chrome\.js)"', page)[0]
    kept = shared_client.get(path, headers={"accept-encoding": "gzip"})
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-encoding"] == "gzip" and kept.text == (FOLDER / "chrome.js").read_text()
    plain = shared_client.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == kept.content
    old = shared_client.get("/static/~000000000000/chrome.js")
    assert old.headers["cache-control"] == "no-cache" and old.content == kept.content
    assert shared_client.get("/static/~000000000000/no.js").status_code == 404


def test_the_version_of_scripts_changes_with_any_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.js").write_text("1")
    moments = iter(range(100))
    monkeypatch.setattr("app.assets.time.monotonic", lambda: next(moments))
    first = version(tmp_path)
    assert version(tmp_path) == first
    (tmp_path / "a.js").write_text("10")
    second = version(tmp_path)
    (tmp_path / "b.js").write_text("")
    assert len({first, second, version(tmp_path)}) == 3


def test_filters() -> None:
    assert [pages.nats(x) for x in (0.14159, -0.5, None)] == ["0.142", "−0.500", "–"]
    assert pages.count(12345) == "12,345"
    assert [pages.percent(x) for x in (0.938, 0.00521, 0, 1)] == ["93.8%", "0.52%", "0.0%", "100.0%"]
    assert pages.visible(" a\n\tb") == "·a⏎→b"
    text = json.dumps({"a": "</script><b>&"})
    assert "<" not in pages.script_json(text) and json.loads(pages.script_json(text)) == json.loads(text)
