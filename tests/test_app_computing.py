"""What is computed is computed once for all who ask, few at a time, and holds up nobody who only reads."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import convert_circuit
from app.convert_circuit import Shown
from app.main import create_app
from app.once import Once
from app.schemas import CircuitDetail
from app.settings import Settings
from conftest import wait_for

AT_ONCE = 2


def test_those_who_ask_at_once_share_one_answer() -> None:
    asked, go = [], threading.Event()

    def make(n: int) -> list[int]:
        asked.append(n)
        assert go.wait(20)
        return [n]

    once = Once(make, 2)
    with ThreadPoolExecutor(6) as pool:
        found = [pool.submit(once, 1) for _ in range(5)]
        other = pool.submit(once, 2)
        wait_for(lambda: sorted(asked) == [1, 2])
        go.set()
        assert all(answer.result() is found[0].result() for answer in found) and other.result() == [2]
    once(1), once(3)
    assert asked.count(1) == 1, "it was asked for after the other, which went"
    once(2)
    assert asked.count(2) == 2


def test_a_failure_reaches_all_who_wait_and_is_not_remembered() -> None:
    asked, go = [], threading.Event()

    def make() -> int:
        asked.append(1)
        assert go.wait(20)
        if len(asked) == 1:
            raise ValueError("not now")
        return 7

    once = Once(make, 4)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(once)
        wait_for(lambda: bool(asked))
        second = pool.submit(once)
        go.set()
        for failed in (first, second):
            with pytest.raises(ValueError, match="not now"):
                failed.result()
    assert once() == 7


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update={"computing_slots": AT_ONCE}))) as client:
        yield client


def test_few_compute_at_once_and_pages_do_not_wait_for_them(
    client: TestClient, circuit: CircuitDetail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty panels, more than there are threads, while the model takes as long as this test likes."""
    go, running, most = threading.Event(), [0], [0]
    lock, shown = threading.Lock(), convert_circuit.shown

    def slow(*given: Any) -> Shown:
        assert go.wait(60)
        return shown(*given)

    experiments = client.app.state.experiments  # type: ignore[attr-defined]
    node = experiments.node

    def counted(circuit_id: str, node_id: str) -> Any:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        try:
            return node(circuit_id, node_id)
        finally:
            with lock:
                running[0] -= 1

    monkeypatch.setattr(convert_circuit, "shown", slow)
    monkeypatch.setattr(experiments, "node", counted)
    panels = [f"/circuits/{circuit.id}/nodes/{circuit.nodes[0].id}.json?n={n}" for n in range(60)]
    with ThreadPoolExecutor(60) as pool:
        answers = [pool.submit(client.get, panel) for panel in panels]
        try:
            wait_for(lambda: running[0] == AT_ONCE)
            for path in ("/", "/jobs", f"/circuits/{circuit.id}", "/healthz"):
                assert client.get(path, headers={"accept": "text/html"}).status_code == 200
            run = client.post(f"/circuits/{circuit.id}/runs", json={"prompt": "x = '"})
            assert run.status_code == 200, "an experiment does not wait behind panels"
        finally:
            go.set()
        assert {answer.result().status_code for answer in answers} == {200}
    assert most[0] == AT_ONCE and running[0] == 0
