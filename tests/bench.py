"""Times what a person waits for, on the app's own bundle in a server of its own: `make bench`."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from app.schemas import CircuitDetail, CircuitSummary
from app.settings import ROOT
from conftest import serving

N_TIMES = 7


def timed(what: str, act: Callable[[int], httpx.Response], n: int = N_TIMES) -> None:
    """Median and worst of `n` times, after one that does not count; `act` is given the number of the time."""
    seconds, size = [], 0
    for i in range(n + 1):
        started = time.perf_counter()
        response = act(i)
        seconds.append(time.perf_counter() - started)
        assert response.status_code < 300, response.text
        size = len(response.content)
    first, *others = (1000 * s for s in seconds)
    print(f"{what:42} {statistics.median(others):9.1f} {max(others):9.1f} {first:9.1f} {size / 1000:9.1f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        with serving(ROOT / "bundle", Path(folder) / "data") as server, httpx.Client(base_url=server.url) as client:
            print(f"start to first answer: {time.perf_counter() - started:.1f} s\n")
            print(f"{'':42} {'median ms':>9} {'worst ms':>9} {'first ms':>9} {'kB':>9}")
            html = {"accept": "text/html"}
            timed("home page", lambda _: client.get("/", headers=html))
            summaries = [CircuitSummary.model_validate(c) for c in client.get("/circuits.json").json()]
            small, large = (pick(summaries, key=lambda c: c.n_nodes) for pick in (min, max))
            for words, circuit in (("smallest", small), ("largest", large)):
                measure_circuit(client, f"{words} circuit ({circuit.n_nodes} nodes)", circuit.url)
            measure_prune(client, small)


def measure_circuit(client: httpx.Client, words: str, url: str) -> None:
    circuit = CircuitDetail.model_validate_json(client.get(f"{url}.json").text)
    nodes = [node.id for node in circuit.nodes]
    print(words)
    timed("  page", lambda _: client.get(url, headers={"accept": "text/html"}))
    timed("  JSON", lambda _: client.get(f"{url}.json"))
    timed("  node", lambda i: client.get(f"{url}/nodes/{nodes[i % len(nodes)]}.json"))
    timed("  run of a prompt", lambda _: client.post(f"{url}/runs", json={"prompt": circuit.example.prompts[0]}))
    for kind in ("circuit", "model"):
        target = {"kind": "circuit", "circuit": circuit.id}
        if kind == "model":
            target = {"kind": "model", "model": circuit.model, "task": circuit.task}

        def cut(i: int, target: dict[str, str] = target) -> httpx.Response:
            return client.post("/ablations", json={"target": target, "nodes": [nodes[i % len(nodes)]]})

        timed(f"  cut of a node in the {kind}, 64 pairs", cut)


def measure_prune(client: httpx.Client, circuit: CircuitSummary) -> None:
    started = time.perf_counter()
    job = client.post("/jobs", json={"model": circuit.model, "task": circuit.task, "settings": {"seed": 1}}).json()
    while job["state"] in ("queued", "running"):
        time.sleep(0.2)
        job = client.get(f"{job['url']}.json").json()
    print(f"\nprune of {circuit.task} as the form has it: {job['state']} in {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
