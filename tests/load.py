"""Two hundred visitors at once while a prune runs: how soon they are answered; the table goes into the README.

PYTHONPATH=.:tests .venv/bin/python tests/load.py --visitors 200 --seconds 60
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import gevent
import httpx
import psutil
from locust import FastHttpUser, constant, events, task
from locust.env import Environment

import visits
from app.marks import write_between
from app.settings import ROOT

MOST_P95_MS = 500
#: Between two requests of a visitor that are not of one page: a person looks at what came.
LOOKS_S = (4.0, 12.0)
MARKS = ("<!-- load: written by `make load` -->", "<!-- /load -->")
JOB_STEPS = 3000
SITE = visits.Site([], {})


class Visitor(FastHttpUser):
    """One person with one browser."""

    wait_time = constant(0)

    def on_start(self) -> None:
        self.choice = random.Random(self.environment.runner.user_count)  # type: ignore[union-attr]
        self.walk = visits.visit(SITE, self.choice)

    @task
    def next_page(self) -> None:
        ask = next(self.walk)
        if "script" not in ask.name:
            gevent.sleep(self.choice.uniform(*LOOKS_S))
        self.client.request(
            ask.method, ask.path, name=ask.name, json=ask.body, headers=ask.headers | {"accept-encoding": "gzip"}
        )


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """In a process without gevent, on a free port, with a worker; it says when it is up."""
    script = (
        "import sys, threading; from pathlib import Path; from conftest import serving, ROOT\n"
        "with serving(ROOT / 'bundle', Path(sys.argv[1]) / 'data', SPARSESCOPE_N_MEASURED_PAIRS='32') as server:\n"
        "    print(server.url, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    return process, process.stdout.readline().decode().strip()


def keep_pruning(url: str, stopping: threading.Event) -> None:
    """A job is always running: another is asked for whenever one has ended."""
    seed, job = 0, None
    while not stopping.is_set():
        if job is None or httpx.get(f"{url}{job}.json", timeout=60).json()["finished_at"]:
            job = httpx.post(f"{url}/jobs", json=visits.prune(SITE, seed, JOB_STEPS), timeout=60).json()["url"]
            seed += 1
        stopping.wait(2)


def processor_s(server: subprocess.Popen[bytes]) -> float:
    """What the web process has used of a processor until now, its worker left out."""
    web = [child for child in psutil.Process(server.pid).children() if "serve" in child.cmdline()]
    return sum(sum(child.cpu_times()[:2]) for child in web)


def table(
    environment: Environment, visitors: int, seconds: float, load: float, used_s: float, niceness: int
) -> list[str]:
    stats = environment.stats
    total = stats.total
    lines = [
        f"{visitors} visitors for {seconds:.0f} s on {os.cpu_count()} cores, which also run this measurement and a "
        f"prune in the worker: {total.num_requests:,} requests, {total.total_rps:.0f} a second, {total.num_failures} "
        f"failed. They took {used_s:.0f} s of one processor. Load average before it: {load:.1f}"
        f"{f'; visitors and server ran before other work, at niceness {niceness}' if niceness else ''}.",
        "",
        "| request | n | failed | median, ms | p95, ms | p99, ms |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for entry in [*sorted(stats.entries.values(), key=lambda entry: entry.name), total]:
        at = [round(entry.get_response_time_percentile(share)) for share in (0.5, 0.95, 0.99)]
        name = "**all**" if entry is total else entry.name
        lines.append(f"| {name} | {entry.num_requests:,} | {entry.num_failures} | {at[0]} | {at[1]} | {at[2]} |")
    return lines


def main() -> None:
    global SITE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--readme", type=Path)
    parser.add_argument(
        "--niceness", type=int, default=0, help="of visitors and server, below 0 on a machine with other work"
    )
    given = parser.parse_args()
    load = os.getloadavg()[0]
    os.nice(given.niceness)
    os.environ["SPARSESCOPE_WORKER_NICENESS"] = str(5 - given.niceness)  # the prune stays where it is
    with tempfile.TemporaryDirectory() as folder:
        server, url = start_server(Path(folder))
        try:
            SITE = visits.Site.of(url)
            environment = Environment(user_classes=[Visitor], events=events, host=url)
            runner = environment.create_local_runner()
            stopping = threading.Event()
            pruning = threading.Thread(target=keep_pruning, args=(url, stopping))
            pruning.start()
            runner.start(given.visitors, spawn_rate=given.visitors / 15)
            gevent.sleep(20)  # until all have come and the first pages are shown
            environment.stats.reset_all()
            used_s = processor_s(server)
            gevent.sleep(given.seconds)
            lines = table(
                environment, given.visitors, given.seconds, load, processor_s(server) - used_s, given.niceness
            )
            total = environment.stats.total
            p95, failed = total.get_response_time_percentile(0.95), total.num_failures
            for error in environment.stats.errors.values():
                print(error.to_name(), error.occurrences)
            runner.stop()
            runner.quit()
            stopping.set()
            pruning.join()
        finally:
            server.communicate(b"")
    print("\n".join(lines))
    if given.readme is not None:
        write_between(given.readme, *MARKS, lines)
    sys.exit(0 if p95 < MOST_P95_MS and not failed else 1)


if __name__ == "__main__":
    main()
