"""A server in a process of its own: prunes arrive as a stream, survive a lost connection, and tell when it died."""

import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import tiny
from app.schemas import CircuitDetail, Job, JobDetail, StepEvent
from conftest import TINY, Server, serving, wait_for
from lasting import MINE, post_task
from test_app_annotations import WRITTEN

#: Steps so large that few nodes are left, which are soon measured.
QUICK = {
    "n_steps": 5, "pairs_per_step": 4, "target_loss_nats": 0.8, "lr": 0.3, "ease_penalty": False, "greedy": False,
    "cut_edges": False,
}  # fmt: skip
STOPPED = {"n_steps": 4000, "pairs_per_step": 4, "target_loss_nats": 0.5, "greedy": False, "cut_edges": False}
ENDLESS = {"n_steps": 5000, "pairs_per_step": 4}
UP_S = 120  # a worker process loads torch first, on a machine that may be busy


@pytest.fixture(scope="module", autouse=True)
def task(tiny_server: Server) -> str:
    """One of few pairs: a job on thousands would draw them for seconds before its first step."""
    return post_task(tiny_server.url)


def submit(server: Server, settings: dict[str, Any]) -> Job:
    body = {"model": tiny.MODEL, "task": MINE.name, "settings": settings}
    response = httpx.post(f"{server.url}/jobs", json=body, timeout=60)
    assert response.status_code in (200, 202) and response.headers["location"] == response.json()["url"]
    return Job.model_validate(response.json())


def job_of(server: Server, job: Job) -> JobDetail:
    return JobDetail.model_validate(httpx.get(f"{server.url}{job.url}.json", timeout=60).json())


def events(server: Server, job: Job, after: int | None = None) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(id, kind, data) of each event until the server ends the stream."""
    headers = {} if after is None else {"last-event-id": str(after)}
    with httpx.stream("GET", f"{server.url}{job.events_url}", headers=headers, timeout=UP_S) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in response.headers, "a compressed stream would be held back"
        event: dict[str, str] = {}
        for line in response.iter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value
            elif event:
                yield int(event["id"]), event["event"], json.loads(event["data"])
                event = {}


def test_a_prune_from_request_to_circuit(tiny_server: Server) -> None:
    job = submit(tiny_server, QUICK)
    sent = list(events(tiny_server, job))
    states = [data["state"] for _, kind, data in sent if kind == "state"]
    assert states == ["queued", "running", "done"] and sent[-1][1] == "state"
    steps = [StepEvent.model_validate(data) for _, kind, data in sent if kind == "step"]
    assert steps[0].phase == "learning" and steps[-1].phase == "measuring"
    assert max(step.step for step in steps) == 5
    ids = [number for number, _, _ in sent]
    assert ids == sorted(set(ids))

    assert list(events(tiny_server, job, after=ids[2])) == sent[3:], "a stream goes on where it broke off"
    assert [kind for _, kind, _ in events(tiny_server, job, after=ids[-1])] == ["state"], "the end is said again"

    done = job_of(tiny_server, job)
    assert done.state == "done" and done.circuit is not None
    text = httpx.get(f"{tiny_server.url}/circuits/{done.circuit}.json", timeout=60).text
    circuit = CircuitDetail.model_validate_json(text)
    assert circuit.id == done.circuit and circuit.provenance.settings.n_steps == 5
    assert circuit.measures.circuit.n_pairs == tiny.N_PAIRS and circuit.measures.circuit.split == "heldout"
    sizes = circuit.provenance.reached
    for last in (sizes[-1], done.reached[-1]):  # of the job, and of the first that made this circuit
        assert (last.phase, last.n_nodes, last.n_edges) == ("calibrating", circuit.n_nodes, circuit.n_edges)
    assert circuit.n_nodes == len(circuit.nodes) == steps[-1].n_nodes and circuit.n_edges == len(circuit.edges)

    again = submit(tiny_server, QUICK)
    assert again.id != job.id, "a job that has ended is not joined"
    list(events(tiny_server, again))
    assert job_of(tiny_server, again).circuit == done.circuit, "the same prune gives the same circuit"
    assert httpx.get(f"{tiny_server.url}/circuits/{done.circuit}.json", timeout=60).text == text, "and its record stays"


def test_a_running_prune_is_cancelled_within_a_second(tiny_server: Server) -> None:
    job, waiting = submit(tiny_server, ENDLESS), submit(tiny_server, QUICK)
    stream = events(tiny_server, job)
    while next(stream)[1] != "step":
        pass
    assert job_of(tiny_server, waiting).queue_place == 0
    answer = httpx.post(f"{tiny_server.url}{job.url}/cancel", timeout=60)
    assert answer.status_code == 200 and answer.json()["state"] == "cancelled"
    assert list(stream)[-1][2]["state"] == "cancelled"
    wait_for(lambda: job_of(tiny_server, waiting).state != "queued", timeout_s=15)
    assert list(events(tiny_server, waiting))[-1][2]["state"] == "done"


def test_a_queued_prune_is_cancelled_at_once(tiny_server: Server) -> None:
    running, queued = submit(tiny_server, ENDLESS), submit(tiny_server, ENDLESS | {"seed": 1})
    joined = submit(tiny_server, ENDLESS | {"seed": 1})
    assert joined.id == queued.id != running.id, "the same request joins the job that waits"
    for job in (queued, running):
        assert httpx.post(f"{tiny_server.url}{job.url}/cancel", timeout=60).json()["state"] == "cancelled"
    sent = [data["state"] for _, kind, data in events(tiny_server, queued) if kind == "state"]
    assert sent == ["queued", "cancelled"]
    again = httpx.post(f"{tiny_server.url}{queued.url}/cancel", timeout=60)
    assert again.status_code == 409 and "is cancelled already" in again.text


def test_a_prune_that_cannot_be_done_fails_with_a_sentence(tiny_server: Server) -> None:
    body = {"model": tiny.MODEL, "task": "while_return_true", "settings": QUICK}
    job = Job.model_validate(httpx.post(f"{tiny_server.url}/jobs", json=body, timeout=60).json())
    failed = list(events(tiny_server, job))[-1][2]
    assert failed["state"] == "failed"
    assert "tokens; this model reads at most" in failed["error"] or "is not one token" in failed["error"]
    assert httpx.get(f"{tiny_server.url}/healthz", timeout=60).status_code == 200


def test_pages_answer_while_a_prune_runs(tiny_server: Server, circuit_id: str) -> None:
    job = submit(tiny_server, ENDLESS)
    wait_for(lambda: job_of(tiny_server, job).state == "running", UP_S)
    for _ in range(5):
        response = httpx.get(f"{tiny_server.url}/circuits/{circuit_id}.json", timeout=60)
        assert response.status_code == 200
    assert job_of(tiny_server, job).state == "running", "none of them waited for its end"
    assert httpx.post(f"{tiny_server.url}{job.url}/cancel", timeout=60).status_code == 200


def test_a_prune_that_is_stopped_keeps_the_best_circuit_so_far(tiny_server: Server) -> None:
    job = submit(tiny_server, STOPPED)
    stream = events(tiny_server, job)
    while next(stream)[1] != "step":
        pass
    assert httpx.post(f"{tiny_server.url}{job.url}/stop", timeout=60).json()["stop_asked"]
    last = list(stream)[-1][2]
    assert last["state"] == "done" and last["stop_asked"]
    circuit = CircuitDetail.model_validate(
        httpx.get(f"{tiny_server.url}/circuits/{last['circuit']}.json", timeout=60).json()
    )
    assert 0 < circuit.provenance.n_steps_run < STOPPED["n_steps"] and circuit.nodes
    log = httpx.get(f"{tiny_server.url}{job.url}/log.json", timeout=60).json()
    assert [line["message"] for line in log][0] == "asked for" and log[-1]["message"] == "done"
    page = httpx.get(f"{tiny_server.url}{job.url}", headers={"accept": "text/html"}, timeout=60).text
    assert "asked to stop and to keep what there is" in page
    assert httpx.post(f"{tiny_server.url}{job.url}/stop", timeout=60).status_code == 409


def test_a_server_that_is_stopped_ends_soon_even_with_a_stream_open(tiny_bundle: Path, tmp_path: Path) -> None:
    with serving(tiny_bundle, tmp_path / "data", **TINY) as server:
        assert post_task(server.url) == MINE.name
        job = submit(server, ENDLESS)
        stream = events(server, job)
        while next(stream)[1] != "step":
            pass
        server.process.terminate()
        assert server.process.wait(timeout=60) is not None
        with pytest.raises(httpx.TransportError):
            list(stream)
            httpx.get(f"{server.url}/healthz", timeout=60)


def test_two_servers_share_a_queue(tiny_server: Server, tiny_bundle: Path) -> None:
    """One works, the other only serves; a job that is asked for here is done there and streamed here."""
    with serving(tiny_bundle, tiny_server.data_dir, **TINY, SPARSESCOPE_WORKER="false") as web:
        job = submit(web, QUICK | {"seed": 5})
        sent = list(events(web, job))
        assert sent[-1][2]["state"] == "done" and [kind for _, kind, _ in sent].count("step") > 1
        assert job_of(web, job).circuit is not None
        assert list(events(tiny_server, job)) == sent


def test_a_full_disk_is_said_and_nothing_is_half_kept(tiny_server: Server, circuit_id: str) -> None:
    """The server may write no further; whatever would be written down is refused whole, until there is room again."""
    files, pid = tiny_server.data_dir, tiny_server.process.pid
    note = f"{tiny_server.url}/circuits/{circuit_id}/annotations"
    upload = {"files": ("mine.zip", bytes(2_000_000), "application/zip")}  # more than is held in memory
    small = {"files": ("config.json", b"{}", "application/json")}
    was = sorted(path.relative_to(files) for path in files.glob("**/*") if "workers" not in path.parts)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        answers = [
            httpx.post(note, json=WRITTEN, timeout=60),
            httpx.post(f"{tiny_server.url}/models", files=upload, timeout=60),
            httpx.post(f"{tiny_server.url}/models", files=small, timeout=60),
        ]
        for answer in answers:
            assert answer.status_code == 507, answer.text
            assert answer.json()["error"]["message"].startswith("the server's disk is full; nothing was kept")
        assert httpx.get(f"{tiny_server.url}/circuits/{circuit_id}.json", timeout=60).status_code == 200, (
            "pages are read on"
        )
        assert WRITTEN["author"] not in httpx.get(f"{note}.json", timeout=60).text
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    now = sorted(path.relative_to(files) for path in files.glob("**/*") if "workers" not in path.parts)
    assert [path for path in now if path not in was and path.name != "staging"] == []
    assert httpx.post(note, json=WRITTEN, timeout=60).status_code == 201, "the same server, once there is room"


def test_a_search_keeps_the_best_of_its_trials(tiny_server: Server) -> None:
    settings = {"n_steps": 4, "pairs_per_step": 2, "target_loss_nats": 5, "greedy": False, "cut_edges": False}
    body = {"model": tiny.MODEL, "task": MINE.name, "settings": settings, "n_trials": 2}
    answer = httpx.post(f"{tiny_server.url}/jobs/searches", json=body, timeout=60)
    assert answer.status_code == 202
    job = Job.model_validate(answer.json())
    assert httpx.post(f"{tiny_server.url}/jobs/searches", json=body, timeout=60).json()["id"] == job.id, "joined"
    sent = list(events(tiny_server, job))
    assert sent[-1][2]["state"] == "done"
    assert {data["phase"] for _, kind, data in sent if kind == "step"} == {"searching"}
    messages = [data["message"] for _, kind, data in sent if kind == "log"]
    assert [m.split(":")[0] for m in messages if m.startswith("trial")] == ["trial 1 of 2", "trial 2 of 2"]
    circuit = httpx.get(f"{tiny_server.url}/circuits/{sent[-1][2]['circuit']}.json", timeout=60).json()
    assert len(circuit["provenance"]["search"]["trials"]) == 2
    page = httpx.get(f"{tiny_server.url}{job.url}", headers={"accept": "text/html"}, timeout=60).text
    assert "2 trials" in page and "Searching settings" in page
