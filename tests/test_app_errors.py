"""Every bad request is answered 4xx with one sentence that names what was wrong and what there is."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

import tiny

NODE = "0.mlp.post_act:0"


def refused(response: Any, status: int) -> str:
    """The message of a refusal, whose shape is checked."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["error"] and sorted(body["error"]) == ["message", "request_id", "status"]
    assert body["error"]["request_id"] == response.headers["x-request-id"]
    assert body["error"]["status"] == status
    message = body["error"]["message"]
    assert "\n" not in message and "Traceback" not in message and "/srv" not in message and "/tmp" not in message
    return str(message)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/models/gpt.json", "no model 'gpt'; there are: tiny"),
        ("/tasks/quotes.json", "no task 'quotes'; there are: bracket_brace, bracket_counting"),
        ("/circuits.json?task=quotes", "no task 'quotes'; there are: "),
        ("/circuits.json?model=gpt", "no model 'gpt'; there are: tiny"),
        ("/circuits/zzzz.json", "no circuit 'zzzz'; there are: "),
        ("/ablations/zzzz.json", "no ablation 'zzzz'; there are: "),
        ("/jobs/zzzz.json", "no job 'zzzz'; yours are listed at /jobs"),
        ("/jobs/zzzz/events", "no job 'zzzz'; yours are listed at /jobs"),
        ("/nothing", "there is nothing at /nothing"),
        ("/static/../app/main.py", "there is nothing at /app/main.py"),
        ("/static/%2e%2e/app/main.py", "there is nothing at /static/../app/main.py"),
        ("/models/..%2f..%2fetc.json", "there is nothing at /models/../../etc.json"),
    ],
)
def test_what_is_not_there_is_404_with_the_choices(shared_client: TestClient, path: str, says: str) -> None:
    assert says in refused(shared_client.get(path), 404)


def test_a_node_of_no_circuit_is_refused(shared_client: TestClient, circuit_id: str) -> None:
    nodes = f"/circuits/{circuit_id}/nodes"
    assert "is not a node; a node is written like" in refused(shared_client.get(f"{nodes}/quote.json"), 422)
    assert "no site '9.mlp.post_act'" in refused(shared_client.get(f"{nodes}/9.mlp.post_act:0.json"), 404)
    assert "has the nodes 0 to 23" in refused(shared_client.get(f"{nodes}/0.mlp.post_act:24.json"), 422)
    message = refused(shared_client.get(f"{nodes}/0.mlp.post_act:1.json"), 404)
    assert message.startswith(f"'0.mlp.post_act:1' is not a node of circuit {circuit_id}; it has: 0.attn.act_in:0")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"prompt": ""}, "prompt is empty; it must have at least 1 character"),
        ({"prompt": "x" * 20_001}, "prompt is 20,001 characters; it must have at most 20,000 characters"),
        ({"prompt": "(" * 200}, "tokens; this model reads at most 160"),
        (
            {"prompt": "x", "candidates": ["a b c", "')"]},
            "'a b c' is not one token here; it is 'a' + ' b'",
        ),
        ({"prompt": "x", "candidates": ["", "')"]}, "the candidate '' is not one token here; it is nothing"),
        ({"prompt": "x", "candidates": ["')"]}, "candidates[1] is missing"),
        ({"prompt": 3}, "prompt is 3; it must be text"),
        ({}, "prompt is missing"),
        ({"prompt": "x", "temperature": 1}, "temperature is not a field of this request"),
        ([], "the body is []; it must be an object"),
    ],
)
def test_a_prompt_that_cannot_be_run(shared_client: TestClient, circuit_id: str, body: Any, says: str) -> None:
    assert says in refused(shared_client.post(f"/circuits/{circuit_id}/runs", json=body), 422)


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"nodes": []}, 422, "the request sets nothing; give interventions, or nodes with a mode"),
        ({"nodes": ["quote"]}, 422, "nodes[0] is 'quote'; it must be a node, like 3.mlp.post_act:117"),
        ({"nodes": ["0.mlp.post_act:99"]}, 422, "no node '0.mlp.post_act:99'; 0.mlp.post_act has the nodes 0 to 23"),
        ({"nodes": ["0.mlp.post_act:1"]}, 404, "'0.mlp.post_act:1' is not a node of circuit"),
        ({"nodes": ["7.mlp.post_act:1"]}, 404, "no site '7.mlp.post_act'"),
        ({"mode": "resample"}, 422, "mode is 'resample'; it must be 'mean' or 'zero'"),
        ({"n_pairs": 0}, 422, "n_pairs is 0; it must be at least 1"),
        ({"n_pairs": 1000}, 422, "n_pairs is 1000; it must be at most 512"),
        ({"n_pairs": 1.5}, 422, "n_pairs is 1.5; it must be a whole number"),
        ({"seed": -1}, 422, "seed is -1; it must be at least 0"),
        ({"target": {"kind": "circuit", "circuit": "0" * 16}}, 404, "no circuit '0000000000000000'; there are: "),
        (
            {"target": {"kind": "circuit", "circuit": "x"}},
            422,
            "target.circuit is 'x'; it must be 16 hexadecimal",
        ),
        ({"target": {"kind": "model", "model": "gpt", "task": tiny.TASK}}, 404, "no model 'gpt'; there are: tiny"),
        ({"target": {"kind": "model", "model": "tiny", "task": "quotes"}}, 404, "no task 'quotes'; there are: "),
        ({"target": {"kind": "layer"}}, 422, "target"),
        ({"target": {}}, 422, "target is {}; it must be an object with a 'kind'"),
    ],
)
def test_a_cut_that_cannot_be_made(
    shared_client: TestClient, circuit_id: str, change: dict[str, Any], status: int, says: str
) -> None:
    body = {"target": {"kind": "circuit", "circuit": circuit_id}, "nodes": [NODE]} | change
    assert says in refused(shared_client.post("/ablations", json=body), status)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"n_steps": 0}, "settings.n_steps is 0; it must be at least 1"),
        ({"n_steps": 10**9}, "settings.n_steps is 1000000000; it must be at most 5000"),
        ({"lr": 0}, "settings.lr is 0; it must be more than 0"),
        ({"beta2": 1}, "settings.beta2 is 1; it must be less than 1"),
        ({"lr": "fast"}, "settings.lr is 'fast'; it must be a number"),
        ({"greedy": "perhaps"}, "settings.greedy is 'perhaps'; it must be true or false"),
        ({"speed": 9}, "settings.speed is not a field of this request"),
    ],
)
def test_settings_out_of_range(shared_client: TestClient, settings: dict[str, Any], says: str) -> None:
    body = {"model": "tiny", "task": tiny.TASK, "settings": settings}
    assert says in refused(shared_client.post("/jobs", json=body), 422)


def test_a_prune_of_nothing_there_is_refused(shared_client: TestClient) -> None:
    post = shared_client.post
    assert "no model 'gpt'" in refused(post("/jobs", json={"model": "gpt", "task": tiny.TASK}), 404)
    assert "no task 'quotes'" in refused(post("/jobs", json={"model": "tiny", "task": "quotes"}), 404)
    assert "model is '../x'" in refused(post("/jobs", json={"model": "../x", "task": tiny.TASK}), 422)
    assert "no job 'zzzz'; yours are listed at /jobs" in refused(post("/jobs/zzzz/cancel"), 404)


def test_a_body_that_is_not_json(shared_client: TestClient) -> None:
    as_json = {"content-type": "application/json"}
    message = refused(shared_client.post("/jobs", content=b'{"model": ', headers=as_json), 422)
    assert message.startswith("the body is not JSON: ")
    assert refused(shared_client.post("/jobs", headers=as_json), 422) == "the body is missing; send JSON"
    refused(shared_client.post("/jobs", content=b"\xff\xfe", headers=as_json), 422)
    deep = shared_client.post("/jobs", content=b"[" * 100_000, headers=as_json)
    assert refused(deep, 422) == "the body cannot be read as JSON"
    not_finite = b'{"model": "tiny", "task": "for_while", "settings": {"lr": NaN}}'
    refused(shared_client.post("/jobs", content=not_finite, headers=as_json), 422)


def test_a_body_past_the_limit_is_413_declared_or_not(shared_client: TestClient) -> None:
    body = b'{"prompt": "' + b"x" * 1_100_000 + b'"}'
    as_json = {"content-type": "application/json"}
    declared = shared_client.post("/ablations", content=body, headers=as_json)
    assert refused(declared, 413) == "the body is too large; at most 1,000,000 bytes are read"
    chunks = (body[i : i + 100_000] for i in range(0, len(body), 100_000))
    streamed = shared_client.post("/ablations", content=chunks, headers=as_json)
    assert refused(streamed, 413) == "the body is too large; at most 1,000,000 bytes are read"


def test_the_wrong_method_is_405(shared_client: TestClient) -> None:
    assert refused(shared_client.delete("/jobs"), 405) == "/jobs does not answer DELETE"


def test_a_browser_gets_a_page_and_a_program_json(shared_client: TestClient) -> None:
    page = shared_client.get("/models/<script>", headers={"accept": "text/html,*/*;q=0.8"})
    assert page.status_code == 404 and page.headers["content-type"].startswith("text/html")
    assert "<script>&" not in page.text and "no model &#39;&lt;script&gt;&#39;; there are: tiny" in page.text
    twin = shared_client.get("/models/gpt.json", headers={"accept": "text/html"})
    assert refused(twin, 404) == "no model 'gpt'; there are: tiny"


def test_posts_from_other_sites_are_refused(shared_client: TestClient) -> None:
    response = shared_client.post("/jobs/x/cancel", headers={"sec-fetch-site": "cross-site"})
    assert refused(response, 403) == "posts from another site's pages are refused"


def test_an_error_of_the_app_is_one_sentence(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("secret of /srv/data")

    monkeypatch.setattr(client.app.state.queue, "all", broken)  # type: ignore[attr-defined]
    quiet = TestClient(client.app, raise_server_exceptions=False)
    assert refused(quiet.get("/jobs.json"), 500) == "something went wrong on the server; its log says what"
