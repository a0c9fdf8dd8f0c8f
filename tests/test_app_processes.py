"""Several processes that answer on one port: one set of workers, one count of requests, none left behind."""

from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from conftest import TINY, Server, serving, wait_for

N_ASKED = 24


def counted(server: Server, route: str) -> float:
    text = httpx.get(f"{server.url}/metrics", timeout=60).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return sum(s.value for s in samples if s.name == "sparsescope_requests_total" and s.labels["route"] == route)


def processes(server: Server, word: str) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(server.process.pid).children():
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):  # just killed
            found += [child] if word in " ".join(child.cmdline()) else []
    return found


def answers(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def server(tiny_bundle: Path, tmp_path: Path) -> "Server":  # type: ignore[misc]
    with serving(tiny_bundle, tmp_path / "data", **TINY, SPARSESCOPE_PROCESSES="2") as server:
        yield server


def test_processes_on_one_port_count_together_and_end_together(server: Server, circuit_id: str) -> None:
    wait_for(lambda: Path(server.log.name).read_text().count("Application startup complete") == 2, 120)
    for _ in range(N_ASKED):  # each on a connection of its own, so whichever is free takes it
        assert httpx.get(f"{server.url}/circuits/{circuit_id}.json", timeout=60).status_code == 200
    assert [counted(server, "/circuits/{circuit_id}.json") for _ in range(6)] == [N_ASKED] * 6, "whoever is asked"
    assert len(processes(server, "app.cli work")) == 1, "jobs run in one place"
    ready = httpx.get(f"{server.url}/readyz", timeout=60)
    wait_for(lambda: httpx.get(f"{server.url}/readyz", timeout=60).status_code == 200)
    assert ready.headers["x-request-id"]

    before = processes(server, "spawn_main")
    before[0].kill()
    wait_for(lambda: len({p.pid for p in processes(server, "spawn_main")} - {p.pid for p in before}) == 1, 60)
    wait_for(lambda: answers(server))

    left = psutil.Process(server.process.pid).children(recursive=True)
    server.kill()
    psutil.wait_procs(left, timeout=30)
    assert not [process for process in left if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert not answers(server)
