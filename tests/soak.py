"""Hours of steady visitors and jobs: fails where the memory of the server or of its worker goes on growing.

PYTHONPATH=.:tests .venv/bin/python tests/soak.py --minutes 60
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from app.settings import ROOT
from conftest import Server, serving
from visits import Site, prune, visit

#: Where the last two thirds of the run are steeper than this, it fails.
MOST_GROWTH_AN_HOUR = 0.05
#: A short run says little of an hour: what it grew by in all must be more than this, too.
NOISE_BYTES = 8 << 20
SAMPLE_S = 10.0
JOB_EVERY_S = 60.0
NO_ANSWER = "none"


@dataclass
class Curve:
    """Resident memory of one process over time; another process after it is another curve."""

    name: str
    at_s: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)

    def add(self, at_s: float, rss: int) -> None:
        self.at_s.append(at_s)
        self.rss.append(rss)

    def settled(self) -> tuple[list[float], list[int]]:
        first = self.at_s[0] + (self.at_s[-1] - self.at_s[0]) / 3
        kept = [i for i, at in enumerate(self.at_s) if at >= first]
        return [self.at_s[i] for i in kept], [self.rss[i] for i in kept]

    def slope(self) -> float:
        """Bytes an hour, a least-squares line through the last two thirds."""
        at_s, rss = self.settled()
        return statistics.linear_regression(at_s, rss).slope * 3600 if len(at_s) > 2 else 0.0

    def grows(self) -> bool:
        at_s, rss = self.settled()
        grown = self.slope() * (at_s[-1] - at_s[0]) / 3600
        return self.slope() > MOST_GROWTH_AN_HOUR * statistics.mean(rss) and grown > NOISE_BYTES


def processes(server: Server) -> Iterator[tuple[str, psutil.Process]]:
    web = psutil.Process(server.process.pid)
    yield "web", web
    for child in web.children():
        if "work" in child.cmdline():
            yield "worker", child


def visitor(url: str, site: Site, seed: int, pause_s: float, until: float, statuses: Counter[str]) -> None:
    choice = random.Random(seed)
    while time.monotonic() < until:
        # Another visitor: another cookie, other connections, which are let go before the server lets go of them.
        kept = httpx.Limits(keepalive_expiry=2)
        with httpx.Client(base_url=url, timeout=120, limits=kept) as client:
            for n, ask in enumerate(visit(site, choice)):
                if n >= 150 or time.monotonic() >= until:
                    break
                try:
                    answer = client.request(ask.method, ask.path, json=ask.body, headers=ask.headers)
                except httpx.TransportError as error:
                    statuses[NO_ANSWER] += 1
                    print(f"no answer to {ask.method} {ask.path}: {error!r}", flush=True)
                    continue
                statuses[str(answer.status_code)] += 1
                if answer.status_code >= 400:
                    print(f"{answer.status_code} {ask.method} {ask.path}: {answer.text[:200]}", flush=True)
                time.sleep(choice.expovariate(1 / pause_s))


def soak(server: Server, minutes: float, per_second: float, n_visitors: int = 4) -> bool:
    """Whether no request failed, every job ended well and no process grew."""
    site, started = Site.of(server.url), time.monotonic()
    until, statuses = started + 60 * minutes, Counter[str]()
    visitors = [
        threading.Thread(target=visitor, args=(server.url, site, n, n_visitors / per_second, until, statuses))
        for n in range(n_visitors)
    ]
    for thread in visitors:
        thread.start()
    curves: dict[int, Curve] = {}
    jobs: list[str] = []
    said = -600.0
    while time.monotonic() < until:
        now = time.monotonic() - started
        if now >= JOB_EVERY_S * len(jobs) and (not jobs or ended(server, jobs[-1])):
            body = prune(site, seed=len(jobs), n_steps=30)
            jobs.append(httpx.post(f"{server.url}/jobs", json=body, timeout=120).json()["id"])
        for name, process in processes(server):
            curves.setdefault(process.pid, Curve(name)).add(now, process.memory_info().rss)
        if now - said >= 600:
            said = now
            print_curves(curves, now, statuses)
        time.sleep(SAMPLE_S)
    for thread in visitors:
        thread.join()
    print_curves(curves, time.monotonic() - started, statuses)
    states: Counter[str] = Counter()
    for job in jobs:
        record = httpx.get(f"{server.url}/jobs/{job}.json", timeout=120).json()
        states[record["state"]] += 1
        if record["error"]:
            print(f"job {job}: {record['error']}")
    failed = sum(n for status, n in statuses.items() if status == NO_ANSWER or int(status) >= 400)
    grown = [curve for curve in curves.values() if curve.grows()]
    for curve in curves.values():
        print(
            f"{curve.name}: {curve.rss[0] >> 20} MiB at first, {curve.rss[-1] >> 20} at the end, most "
            f"{max(curve.rss) >> 20}; {curve.slope() / 2**20:+.1f} MiB an hour over the last two thirds"
            f"{': it grows' if curve in grown else ''}"
        )
    print(f"{sum(statuses.values()):,} requests, {failed} refused or failed; jobs: {dict(states)}")
    restarted = len(curves) - len({curve.name for curve in curves.values()})
    if restarted:
        print(f"{restarted} processes ended and were replaced")
    return not (grown or failed or restarted or states["failed"] or states["interrupted"])


def ended(server: Server, job: str) -> bool:
    """A slow machine gets fewer jobs, not a queue."""
    return bool(httpx.get(f"{server.url}/jobs/{job}.json", timeout=120).json()["finished_at"])


def print_curves(curves: dict[int, Curve], now_s: float, statuses: Counter[str]) -> None:
    sizes = ", ".join(f"{curve.name} {curve.rss[-1] / 2**20:.0f} MiB" for curve in curves.values())
    load = os.getloadavg()[0]
    print(f"{now_s / 60:5.1f} min: {sizes}; {dict(statuses)}; load average {load:.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--per-second", type=float, default=4, help="requests of all visitors together")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        more = {"OMP_NUM_THREADS": "1", "SPARSESCOPE_N_MEASURED_PAIRS": "32"}
        with serving(ROOT / "bundle", Path(folder) / "data", **more) as server:
            print(f"{given.minutes:g} minutes at {given.per_second:g} requests a second", flush=True)
            is_flat = soak(server, given.minutes, given.per_second)
    sys.exit(0 if is_flat else 1)


if __name__ == "__main__":
    main()
