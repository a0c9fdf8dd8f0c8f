"""Reading is open, writing needs the token, computing has limits; no route is forgotten."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import tiny
from app import cli, deps, urls
from app.access import COMPUTES, COMPUTING_GETS, COOKIE, OPEN, SAFE, is_local
from app.allowance import Allowance
from app.main import create_app
from app.routes.sign_in import here
from app.settings import Settings
from model.errors import InputError
from test_app_annotations import WRITTEN

TOKEN = "correct horse battery"
BEARER = {"authorization": f"Bearer {TOKEN}"}
PAGE = {"accept": "text/html"}


def with_(settings: Settings, **more: Any) -> Settings:
    return Settings(**settings.model_dump() | more)


@pytest.fixture
def public(settings: Settings) -> Iterator[TestClient]:
    """A server that strangers reach."""
    with TestClient(create_app(with_(settings, host="0.0.0.0", token=TOKEN))) as client:
        yield client


def routes(client: TestClient) -> Iterator[tuple[str, str]]:
    """Every method and path of the app's routers, those that the OpenAPI document leaves out too."""
    for included in client.app.routes:  # type: ignore[attr-defined]
        router = getattr(included, "original_router", None)
        for route in router.routes if router is not None else [included]:
            yield from ((method, route.path) for method in getattr(route, "methods", None) or ())


def filled(path: str) -> str:
    return re.sub(r"{[^}]*}", "x", path)


def test_every_route_that_writes_needs_the_token(public: TestClient) -> None:
    checked = 0
    for method, path in routes(public):
        if method in SAFE or path in COMPUTES or path in OPEN:
            continue
        answer = public.request(method, filled(path), json={})
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "sign in at /sign-in" in answer.json()["error"]["message"]
        assert public.request(method, filled(path), json={}, headers=BEARER).status_code != 401, (method, path)
        checked += 1
    assert checked >= 7


def test_what_is_open_or_computes_exists_and_has_a_reason(public: TestClient) -> None:
    known = set(routes(public))
    for path, reason in (COMPUTES | OPEN).items():
        assert ("POST", path) in known and " " in reason, path
    for path in COMPUTING_GETS:
        assert ("GET", path) in known, path


#: Parts of the app that run the model, draw or write files.
COMPUTING = {
    deps.get_comparing, deps.get_experiments, deps.get_exports, deps.get_forks, deps.get_lab, deps.get_node_analyses,
    deps.get_node_labels, deps.get_programs, deps.get_prompt_analyses, deps.get_sizes, deps.get_sparsity,
    deps.get_trials,
}  # fmt: skip
#: GETs that are handed such a part and use it to read alone.
READING = {
    urls.CIRCUIT: "which circuits can stand beside it is a list",
    urls.CIRCUIT_LINEAGE_JSON: "where it came from stands in the store",
}


def asked_parts(dependant: Any) -> set[Any]:
    return {dependant.call}.union(*(asked_parts(inner) for inner in dependant.dependencies))


def test_whatever_a_get_computes_counts_against_its_visitor(public: TestClient) -> None:
    """A new route that is handed a computing part is limited, or says here why it need not be."""
    found = set()
    for included in public.app.routes:  # type: ignore[attr-defined]
        router = getattr(included, "original_router", None)
        for route in router.routes if router is not None else []:
            if "GET" in (route.methods or ()) and asked_parts(route.dependant) & COMPUTING:
                assert (route.path in COMPUTING_GETS) != (route.path in READING), route.path
                found.add(route.path)
    assert set(READING) <= found and {urls.CIRCUIT_EXPORT, urls.PROGRAM, urls.NODE_TASK_JSON} <= found


def test_pictures_files_and_programs_have_the_same_limit(public: TestClient) -> None:
    """Whoever has used up their minute is told when to come back, before anything is computed."""
    used_up = Allowance(per_minute=1, at_once=1, clock=lambda: 0.0)
    assert used_up.wait_s("testclient") == 0
    public.app.state.access.computing = used_up  # type: ignore[attr-defined]
    for path in COMPUTING_GETS:
        late = public.get(filled(path), headers=PAGE)
        assert late.status_code == 429 and late.headers["retry-after"] == "60", path
        assert "1 computations a minute are allowed; try again in 60 s" in late.text
        assert public.get(filled(path), headers=BEARER).status_code in (404, 422), path


def test_what_is_unlisted_stands_in_no_list_and_no_refusal(public: TestClient, circuit_id: str) -> None:
    kept = public.post(f"/circuits/{circuit_id}/annotations", json=WRITTEN, headers=BEARER).json()["id"]
    job = public.post("/jobs", json={"model": tiny.MODEL, "task": tiny.TASK}, headers=BEARER).json()["id"]
    assert len(kept) >= 12 and len(job) >= 12, "too many to try"
    for path in (
        "/", "/circuits", "/circuits.json", "/gallery", "/gallery.json", "/jobs.json", f"/circuits/{circuit_id}",
        f"/circuits/{circuit_id}/annotations.json", f"/circuits/{circuit_id}/lineage.json", "/annotations/x",
        "/annotations/x.json", "/jobs/x", "/jobs/x.json", f"/circuits/{circuit_id}?notes=x",
    ):  # fmt: skip
        public.cookies.clear()
        text = public.get(path, headers=PAGE).text
        assert kept not in text and job not in text, path
    assert public.get(f"/annotations/{kept}.json").status_code == 200, "whoever knows the address opens it"


def test_a_read_only_server_takes_nothing_even_with_a_token(settings: Settings, circuit_id: str) -> None:
    app = create_app(with_(settings, host="0.0.0.0", read_only=True, token=TOKEN))
    with TestClient(app) as client:
        refused = client.post(f"/circuits/{circuit_id}/annotations", json=WRITTEN, headers=BEARER)
        assert refused.status_code == 403 and "read-only" in refused.json()["error"]["message"]
        assert client.post(f"/circuits/{circuit_id}/runs", json={"prompt": "x = '"}).status_code == 200
        assert client.get("/", headers=PAGE).status_code == 200
        assert client.get("/sign-in.json").json() == {"standing": "read_only", "may_write": False}


def test_a_server_that_strangers_reach_does_not_start_without_a_token(settings: Settings) -> None:
    with pytest.raises(InputError, match=r"host '0.0.0.0' is open to others: set SPARSESCOPE_TOKEN"):
        create_app(with_(settings, host="0.0.0.0"))
    with pytest.raises(InputError, match="the token is too short; it must have at least 16 characters"):
        create_app(with_(settings, token="secret"))
    result = CliRunner().invoke(cli.app, ["serve", "--host", "::", "--data-dir", str(settings.data_dir)])
    assert result.exit_code == 2 and "SPARSESCOPE_READ_ONLY" in result.output


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1", "app.localhost"])
def test_names_of_this_machine(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "localhost.example.org", "", "127.0.0.1.nip.io"])
def test_names_of_others(host: str) -> None:
    assert not is_local(host)


def test_signing_in_and_out_in_a_browser(public: TestClient, circuit_id: str) -> None:
    assert 'href="/sign-in?next=/circuits"' in public.get("/circuits", headers=PAGE).text
    wrong = public.post("/sign-in", data={"token": "wrong", "next": "/jobs"})
    assert wrong.status_code == 401 and "This is not the token." in wrong.text and COOKIE not in wrong.cookies
    right = public.post("/sign-in", data={"token": TOKEN, "next": "/jobs"}, follow_redirects=False)
    assert (right.status_code, right.headers["location"]) == (303, "/jobs")
    cookie = next(c for c in right.headers.get_list("set-cookie") if c.startswith(COOKIE))
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    assert public.get("/sign-in.json").json() == {"standing": "signed_in", "may_write": True}
    assert "Sign out" in public.get("/circuits", headers=PAGE).text
    notes = f"/circuits/{circuit_id}/annotations"
    foreign = public.post(notes, json=WRITTEN, headers={"origin": "http://evil.example"})
    assert foreign.status_code == 403, "the cookie alone is not enough: the page must be ours"
    assert public.post(notes, json=WRITTEN, headers={"origin": "http://testserver"}).status_code == 201
    public.post("/sign-out")
    assert public.get("/sign-in.json").json() == {"standing": "visitor", "may_write": False}


@pytest.mark.parametrize(
    "forged", ["", "x", ".", "9999999999.", "9999999999.00", f"{TOKEN}", "９９９９９９９９９９.aa"]
)
def test_a_forged_session_is_none(public: TestClient, forged: str) -> None:
    cookie = {"cookie": f"{COOKIE}={forged}".encode()}
    assert public.get("/sign-in.json", headers=cookie).json()["standing"] == "visitor"  # type: ignore[arg-type]


def test_a_session_ends_with_the_token_and_with_time(public: TestClient, settings: Settings) -> None:
    access = public.app.state.access  # type: ignore[attr-defined]
    session = access.session()
    other = create_app(with_(settings, token="another token of theirs"))
    with TestClient(other) as client:
        assert client.get("/sign-in.json", headers={"cookie": f"{COOKIE}={session}"}).json()["standing"] == "visitor"
    past = f"1000.{access._proof('1000')}"
    assert public.get("/sign-in.json", headers={"cookie": f"{COOKIE}={past}"}).json()["standing"] == "visitor"


def test_whoever_guesses_is_slowed_down(public: TestClient) -> None:
    statuses = [public.post("/sign-in", data={"token": f"guess {n}"}).status_code for n in range(8)]
    assert statuses[:5] == [401] * 5 and 429 in statuses
    last = public.post("/sign-in", data={"token": TOKEN})
    assert last.status_code == 429 and int(last.headers["retry-after"]) >= 1


def test_a_server_at_home_takes_posts_from_its_own_names_only(client: TestClient, circuit_id: str) -> None:
    notes = f"/circuits/{circuit_id}/annotations"
    rebound = {"host": "evil.example", "origin": "http://evil.example", "sec-fetch-site": "same-origin"}
    assert client.post(notes, json=WRITTEN, headers=rebound).status_code == 403
    ours = {"host": "localhost:8000", "origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}
    assert client.post(notes, json=WRITTEN, headers=ours).status_code == 201


def test_strangers_compute_within_limits_and_the_owner_without(settings: Settings, circuit_id: str) -> None:
    app = create_app(with_(settings, host="0.0.0.0", token=TOKEN, computations_per_minute=4))
    with TestClient(app) as client:
        runs, body = f"/circuits/{circuit_id}/runs", {"prompt": "x = '"}
        node = client.get(f"/circuits/{circuit_id}.json").json()["nodes"][0]["id"]
        assert [client.post(runs, json=body).status_code for _ in range(3)] == [200, 200, 429]
        late = client.get(f"/circuits/{circuit_id}/nodes/{node}.json")
        assert late.status_code == 429 and late.json()["error"]["message"].startswith("4 computations a minute are")
        assert client.get(f"/circuits/{circuit_id}.json").status_code == 200, "what is only read has no limit"
        assert {client.post(runs, json=body, headers=BEARER).status_code for _ in range(5)} == {200}


def test_an_allowance_fills_with_time() -> None:
    now = [0.0]
    allowance = Allowance(per_minute=6, at_once=1, clock=lambda: now[0])
    assert [allowance.wait_s("a") for _ in range(4)] == [0, 0, 0, 10]
    assert allowance.wait_s("b") == 0, "another visitor has an allowance of their own"
    now[0] = 10.0
    assert [allowance.wait_s("a") for _ in range(2)] == [0, 10]
    assert allowance.enter("a") and not allowance.enter("a") and allowance.enter("b")
    allowance.leave("a")
    assert allowance.enter("a")


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb", "x"])
def test_nobody_is_sent_elsewhere(path: str) -> None:
    assert here(path) == "/"
    assert here("/circuits/ab?node=1") == "/circuits/ab?node=1"


def test_jobs_need_the_token(public: TestClient) -> None:
    body = {"model": tiny.MODEL, "task": tiny.TASK}
    assert public.post("/jobs", json=body).status_code == 401
    assert public.post("/jobs", json=body, headers=BEARER).status_code == 202
    assert public.post("/jobs", json=body, headers={"authorization": "Bearer wrong"}).status_code == 401
